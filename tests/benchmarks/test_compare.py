from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import clips
from benchmarks.compare import ENVIRONMENTS, PEERS, draw, main
from benchmarks.peers.litert_twin import LiteRtLoop
from benchmarks.peers.official import OfficialLoop
from benchmarks.peers.twin import float_twin
from benchmarks.peers.worker import LOOPS
from edgevid.modelfile import label_files
from tests.conftest import LabelledClip


def test_every_peer_has_a_loop_and_an_environment() -> None:
    for peer in PEERS:
        assert peer.name in LOOPS
        assert peer.environment is None or peer.environment in ENVIRONMENTS
    assert {peer.name for peer in PEERS} == set(LOOPS)


def test_loops_take_turns_and_agree(
    real_clips: list[LabelledClip], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that need no environment of their own, and one whose environment cannot be made.

    They run one file, or its float twin: over a clip's frames they put nine tenths of their
    probability on the same classes. The rest, which rounding to int8 may move, can only make them
    choose another class where two are about as likely: in a fifth of the frames at most.
    """
    (tmp_path / "onnxruntime" / "bin").mkdir(parents=True)
    (tmp_path / "onnxruntime" / "complete").touch()
    out = tmp_path / "compare.json"
    only = ["edgevid", "official on litert", "litert", "onnxruntime"]
    arguments = ["--quick", "--environments", str(tmp_path), "--json", str(out), "--only", *only]
    assert main(arguments) == 0
    found = json.loads(out.read_text())
    _, official, floats = found["rows"]
    for row in found["rows"]:
        assert 0 < row["minimum ms"] <= row["median ms"]
    for row in (official, floats):
        assert row["top-1 agrees"] > 0.8
        assert row["probability elsewhere"] < 0.1
    assert "network.onnx" in found["missing"]["onnxruntime"]
    assert "onnxruntime: there is no network.onnx" in capsys.readouterr().out


def test_the_twin_is_the_published_network_in_float(
    published_path: Path, real_clips: list[LabelledClip], tmp_path: Path
) -> None:
    twin = tmp_path / "twin.tflite"
    twin.write_bytes(float_twin(published_path.read_bytes()))
    labels = label_files.default(600)
    loops = LiteRtLoop(str(twin), labels), OfficialLoop(str(clips.published_path()), labels)
    clip = next(c for c in real_clips if "rpi_carving_ice" in c.path.name)
    for picture in clip.pictures(10):
        one, other = (loop.logits(picture) for loop in loops)
    assert np.corrcoef(one, other)[0, 1] > 0.9
    assert loops[0].step(picture)[0][0] == loops[1].step(picture)[0].label == "carving ice"


def test_the_picture_is_a_png(tmp_path: Path) -> None:
    rows = [{"loop": name, "median ms": 1.0 + place} for place, name in enumerate("abc")]
    draw(rows, tmp_path / "bars.png")
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")
