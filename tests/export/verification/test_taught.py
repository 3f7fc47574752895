"""Taught files verified: against themselves all at once, and against what they came from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgevid.modelfile import manifest
from edgevid.modelfile.head import Head
from edgevid.modelfile.manifest import EventRules
from edgevid.models.load import load_model
from edgevid.prepare import prepare
from edgevid.runtime.head import HeadState
from edgevid.teach import taught
from export import verify
from export.verification.limits import Limits
from export.verification.taught import OfFile, TaughtComparison, all_at_once
from tests.conftest import moving_pictures, write_video
from tests.export.conftest import SIZE
from tests.prepare.mini_movinet import CHANNELS, LABELS, mini_movinet

RULES = EventRules(0.5, 0.2, 0.0, 0.1)


def head_for(features: int, labels: int = 1) -> Head:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(labels, 2 * features)).astype(np.float32)
    return Head((1, 4), weights, np.zeros(labels, np.float32), roots=1)


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parent") / "mini.tflite"
    path.write_bytes(prepare(mini_movinet(int8=True, se=False), name="mini", labels=LABELS).data)
    return path


@pytest.fixture
def file(parent: Path, tmp_path: Path) -> Path:
    path, head = tmp_path / "red.tflite", head_for(CHANNELS)
    path.write_bytes(taught(parent.read_bytes(), head, name="red", labels=("red",), events=RULES))
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two recordings and a table of when it is red in one; a third cannot be read."""
    pictures = moving_pictures(30)
    for picture in pictures[10:20]:
        picture[...] = (230, 20, 20)
    write_video(tmp_path / "red.mp4", pictures, fps=5.0)
    write_video(tmp_path / "ordinary.mp4", moving_pictures(20), fps=5.0)
    (tmp_path / "damaged.mp4").write_bytes(b"no video")
    path = tmp_path / "table.csv"
    path.write_text(
        "path,start,end,label\nred.mp4,2,4,red\nordinary.mp4,,,background\n"
        "damaged.mp4,,,background\n"
    )
    return path


def test_a_taught_file_says_live_what_its_head_makes_of_all_at_once(
    file: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = load_model(file).manifest
    file.write_bytes(manifest.write(file.read_bytes(), replace(before, metrics={"ours": 1})))
    assert verify.main([str(file), "--data", str(table)]) == 0
    said = capsys.readouterr().out
    assert "| red.tflite | red | " in said
    assert "2, 50 frames" in said
    metrics = load_model(file).manifest.metrics
    found: Any = metrics["verified"]
    assert metrics["ours"] == 1
    assert found["live"] < 1e-5
    assert (found["features"], found["reference_partitions"]) == (None, None)
    assert found["labels"]["red"]["shown"] == 1
    assert found["labels"]["red"]["hours"] == pytest.approx(8 / 3600, abs=1e-4)


def test_its_features_are_those_of_the_file_that_it_was_taught_from(
    file: Path, parent: Path, table: Path, tmp_path: Path
) -> None:
    figures = tmp_path / "figures.json"
    words = [str(parent), str(file), "--data", str(table), "--json", str(figures)]
    assert verify.main(words) == 0
    found: Any = load_model(file).manifest.metrics["verified"]
    assert found["features"] == found["divergence"] == 0
    assert found["partitions"] == found["reference_partitions"]
    assert '"red.tflite"' in figures.read_text()


def test_another_network_is_past_the_limit(
    file: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.tflite"
    published = mini_movinet(int8=False, se=True)
    other.write_bytes(prepare(published, name="other", labels=LABELS).data)
    assert verify.main([str(other), str(file), "--data", str(table)]) == 1
    assert "divergence" in capsys.readouterr().err


def test_what_the_stream_forgets_shows(
    file: Path, table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = HeadState.step

    def forgetful(self: HeadState, features: Any) -> Any:
        self.means.clear()
        return step(self, features)

    monkeypatch.setattr(HeadState, "step", forgetful)
    assert verify.main([str(file), "--data", str(table)]) == 1
    assert "live is" in capsys.readouterr().err


def test_more_pieces_than_the_reference_are_a_failure() -> None:
    found = TaughtComparison("given", 1, 9, 0.0, 0.0, 0.0, 3, 1, 1.0, 1.0, {})
    assert found.failures(Limits()) == ["it runs in 3 pieces, the reference in 1"]
    assert not replace(found, reference_partitions=None).failures(Limits())


def test_breaks_are_where_means_begin_anew() -> None:
    head, rng = head_for(3, labels=2), np.random.default_rng(1)
    features = rng.random((12, 3)).astype(np.float32)
    breaks = np.isin(np.arange(12), (0, 5))
    state, live = HeadState(head), []
    for values, is_break in zip(features, breaks, strict=True):
        if is_break:
            state.means.clear()
        live.append(state.step(values))
    np.testing.assert_allclose(all_at_once(head, features, breaks), live, atol=1e-5)


@pytest.mark.parametrize(
    ("code", "words", "reason"),
    [
        (2, ["red.tflite", "--data", "blue.csv"], "a label that"),
        (2, ["mini.tflite", "--data", "table.csv"], "was not taught: give the network.npz"),
        (2, ["red.tflite", "mini.tflite", "--data", "table.csv"], "give the network.npz"),
        (
            2,
            ["red.tflite", "red.tflite", "mini.tflite", "--data", "table.csv"],
            "one after the other",
        ),
        (2, ["red.tflite", "--data", "table.csv", "--root", "x"], "not for taught files"),
        (1, ["red.tflite", "--data", "damaged.csv"], "no recording to compare on"),
        (1, ["nowhere.tflite", "red.tflite", "--data", "table.csv"], "nowhere.tflite"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    code: int, words: list[str], reason: str, file: Path, parent: Path, table: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(file.parent)
    Path("mini.tflite").write_bytes(parent.read_bytes())
    Path("blue.csv").write_text("path,start,end,label\nred.mp4,2,4,blue\n")
    Path("damaged.csv").write_text("path,label\ndamaged.mp4,background\n")
    before = file.read_bytes()
    assert verify.main(words) == code
    assert reason in capsys.readouterr().err.splitlines()[-1]
    assert file.read_bytes() == before


def test_a_network_with_other_features_is_refused(file: Path, table: Path) -> None:
    from edgevid.errors import ModelError
    from export.verification.taught import verify as verify_taught

    class Other(OfFile):
        def step(self, frame: Any) -> Any:
            return super().step(frame)[:-1]

    with pytest.raises(ModelError, match="another network"):
        verify_taught([file], table, Other(file))


@pytest.mark.usefixtures("small", "few_blocks")
def test_against_the_network_in_float(network_module: Any, table: Path, tmp_path: Path) -> None:
    from export.conversion.export import export_tflite
    from export.model import checkpoint

    network = network_module.Network(network_module.Architecture("a0", "relu6", 2))
    checkpoint.save(tmp_path / "network.npz", network, ("a", "b"))
    clips = [np.random.default_rng(0).integers(0, 255, (4, SIZE, SIZE, 3)).astype(np.uint8)]
    exported = export_tflite(
        network, ("a", "b"), clips, precision="float32", memory=3.0, name="x",
        target="pi4",  # for which weights stay as they are
    )  # fmt: skip
    head = head_for(load_features(exported))
    file = tmp_path / "red.tflite"
    file.write_bytes(taught(exported, head, name="red", labels=("red",), events=RULES))
    assert verify.main([str(tmp_path / "network.npz"), str(file), "--data", str(table)]) == 0
    found: Any = load_model(file).manifest.metrics["verified"]
    assert 0 < found["features"] < 1e-3
    assert found["reference_step_ms"] is None


def load_features(content: bytes) -> int:
    from edgevid.modelfile import model_file

    features = model_file.read(content).signature.features
    assert features is not None
    return features.shape[-1]
