"""``export.finetune`` as a user types it."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.export.conftest import MakeClip


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
from export.model import network
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
