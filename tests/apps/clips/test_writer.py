"""Clips around events: the right seconds, whole or not at all."""

from __future__ import annotations

import errno
from unittest.mock import ANY

import numpy as np
import pytest

from apps.raspberry_pi.clips.writer import Clips
from apps.raspberry_pi.config import ClipsConfig
from edgevid import OutputError
from edgevid.sinks.mp4 import Mp4Writer
from tests.apps.clips.parts import FPS, event, folder_of, found, frame, play, seconds_in


def test_the_seconds_before_and_after(config: ClipsConfig) -> None:
    clips = Clips(config, FPS)
    play(clips, 0, 10)
    clips.event(event(10))
    play(clips, 10.2, 11)
    clips.event(event(11, "end"))
    play(clips, 11.2, 20)
    (described,) = found(config)
    assert described == {
        "camera": "front",
        "video": "front_20261121T120008Z.mp4",
        "began": "2026-11-21T12:00:08.000+00:00",
        "seconds": 5.0,
        "frames": 26,
        "events": [
            {
                "id": ANY,
                "state": "start",
                "level": "show",
                "label": "waving",
                "probability": 0.75,
                "second": 2.0,
            },
            {
                "id": ANY,
                "state": "end",
                "level": "show",
                "label": "waving",
                "probability": 0.75,
                "second": 3.0,
            },
        ],
    }
    assert len({event["id"] for event in described["events"]}) == 2
    shown = seconds_in(config.folder / described["video"])
    assert shown == pytest.approx(list(np.arange(8, 13.1, 0.2)), abs=0.5)
    assert len(list(folder_of(config).iterdir())) == 2


def test_an_action_that_starts_meanwhile_prolongs_the_clip(config: ClipsConfig) -> None:
    clips = Clips(config, FPS)
    play(clips, 0, 5)
    clips.event(event(5))
    play(clips, 5.2, 7)
    clips.event(event(7))
    play(clips, 7.2, 12)
    (described,) = found(config)
    assert described["seconds"] == 7.0
    assert len(described["events"]) == 2


def test_a_clip_does_not_grow_for_ever(config: ClipsConfig) -> None:
    clips = Clips(config, FPS)
    play(clips, 0, 5)
    for second in range(5, 70):
        clips.event(event(second))
        play(clips, second + 0.2, second + 1)
    assert found(config)[0]["seconds"] == 60.0


def test_cameras_have_clips_of_their_own(config: ClipsConfig) -> None:
    clips = Clips(config, FPS)
    play(clips, 0, 5)
    play(clips, 0, 5, camera="back")
    clips.event(event(5))
    clips.event(event(5, camera="back"))
    clips.event(event(5, "end", camera="side"))  # never seen: nothing to keep
    clips.end_all()
    assert [clip["camera"] for clip in found(config)] == ["back", "front"]
    assert [clip["seconds"] for clip in found(config)] == [2.0, 2.0]


def test_a_camera_that_is_lost_ends_its_clip(config: ClipsConfig) -> None:
    clips = Clips(config, FPS)
    play(clips, 0, 5)
    clips.event(event(5))
    clips.end_silent(6)
    assert found(config) == []
    clips.end_silent(8)
    assert [clip["seconds"] for clip in found(config)] == [2.0]


def test_two_clips_in_one_second_have_two_names(config: ClipsConfig) -> None:
    clips = Clips(config, FPS)
    play(clips, 0, 5)
    for _ in range(2):
        clips.event(event(5))
        clips.end_all()
    assert len(found(config)) == 2


def test_memory_is_bounded(config: ClipsConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.raspberry_pi.clips.writer._RING_BYTES", 5_000)
    clips = Clips(ClipsConfig(config.folder, before=1000.0, after=1.0), FPS)
    play(clips, 0, 100)
    held = clips._rings["front"].held
    assert sum(len(data) for _, data in held) <= 5_000
    assert held[-1][0] == 100


def test_one_picture_that_is_larger_than_the_memory_for_all(
    config: ClipsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.raspberry_pi.clips.writer._RING_BYTES", 100)
    clips = Clips(config, FPS)
    play(clips, 0, 5)
    clips.event(event(5))
    clips.close()
    assert found(config) == []


def test_what_was_in_memory_is_written_one_by_one(
    config: ClipsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    write = Mp4Writer.write

    def noted(self: Mp4Writer, *args: object, **kwargs: object) -> None:
        written.append(1)
        write(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Mp4Writer, "write", noted)
    clips = Clips(config, FPS)
    play(clips, 0, 5)
    clips.event(event(5))
    play(clips, 5.2, 6, in_time=False)
    assert written == []  # neither the event nor a frame waits for an encoder
    for number in range(16):  # 3.0 to 6.0
        assert clips.is_behind
        clips.catch_up()
        assert len(written) == number + 1
    assert not clips.is_behind
    clips.catch_up()  # harmless
    clips.frame("front", frame(6.2))
    assert len(written) == 17  # at once, from here on
    clips.close()
    (described,) = found(config)
    assert (described["frames"], described["seconds"]) == (17, 3.2)
    shown = seconds_in(folder_of(config) / described["video"])
    assert shown == pytest.approx(list(np.arange(3, 6.3, 0.2)), abs=0.5)


def test_a_clip_that_never_had_time_is_written_at_its_end(config: ClipsConfig) -> None:
    clips = Clips(config, FPS)
    for camera in ("front", "back"):
        play(clips, 0, 5, camera=camera)
        clips.event(event(5, camera=camera))
    play(clips, 5.2, 9, in_time=False)
    assert [clip["frames"] for clip in found(config)] == [26]
    clips.end_silent(10)
    assert [(clip["camera"], clip["frames"]) for clip in found(config)] == [
        ("back", 11),
        ("front", 26),
    ]


def test_what_is_still_to_be_written_is_bounded(
    config: ClipsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.raspberry_pi.clips.writer._RING_BYTES", 12_000)
    clips = Clips(ClipsConfig(config.folder, before=2.0, after=30.0), FPS)
    play(clips, 0, 5)
    clips.event(event(5))
    play(clips, 5.2, 30, in_time=False)
    assert sum(len(data) for _, data in clips._clips["front"]._held) <= 12_000
    clips.close()
    assert [clip["frames"] for clip in found(config)] == [136]


@pytest.fixture
def room_for_seven(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full with the eighth picture."""
    shown = []
    write = Mp4Writer.write

    def until_full(self: Mp4Writer, *args: object, **kwargs: object) -> None:
        shown.append(1)
        if len(shown) == 8:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Mp4Writer, "write", until_full)


@pytest.mark.usefixtures("room_for_seven")
@pytest.mark.parametrize("in_time", [True, False])
def test_a_disk_that_is_full_in_the_middle_keeps_what_was_written(
    config: ClipsConfig, in_time: bool
) -> None:
    clips = Clips(config, FPS)
    play(clips, 0, 1)
    clips.event(event(1))
    play(clips, 1.2, 1.2, in_time=in_time)
    with pytest.raises(OutputError, match="No space left on device"):
        play(clips, 1.4, 10, in_time=in_time)  # past its end, if nothing is written before
    clips.close()
    (described,) = found(config)
    assert (described["frames"], described["seconds"]) == (7, 1.2)
    assert len(seconds_in(folder_of(config) / described["video"])) == 7
