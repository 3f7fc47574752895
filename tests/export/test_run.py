"""From clips to a verified file, by the commands that a user types."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgevid.errors import UsageError
from edgevid.models.load import load_model
from tests.export.conftest import SIZE, MakeClip


def forty_clips(folder: Path, make_clip: MakeClip) -> None:
    for number in range(20):
        for label, step in (("right", (3, 0)), ("down", (0, 3))):
            side = "test" if number >= 16 else "train"
            make_clip(folder / side / label / f"p{number}_{label}.avi", step=step, seed=number)
    (folder / "train" / "right" / "p99_broken.avi").write_bytes(b"not a video")
    cut = make_clip(folder / "train" / "down" / "p98_cut.avi", frames=30, step=(0, 3))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])


@pytest.fixture
def small(network_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(network_module.INPUT_SIZE, "a0", SIZE)


def test_forty_clips_to_a_verified_file(
    tmp_path: Path, make_clip: MakeClip, small: None, depth: None,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
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
    assert figures["partial"][0]["path"].endswith("p98_cut.avi")
    told = [line for line in written.err.splitlines() if line.startswith("edgevid: ")]
    for place in ((out / "report.md").read_text(), "\n".join(told)):
        assert place.count("p99_broken.avi") > 0
        assert place.count("p98_cut.avi") > 0
    assert len(told) == 3  # one a clip, once, and the count
    assert told[-1].endswith("1 of 42 clips are left out, 1 used in part")
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
        ("\ufeff[dat]\ntrain = 'x'\n", "unknown section"),
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


def test_a_config_as_windows_saves_it(tmp_path: Path, network_module: Any) -> None:
    from export import run

    path = tmp_path / "tiny.toml"
    path.write_bytes(b"\xef\xbb\xbf[data]\r\ntrain = 'train.csv'\r\nlabels = 'names.txt'\r\n")
    (tmp_path / "train.csv").write_bytes(b"\xef\xbb\xbfa.avi,1\r\nb.avi,0\r\n")
    (tmp_path / "names.txt").write_bytes(b"\xef\xbb\xbfnod\r\nwave\r\n")
    job = run.read_config(path, tmp_path).job
    assert [clip.label for clip in job.clips(job.data)] == ["wave", "nod"]
    assert job.labels() == ("nod", "wave")


def test_numbers_get_their_names(
    tmp_path: Path, make_clip: MakeClip, small: None, few_blocks: None
) -> None:
    from export import finetune
    from export.model import checkpoint

    numbers = (10, 2, 0)
    for number in numbers:
        for clip in range(3):
            make_clip(tmp_path / f"{number}_{clip}.avi", frames=4, seed=number)
    lines = [f"{number}_{clip}.avi,{number}\n" for number in numbers for clip in range(3)]
    (tmp_path / "train.txt").write_text("".join(lines))
    (tmp_path / "names.txt").write_text("".join(f"{name}\n" for name in "kjihgfedcba"))
    out, named = tmp_path / "out", ["--labels", str(tmp_path / "names.txt")]
    command = [str(tmp_path / "train.txt"), "--out", str(out), "--validation", "0"]
    assert finetune.main([*command, "--epochs", "1", *named]) == 0
    assert checkpoint.load(out / "network.npz")[1] == ("k", "i", "a")


@pytest.mark.parametrize("case", ["absent", "one class", "all broken", "missing files"])
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
    elif case == "missing files":
        make_clip(tmp_path / "here.avi")
        data = tmp_path / "train.txt"
        data.write_text("here.avi a\ngone.avi b\n")
    expected = {
        "absent": "no such folder",
        "one class": "two classes or more",
        "all broken": "none of the 2 clips can be read, for one ",
        "missing files": "class 'b' has no clip that can be read (",
    }
    code = finetune.main([str(data), "--out", str(tmp_path / "out"), "--validation", "0"])
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert code in (1, 2)
    assert error.startswith("edgevid: ")
    assert expected[case] in error
    if case == "missing files":
        assert "gone.avi" in error


@pytest.fixture
def two_classes(tmp_path: Path, make_clip: MakeClip, small: None, few_blocks: None) -> Path:
    """Eight clips, half of them of one frame."""
    for number in range(8):
        path = tmp_path / "data" / "ab"[number % 2] / f"{number}.avi"
        make_clip(path, frames=1 if number < 4 else 8, seed=number)
    return tmp_path / "data"


def test_a_full_disk_loses_nothing(
    two_classes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from export import finetune

    command = [str(two_classes), "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "f"),
               "--validation", "0", "--epochs", "2", "--frozen", "0"]  # fmt: skip
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))  # enough for clips
    try:
        assert finetune.main(command) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "training.npz: cannot be written" in capsys.readouterr().err.strip().splitlines()[-1]
    assert not list((tmp_path / "out").iterdir())
    assert finetune.main(command) == 0
    assert (tmp_path / "out" / "network.npz").exists()
    assert finetune.main([*command, "--style", "hard_swish"]) == 1  # not what began there
    assert "does not fit this training" in capsys.readouterr().err


_CHILD = """
import sys
from export import network
from tests.export.conftest import SIZE, four_layers

network.INPUT_SIZE["a0"] = SIZE
specs = network.movinet.BLOCK_SPECS
specs["a0"] = four_layers(specs["a0"])
from export import finetune

sys.exit(finetune.main(sys.argv[1:]))
"""


def test_a_killed_training_goes_on_and_ends_the_same(two_classes: Path, tmp_path: Path) -> None:
    from export import finetune

    def command(out: Path) -> list[str]:
        return [str(two_classes), "--out", str(out), "--cache", str(tmp_path / "frames"),
                "--validation", "0", "--epochs", "8", "--batch", "2", "--frozen", "0"]  # fmt: skip

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert finetune.main(command(whole)) == 0
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, *command(cut)], stdout=subprocess.DEVNULL
    )
    while not (cut / "training.npz").exists() and child.poll() is None:
        time.sleep(0.01)
    child.kill()
    assert child.wait() == -signal.SIGKILL  # not: it was done
    assert not (cut / "network.npz").exists()
    assert finetune.main(command(cut)) == 0
    with np.load(whole / "network.npz") as expected, np.load(cut / "network.npz") as found:
        for name in expected.files:
            assert np.array_equal(expected[name], found[name]), name
    assert not [path for path in cut.rglob("*") if ".part" in path.name]
    histories = [json.loads((out / "metrics.json").read_text())["history"] for out in (whole, cut)]
    assert histories[0] == histories[1]


def test_weights_of_another_architecture(
    two_classes: Path, tmp_path: Path, network_module: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from export import finetune
    from export.model import checkpoint

    other = network_module.Network(network_module.Architecture("a0", "hard_swish", 2))
    checkpoint.save(tmp_path / "other.npz", other, ("a", "b"))
    code = finetune.main(
        [str(two_classes), "--out", str(tmp_path / "out"), "--init", str(tmp_path / "other.npz")]
    )
    assert code == 1
    assert "is of another architecture than MoViNet a0 with relu6" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path, network_module: Any) -> None:
    from edgevid.errors import OutputError
    from export.report import write_json

    tmp_path.chmod(0o500)
    with pytest.raises(OutputError):
        write_json(tmp_path / "sub" / "x.json", {})
