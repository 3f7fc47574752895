from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.attack import model_files, mutants
from benchmarks.attack.mutants import Sound, mutant
from edgevid.errors import ModelError
from edgevid.modelfile import manifest
from edgevid.modelfile.manifest import Manifest
from edgevid.prepare import prepare
from tests.prepare.mini_movinet import LABELS, mini_movinet

MINI = mini_movinet(int8=True)


@pytest.fixture
def sounds(tmp_path: Path) -> list[Path]:
    """A small file, as published and prepared."""
    published, prepared = tmp_path / "published.tflite", tmp_path / "prepared.tflite"
    published.write_bytes(manifest.write(MINI, Manifest("mini", LABELS)))
    prepared.write_bytes(prepare(MINI, name="mini", labels=LABELS).data)
    return [published, prepared]


def test_a_few_dozen_mutants(sounds: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    flags = [flag for sound in sounds for flag in ("--model", str(sound))]
    assert model_files.main(["--count", "36", "--json", str(path), *flags]) == 0
    told = json.loads(path.read_text())
    assert sum(told["total"].values()) == 36
    assert told["total"]["refused"] > 10
    assert told["total"]["ran"] > 0
    assert 0 < told["most_mb"] < 600


def test_what_it_is_made_of_by_itself(tmp_path: Path, published_path: Path) -> None:
    made = model_files._sound_files(tmp_path)
    assert [path.stem for path in made] == ["camera-motion", published_path.stem, "prepared"]


def test_the_same_seed_makes_the_same_file() -> None:
    sound = Sound.of("mini", MINI)
    assert [mutant(sound, seed) for seed in range(6)] == [mutant(sound, seed) for seed in range(6)]


def test_every_kind_of_value_is_found_where_it_is() -> None:
    places = mutants.places(MINI)
    assert {"index", "shape", "type", "offset", "length", "operator code", "options", "scale",
            "zero point", "small constant", "signature", "buffer"} <= places.keys()  # fmt: skip
    assert all(0 <= place.position < len(MINI) for kind in places.values() for place in kind)


def test_mutants_differ_from_what_they_were_made_of() -> None:
    sound = Sound.of("mini", MINI)
    made = [mutant(sound, seed) for seed in range(60)]
    assert len({wrong for wrong, _ in made}) > 10
    assert sum(data != sound.data for _, data in made) > 50


@pytest.mark.parametrize(
    ("error", "end", "broken"),
    [
        (ModelError("it crashes the runtime (SIGSEGV)"), "crashed in the trial", False),
        (ModelError("one line"), "refused", False),
        (ModelError("two\nlines"), "refused", True),
        (ZeroDivisionError(), "ZeroDivisionError", True),
        (MemoryError(), "MemoryError", True),
    ],
)
def test_how_a_file_ends(
    monkeypatch: pytest.MonkeyPatch, error: Exception, end: str, broken: bool
) -> None:
    def load(path: Path) -> None:
        raise error

    monkeypatch.setattr(model_files, "load_model", load)
    found, promises = model_files._load(Path("some.tflite"))
    assert (found, bool(promises)) == (end, broken)


@pytest.mark.parametrize("end", ["crashed", "never ended"])
def test_a_program_that_a_file_takes_down_is_started_again(
    monkeypatch: pytest.MonkeyPatch, sounds: list[Path], tmp_path: Path, end: str
) -> None:
    worker = model_files._Worker(sounds, tmp_path)
    try:
        first = worker._process.pid
        if end == "crashed":
            worker._process.kill()
        else:
            monkeypatch.setattr(model_files, "_GIVEN_UP_S", 0.0)
            monkeypatch.setattr(worker, "_start", lambda: None)
        told = worker.load(0)
        assert told["end"] == end
        assert told["broken"]
        assert end == "never ended" or worker._process.pid != first
    finally:
        worker.close()
