"""The examples run as they stand: the scripts in ``examples/``, and those in the docstrings."""

from __future__ import annotations

import csv
import doctest
import importlib
import inspect
import json
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import edgevid
from edgevid.cli.demo import CLIP
from edgevid.support.opencv import cv2
from edgevid.testing import SinkContract
from tests.conftest import write_video

ROOT = Path(__file__).parent.parent
DONE = json.loads(CLIP.with_suffix(".json").read_text("utf-8"))  # what the camera does in the clip

SCRIPTS = {path.stem: path for path in sorted((ROOT / "examples").glob("*.py"))}
PACKAGE = Path(edgevid.__file__).parent
MODULES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>>" in path.read_text("utf-8")
]
# Public names that are of use to commands only. Errors need no example either.
WITHOUT = {"ArgumentParser", "complain", "guard"}


@pytest.fixture
def here(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder: ``clip.mp4`` and ``recordings/`` hold the clip that comes with edgevid."""
    (tmp_path / "recordings").mkdir()
    for name in ("clip.mp4", "recordings/9.mp4", "recordings/10.mp4"):
        (tmp_path / name).symlink_to(CLIP)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(monkeypatch, capsys)


class Runner:
    """Runs a script in this process, as ``python examples/NAME.py`` would; returns its lines."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, name: str, *arguments: str) -> list[str]:
        self._monkeypatch.setattr(sys, "argv", [str(SCRIPTS[name]), *arguments])
        runpy.run_path(str(SCRIPTS[name]), run_name="__main__")
        return self._capsys.readouterr().out.splitlines()


def test_classify_file(run: Runner) -> None:
    lines = run("classify_file", "clip.mp4")
    assert len(lines) == 5 * DONE[-1]["end"]
    said = dict(re.findall(r"^ *([\d.]+) s  (.+)  \d+%$", "\n".join(lines), re.MULTILINE))
    for done in DONE:
        assert said[f"{done['end'] - 0.4:.1f}"] == done["label"], done


def test_watch_events(run: Runner) -> None:
    lines = run("watch_events")
    started = [line.split("  ")[-2] for line in lines if " start " in line]
    assert started == [done["label"] for done in DONE]
    assert sum(" end " in line for line in lines) == len(started)


def test_teach_own(run: Runner) -> None:
    lines = run("teach_own")
    assert any("2 times: too few" in line for line in lines if line.startswith("careful: "))
    events = [line.split() for line in lines if not line.startswith("careful: ")]
    assert [words[2:] for words in events] == [["start", "pan"], ["end", "pan"]] * 2
    pans = [done for done in DONE if done["label"].startswith("pan ")]
    for done, words in zip(pans, events[::2], strict=True):
        assert done["start"] <= float(words[0]) <= done["end"]


def test_many_streams(run: Runner) -> None:
    pairs = [re.split(" {2,}", line.strip())[1:] for line in run("many_streams")]
    assert len(pairs) == 5 * DONE[-1]["end"]
    opposite = {"pan left": "pan right", "roll clockwise": "roll counter-clockwise"}
    for label, other in opposite.items():
        assert [label, other] in pairs
        assert [other, label] in pairs
        assert [label, label] not in pairs


def test_numpy_frames(run: Runner) -> None:
    best = run("numpy_frames")[0].split()
    assert best[1:] == ["pan", "right"]
    assert int(best[0].rstrip("%")) > 50


def test_labelled_video(run: Runner, here: Path) -> None:
    with edgevid.open_source("clip.mp4") as source:
        pictures = [frame.image for frame, _ in zip(source, range(20), strict=False)]
    write_video(here / "short.mp4", pictures, fps=10)
    assert run("labelled_video", "short.mp4", "out.mp4") == ["out.mp4"]
    assert sorted(here.glob("*out*")) == [here / "out.mp4"]
    with edgevid.open_source("out.mp4") as source:
        labelled = list(source)
    assert [frame.timestamp for frame in labelled] == pytest.approx([n / 10 for n in range(20)])
    height, width = labelled[9].image.shape[:2]
    enlarged = cv2.resize(pictures[9], (width, height), interpolation=cv2.INTER_CUBIC)
    change = np.abs(labelled[9].image.astype(int) - enlarged).mean(axis=(1, 2))
    panel, above = change[height // 2 :], change[height // 4 : height // 2]
    assert panel.mean() > 2 * above.mean()


def test_custom_sink(run: Runner) -> None:
    assert run("custom_sink", "clip.mp4", "out.csv") == ["out.csv"]
    with Path("out.csv").open(newline="") as file:
        seconds = {row["label"]: float(row["seconds"]) for row in csv.DictReader(file)}
    for label in {done["label"] for done in DONE}:
        took = sum(done["end"] - done["start"] for done in DONE if done["label"] == label)
        assert seconds[label] == pytest.approx(took, rel=0.5), label


class TestCustomSink(SinkContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.written = tmp_path / "results" / "out.csv"
        self.written.parent.mkdir()

    def open_sink(self) -> edgevid.Sink:
        sink: edgevid.Sink = runpy.run_path(str(SCRIPTS["custom_sink"]))["DurationsSink"](
            self.written
        )
        return sink


def test_every_script_is_tested() -> None:
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert set(SCRIPTS) <= tested


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_the_docstrings(module: str, here: Path) -> None:
    """They may use ``edgevid``, ``np``, their module's own names, and what is ``here``."""
    loaded = importlib.import_module(module)
    given = {"edgevid": edgevid, "np": np}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.FAIL_FAST)
    tests = doctest.DocTestFinder(exclude_empty=True).find(loaded, extraglobs=given)
    report: list[str] = []
    for test in tests:
        runner.run(test, out=report.append)
    assert not runner.summarize(verbose=False).failed, "".join(report)
    assert sum(len(test.examples) for test in tests)


def test_public_docstrings_have_an_example() -> None:
    for name in set(edgevid.__all__) - WITHOUT - {"__version__"}:
        member = getattr(edgevid, name)
        if not (inspect.isclass(member) and issubclass(member, Exception)):
            assert ">>>" in (member.__doc__ or ""), f"edgevid.{name} needs an example"
