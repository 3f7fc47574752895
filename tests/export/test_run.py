"""From clips to a verified file, by the commands that a user types."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from edgevid.errors import UsageError
from edgevid.loading import load_model
from tests.export.conftest import SIZE, MakeClip


def forty_clips(folder: Path, make_clip: MakeClip) -> None:
    for number in range(20):
        for label, step in (("right", (3, 0)), ("down", (0, 3))):
            side = "test" if number >= 16 else "train"
            make_clip(folder / side / label / f"p{number}_{label}.avi", step=step, seed=number)
    (folder / "train" / "right" / "p99_broken.avi").write_bytes(b"not a video")


@pytest.fixture
def small(network_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(network_module.INPUT_SIZE, "a0", SIZE)


def test_forty_clips_to_a_verified_file(
    tmp_path: Path, make_clip: MakeClip, small: None, capsys: pytest.CaptureFixture[str]
) -> None:
    from export import run

    forty_clips(tmp_path, make_clip)
    config = tmp_path / "tiny.toml"
    config.write_text(
        '[data]\ntrain = "train"\ntest = "test"\ngroup = "^(p[0-9]+)_"\n'
        "[train]\nepochs = 2\nfrozen = 0\nmemory = 10.0\n"
        "[export]\ntop1_drop = 0.2\n"  # eight clips to measure on: one is 0.125
    )
    code = run.main([str(config)])
    out = tmp_path / "out"
    written = capsys.readouterr()
    figures = json.loads((out / "metrics.json").read_text())
    assert code == 0, written.err
    assert figures["test"]["clips"] == 8
    assert figures["unreadable"][0]["path"].endswith("p99_broken.avi")
    assert "p99_broken.avi" in (out / "report.md").read_text()
    for picture in ("curves.png", "test_confusion.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")
    model = load_model(out / "tiny_int8.tflite")
    assert model.manifest.labels == ("down", "right")
    verified = figures["verified"]["tiny_int8.tflite"]
    assert model.manifest.metrics["verified"]["divergence"] == verified["divergence"]
    assert verified["divergence"] < 0.02
    assert not [path for path in out.rglob("*") if ".part" in path.name]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[data", "tiny.toml: "),
        ("[data]\n", "train is missing"),
        ("[dat]\ntrain = 'x'\n", "unknown section"),
        ("[data]\ntrain = 'x'\n[train]\nepoch = 3\n", "has no 'epoch'"),
        ("[data]\ntrain = 'x'\n[train]\nepochs = 'many'\n", "wrong kind"),
        ("[data]\ntrain = 'x'\n[export]\nprecision = 'int4'\n", "'int4'"),
        ("[data]\ntrain = 'x'\n[export]\ntarget = 'pi1'\n", "'pi1'; known"),
    ],
)
def test_configs_that_cannot_be_meant(
    tmp_path: Path, network_module: Any, text: str, message: str
) -> None:
    from export import run

    path = tmp_path / "tiny.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        run.read_config(path, tmp_path)


@pytest.mark.parametrize("case", ["absent", "one class", "all broken"])
def test_data_that_cannot_be_trained_on(
    tmp_path: Path, make_clip: MakeClip, small: None, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    from export import finetune

    data = tmp_path / "data"
    if case == "one class":
        make_clip(data / "a" / "1.avi")
    elif case == "all broken":
        for label in "ab":
            (data / label).mkdir(parents=True)
            (data / label / "1.avi").write_bytes(b"")
    expected = {
        "absent": "no such folder",
        "one class": "two classes or more",
        "all broken": "has no clip that can be read",
    }
    code = finetune.main([str(data), "--out", str(tmp_path / "out"), "--validation", "0"])
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert code in (1, 2)
    assert error.startswith("edgevid: ")
    assert expected[case] in error


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path, network_module: Any) -> None:
    from edgevid.errors import OutputError
    from export.report import write_json

    tmp_path.chmod(0o500)
    with pytest.raises(OutputError):
        write_json(tmp_path / "sub" / "x.json", {})
