from typing import Any

import numpy as np
import pytest

from tests.export.conftest import SIZE


@pytest.fixture(scope="module", params=["relu6", "hard_swish"])
def network(request: pytest.FixtureRequest, network_module: Any, depth_of_module: None) -> Any:
    """A network of which every layer matters: fresh ones start with empty branches."""
    made = network_module.Network(network_module.Architecture("a0", request.param, 5))
    rng = np.random.default_rng(0)
    for variable in made.weights:
        if variable.name.endswith("scale:0"):
            variable.assign(0.8)
        if "moving_variance" in variable.name:
            variable.assign(rng.uniform(0.5, 2, variable.shape))
    return made


@pytest.mark.parametrize("memory", [np.inf, 4.0])
def test_a_clip_equals_its_frames_one_by_one(
    network: Any, network_module: Any, memory: float
) -> None:
    image = np.random.default_rng(1).random((2, 11, SIZE, SIZE, 3), np.float32)
    alpha = np.tile(network_module.alphas(11, memory), (2, 1))
    clip = network({"image": image, "alpha": alpha})
    states: dict[str, Any] = {}
    for number in range(11):
        part = slice(number, number + 1)
        states = network({"image": image[:, part], "alpha": alpha[:, part], **states})
        logits = states.pop("logits")
        assert np.allclose(logits[:, 0], clip["logits"][:, number], atol=1e-5)
    assert states.keys() == network.state_shapes(SIZE).keys()
    for name, shape in network.state_shapes(SIZE).items():
        assert tuple(states[name].shape)[1:] == shape[1:]
        assert np.allclose(states[name], clip[name], atol=1e-5)


def test_memory_matters(network: Any, network_module: Any) -> None:
    image = np.random.default_rng(1).random((1, 11, SIZE, SIZE, 3), np.float32)
    image[:, :6] *= 0.1
    ends = [
        network({"image": image, "alpha": network_module.alphas(11, memory)[None]})["logits"][:, -1]
        for memory in (np.inf, 2.0)
    ]
    assert np.abs(ends[0] - ends[1]).max() > 1e-4


def test_padding_with_alpha_0_changes_no_mean(network: Any, network_module: Any) -> None:
    image = np.random.default_rng(2).random((1, 9, SIZE, SIZE, 3), np.float32)
    alpha = network_module.alphas(9)[None].copy()
    short = network({"image": image[:, :6], "alpha": alpha[:, :6]})["logits"][:, -1]
    alpha[:, 6:] = 0
    padded = network({"image": image, "alpha": alpha})["logits"][:, -1]
    # Without squeeze-and-excitation nothing but the means reaches the classifier; with it the
    # padded frames pass through blocks that see the same means.
    assert np.allclose(short, padded, atol=1e-5)


def test_alphas() -> None:
    pytest.importorskip("tensorflow", reason="needs the extra 'train'")
    from export.model.network import alphas

    assert np.allclose(alphas(4), [1, 1 / 2, 1 / 3, 1 / 4])
    assert np.allclose(alphas(4, 2), [1, 1 / 2, 1 / 2, 1 / 2])
    assert np.allclose(alphas(2, seen=3), [1 / 4, 1 / 5])


@pytest.mark.parametrize(("size", "style", "classes"), [("a9", "relu6", 5), ("a0", "gelu", 5),
                                                        ("a0", "relu6", 1)])  # fmt: skip
def test_architectures_that_do_not_exist(
    network_module: Any, size: str, style: str, classes: int
) -> None:
    from edgevid.errors import UsageError

    with pytest.raises(UsageError):
        network_module.Architecture(size, style, classes)
