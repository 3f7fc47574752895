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
from tests.apps.clips.parts import FPS, event, folder_of, found, play, seconds_in


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


def test_a_disk_that_is_full_in_the_middle_keeps_what_was_written(
    config: ClipsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    write = Mp4Writer.write

    def until_full(self: Mp4Writer, *args: object, **kwargs: object) -> None:
        shown.append(1)
        if len(shown) == 8:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Mp4Writer, "write", until_full)
    clips = Clips(config, FPS)
    play(clips, 0, 1)
    clips.event(event(1))
    with pytest.raises(OutputError, match="No space left on device"):
        play(clips, 1.2, 4)
    clips.close()
    (described,) = found(config)
    assert described["frames"] == 7
    assert config.folder
    assert len(seconds_in(config.folder / described["video"])) == 7
