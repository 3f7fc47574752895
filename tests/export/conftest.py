"""Small clips made here; the training libraries where they are installed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgevid.support.opencv import cv2

SIZE = 48  # pixels: the layers are the real ones, the pictures small

FOUR = "four layers"
DEPTHS = [FOUR, pytest.param("all layers", marks=pytest.mark.slow)]

MakeClip = Callable[..., Path]


@pytest.fixture(scope="session")
def network_module() -> Any:
    """``export.model.network``, skipped where TensorFlow and the Model Garden are not installed."""
    reason = "needs the extra 'train': TensorFlow and tf-models-official"
    tf = pytest.importorskip("tensorflow", reason=reason)
    (processor,) = tf.config.list_physical_devices("CPU")
    with contextlib.suppress(RuntimeError):  # once it has started, TensorFlow keeps its devices
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(processor, two)  # stand for two GPUs
    pytest.importorskip("official.projects.movinet", reason=reason)
    from export.model import network

    return network


def four_layers(specs: Any) -> Any:
    """A network's specification cut short: what does not depend on depth is sooner tested."""
    stem, *blocks, head = specs
    if len(blocks) == 2:  # it is short already
        return specs
    short = [
        replace(
            block,
            kernel_sizes=block.kernel_sizes[:2],
            strides=block.strides[:2],
            expand_filters=block.expand_filters[:2],
        )
        for block in blocks[1:3]
    ]
    return (stem, *short, head)


@contextlib.contextmanager
def of_depth(network_module: Any, layers: str) -> Iterator[None]:
    """Makes A0 a network of four layers, or leaves it as it is, until the block ends."""
    specs = network_module.movinet.BLOCK_SPECS
    with pytest.MonkeyPatch.context() as patch:
        if layers == FOUR:
            patch.setitem(specs, "a0", four_layers(specs["a0"]))
        yield


@pytest.fixture
def few_blocks(network_module: Any) -> Iterator[None]:
    """Makes A0 a network of four layers."""
    with of_depth(network_module, FOUR):
        yield


@pytest.fixture(params=DEPTHS)
def depth(request: pytest.FixtureRequest, network_module: Any) -> Iterator[None]:
    """Makes A0 a network of four layers; in the long form of a test it stays whole."""
    with of_depth(network_module, request.param):
        yield


@pytest.fixture(scope="module", params=DEPTHS)
def depth_of_module(request: pytest.FixtureRequest, network_module: Any) -> Iterator[None]:
    """The same for what a module's tests share: a network asks for its depth when it runs too."""
    with of_depth(network_module, request.param):
        yield


@pytest.fixture
def small(network_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes A0 look at small pictures."""
    monkeypatch.setitem(network_module.INPUT_SIZE, "a0", SIZE)


@pytest.fixture
def make_clip() -> MakeClip:
    """Writes a clip in which a square moves over noise that stands still."""

    def make(
        path: Path, *, frames: int = 12, fps: float = 10.0, step: tuple[int, int] = (3, 0),
        seed: int = 0, size: tuple[int, int] = (64, 48),
    ) -> Path:  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        width, height = size
        still = np.random.default_rng(seed).integers(0, 120, (height, width, 3), np.uint8)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, size)
        for number in range(frames):
            picture = still.copy()
            x, y = (4 + number * s for s in step)
            picture[y % height :, x % width :][:12, :12] = 255
            writer.write(picture)
        writer.release()
        return path

    return make
