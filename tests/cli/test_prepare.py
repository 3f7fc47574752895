from __future__ import annotations

from pathlib import Path

import pytest

from edgevid.cli.prepare import main
from edgevid.modelfile import flatbuffer, signature
from tests.prepare.mini_movinet import LABELS, mini_movinet


@pytest.fixture
def published(tmp_path: Path) -> Path:
    path = tmp_path / "published.tflite"
    path.write_bytes(mini_movinet(int8=True))
    return path


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(LABELS) + "\n")
    return path


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_explains_each_pass(
    published: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "edge.tflite"
    assert run(published, "-o", out, "--labels", labels, "--target", "pi4", "--explain") == 0
    said = capsys.readouterr().out
    assert "bound memory          2 causal pools to float32 running means" in said
    assert "keep confidence       nothing to do" in said
    assert "ready for pi4" in said
    assert out.exists()
    assert run(out, "-o", tmp_path / "again.tflite") == 0
    assert "had been prepared before" in capsys.readouterr().out
    assert (tmp_path / "again.tflite").read_bytes() == out.read_bytes()


def test_the_network_up_to_its_features(published: Path, labels: Path, tmp_path: Path) -> None:
    out = tmp_path / "features.tflite"
    assert run(published, "-o", out, "--labels", labels, "--target", "web", "--features") == 0
    network = signature.of(flatbuffer.read(out.read_bytes()))
    assert network.features is not None
    assert (network.logits, network.image.dtype) == (None, "int8")


@pytest.mark.parametrize(
    ("model", "code", "reason"),
    [
        ("absent.tflite", 1, "cannot be read"),
        ("labels.txt", 1, "not a .tflite file"),
        ("published.tflite", 1, "4 classes and no labels"),
    ],
)
def test_says_in_one_line_what_is_wrong(
    published: Path, labels: Path, capsys: pytest.CaptureFixture[str], model: str, code: int,
    reason: str,
) -> None:  # fmt: skip
    out = published.parent / "edge.tflite"
    assert run(published.parent / model, "-o", out) == code
    said = capsys.readouterr().err
    assert reason in said
    assert model in said
    assert said.count("\n") == 1
    assert {path.name for path in published.parent.iterdir()} == {"published.tflite", "labels.txt"}


def test_never_overwrites_its_source(
    published: Path, labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = published.read_bytes()
    assert run(published, "-o", published, "--labels", labels) == 2
    assert "is the published file itself" in capsys.readouterr().err
    assert published.read_bytes() == before


def test_an_output_that_cannot_be_written(
    published: Path, labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(published, "-o", labels / "edge.tflite", "--labels", labels) == 1
    assert "cannot be written" in capsys.readouterr().err
