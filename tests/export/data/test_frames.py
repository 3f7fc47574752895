from pathlib import Path

import numpy as np
import pytest

from edgevid.errors import SourceError
from edgevid.runtime.pace import Pace
from edgevid.runtime.preprocess import Preprocess
from edgevid.sources import open_source
from edgevid.support.atomic_file import AtomicFile
from edgevid.support.opencv import cv2
from export.data.clips import Clip
from export.data.frames import decode, gather, tell, watch
from tests.export.conftest import MakeClip


def test_frames_are_those_of_the_video(tmp_path: Path, make_clip: MakeClip) -> None:
    frames = decode(Clip(make_clip(tmp_path / "a.avi", frames=12, fps=10), "a"))
    assert len(frames.jpegs) == 12
    assert np.allclose(frames.timestamps, np.arange(12) / 10)
    assert frames.picture(0).shape == (48, 64, 3)
    assert frames.paced(5.0) == [0, 2, 4, 6, 8, 10]


def test_only_the_part_between_start_and_end(tmp_path: Path, make_clip: MakeClip) -> None:
    path = make_clip(tmp_path / "a.avi", frames=30, fps=10)
    frames = decode(Clip(path, "a", start=1.0, end=2.0))
    assert len(frames.jpegs) == 10
    assert frames.timestamps[0] == 0


def test_a_part_past_the_end(tmp_path: Path, make_clip: MakeClip) -> None:
    with pytest.raises(SourceError, match="holds no frame between"):
        decode(Clip(make_clip(tmp_path / "a.avi"), "a", start=60.0))


def test_large_pictures_are_kept_smaller(tmp_path: Path, make_clip: MakeClip) -> None:
    path = make_clip(tmp_path / "a.avi", frames=2, size=(3840, 2160))
    assert decode(Clip(path, "a")).picture(0).shape == (256, 455, 3)


def test_grey_and_transparent_pictures(tmp_path: Path) -> None:
    for name, channels in (("grey", 1), ("alpha", 4)):
        folder = tmp_path / name
        folder.mkdir()
        for number in range(3):
            picture = np.full((32, 40, channels), 100 + number, np.uint8)
            cv2.imwrite(str(folder / f"{number:03d}.png"), picture)
        assert decode(Clip(folder, "a")).picture(0).shape == (32, 40, 3)


def test_what_is_measured_on_is_what_the_runtime_shows_its_network(
    tmp_path: Path, make_clip: MakeClip
) -> None:
    path = make_clip(tmp_path / "a.avi", frames=12, fps=10, size=(640, 360))
    ((_, watched),), lost = watch([Clip(path, "a")], size=172, fps=5.0)
    pace, preprocess, shown = Pace(5.0), Preprocess(172, 172), []
    with open_source(path) as source:
        for frame in source:
            if pace.due(frame.timestamp):
                shown.append(preprocess.fit(frame.image).copy())
    assert not lost
    assert np.array_equal(watched.pictures, shown)


def test_clips_that_cannot_be_read_are_named(tmp_path: Path, make_clip: MakeClip) -> None:
    good, bad = make_clip(tmp_path / "good.avi"), tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    clips = [Clip(good, "a"), Clip(bad, "b"), Clip(tmp_path / "absent.mp4", "b")]
    found, lost = gather(clips, tmp_path / "cache")
    assert [clip.path for clip, _ in found] == [good]
    assert [unreadable.clip.path.name for unreadable in lost] == ["bad.mp4", "absent.mp4"]
    assert all(str(unreadable.clip.path) in unreadable.reason for unreadable in lost)


def test_a_clip_that_breaks_off_is_used_as_far_as_it_goes(
    tmp_path: Path, make_clip: MakeClip, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, cut = make_clip(tmp_path / "whole.avi", frames=40), tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    clips = [Clip(whole, "a"), Clip(cut, "a"), Clip(tmp_path / "absent.mp4", "b")]
    for _ in range(2):  # decoded, and from the cache
        found, lost = gather(clips, tmp_path / "cache")
        assert [frames.lacking == "" for _, frames in found] == [True, False]
        assert 10 < len(found[1][1].jpegs) < 30
        capsys.readouterr()  # the progress
        tell(found, lost)
        lines = capsys.readouterr().err.strip().splitlines()
        assert lines[0].startswith(f"edgevid: left out: {tmp_path / 'absent.mp4'}: ")
        assert lines[1].startswith(f"edgevid: used in part: {cut}: ")
        assert lines[2] == "edgevid: 1 of 3 clips are left out, 1 used in part"


def test_a_long_recording_is_used_in_part_and_said(
    tmp_path: Path, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.data.frames._MAX_SECONDS", 1.0)
    path = make_clip(tmp_path / "a.avi", frames=30, fps=10)
    frames = decode(Clip(path, "a"))
    assert len(frames.jpegs) == 10
    assert frames.lacking == f"{path}: over 1 s, of which it is the first"
    assert not decode(Clip(path, "a", start=1.0, end=2.0)).lacking


def test_a_name_that_the_system_does_not_take(tmp_path: Path) -> None:
    found, lost = gather([Clip(tmp_path / ("x" * 300 + ".mp4"), "a")], tmp_path / "cache")
    assert not found
    assert "name too long" in lost[0].reason


def test_what_a_killed_run_left_in_the_cache_goes(tmp_path: Path, make_clip: MakeClip) -> None:
    clip, cache = Clip(make_clip(tmp_path / "a.avi"), "a"), tmp_path / "cache"
    gather([clip], cache)
    stale, written = cache / ".0123.89abcdef.part.npz", AtomicFile(cache / "other.npz")
    stale.write_bytes(b"half")
    gather([clip], cache)  # which has nothing to write itself
    assert not stale.exists()
    assert written.path.exists()  # by somebody who is still at it
    written.discard()


def test_the_cache_serves_and_notices_a_new_file(tmp_path: Path, make_clip: MakeClip) -> None:
    path = make_clip(tmp_path / "a.avi", frames=5)
    cache = tmp_path / "cache"
    first = gather([Clip(path, "a")], cache)[0][0][1]
    again = gather([Clip(path, "a")], cache)[0][0][1]
    assert np.array_equal(first.picture(4), again.picture(4))
    assert len(list(cache.iterdir())) == 1
    make_clip(path, frames=7)
    assert len(gather([Clip(path, "a")], cache)[0][0][1].jpegs) == 7


def test_a_damaged_cache_is_made_anew(tmp_path: Path, make_clip: MakeClip) -> None:
    clip = Clip(make_clip(tmp_path / "a.avi", frames=5), "a")
    gather([clip], tmp_path / "cache")
    (entry,) = (tmp_path / "cache").iterdir()
    entry.write_bytes(entry.read_bytes()[:100])
    assert len(gather([clip], tmp_path / "cache")[0][0][1].jpegs) == 5
