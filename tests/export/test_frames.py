from pathlib import Path

import numpy as np
import pytest

from edgevid.errors import SourceError
from edgevid.opencv import cv2
from export.clips import Clip
from export.frames import decode, gather
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


def test_clips_that_cannot_be_read_are_named(tmp_path: Path, make_clip: MakeClip) -> None:
    good, bad = make_clip(tmp_path / "good.avi"), tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    clips = [Clip(good, "a"), Clip(bad, "b"), Clip(tmp_path / "absent.mp4", "b")]
    found, lost = gather(clips, tmp_path / "cache")
    assert [clip.path for clip, _ in found] == [good]
    assert [unreadable.clip.path.name for unreadable in lost] == ["bad.mp4", "absent.mp4"]
    assert all(str(unreadable.clip.path) in unreadable.reason for unreadable in lost)


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
