from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgevid.errors import SourceError
from edgevid.teach import examples
from edgevid.teach.data import Recording, Span
from tests.teach.making import example


def test_they_come_back_as_they_were(tmp_path: Path) -> None:
    two = [example("a", [Span("fall")], is_clip=True, group="x"), example("ü b")]
    path = tmp_path / "a.examples"
    examples.save(path, two, "a network")
    found, network = examples.load(path)
    assert network == "a network"
    assert [one.recording for one in found] == [one.recording for one in two]
    for one, other in zip(found, two, strict=True):
        assert np.array_equal(one.features, other.features)
        assert np.array_equal(one.times, other.times)
        assert np.array_equal(one.breaks, other.breaks)
        assert one.pictures == other.pictures
        assert np.array_equal(one.place, other.place)


def test_the_same_examples_give_the_same_bytes() -> None:
    assert examples.packed(example("a")) == examples.packed(example("a"))


def test_lengths_leave_out_what_was_not_seen() -> None:
    one = example("a", seconds=4)
    assert one.seconds == pytest.approx(4)
    times, breaks = one.times.copy(), one.breaks.copy()
    times[10:] += 3600
    breaks[10] = True
    assert replace(one, times=times, breaks=breaks).seconds == pytest.approx(3.8)


@pytest.mark.parametrize("damage", ["cut", "byte", "text", "missing"])
def test_damage_is_told(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.examples"
    examples.save(path, [example("a")], "n")
    data = path.read_bytes()
    if damage == "cut":
        path.write_bytes(data[:-100])
    elif damage == "byte":
        place = data.index(b"features.npy") + 400
        path.write_bytes(data[:place] + b"\xff" + data[place + 1 :])
    elif damage == "text":
        path.write_text("hello")
    else:
        path.unlink()
    with pytest.raises(SourceError, match=r"a\.examples") as error:
        examples.load(path)
    assert "\n" not in str(error.value)


def test_arrays_that_do_not_fit_are_refused() -> None:
    one = example("a")
    for changes in (
        {"features": one.features[:-1]},
        {"breaks": one.breaks[:-1]},
        {"features": one.features * np.nan},
        {"place": one.place[:3]},
    ):
        with pytest.raises(SourceError, match="damaged"):
            examples.unpacked(examples.packed(replace(one, **changes)))


def test_a_recording_without_an_end_stays_one() -> None:
    found = examples.unpacked(examples.packed(example("a", [Span("fall", 1.0)]))).recording
    assert found == Recording("a", (Span("fall", 1.0),), False, "")
