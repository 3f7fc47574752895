from __future__ import annotations

import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgevid.archive import recordings
from edgevid.archive.recordings import Naming, find
from edgevid.errors import SourceError, UsageError
from tests.archive.conftest import video


def names(found: list[recordings.Recording]) -> list[str]:
    return [Path(one.address).name for one in found]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("10.mp4", "9.mp4", "b/1.mkv", "b/notes.txt", "b/.2.mp4", ".hidden/3.mp4"):
        path = tmp_path / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "videos"


def test_folders_globs_and_lists(folder: Path) -> None:
    assert names(find([str(folder)])) == ["9.mp4", "10.mp4", "1.mkv"]
    assert names(find([f"{folder}/*.mp4"])) == ["9.mp4", "10.mp4"]
    assert names(find([f"{folder}/**/*.mkv"])) == ["1.mkv"]
    listed = folder / "list.txt"
    listed.write_text(f"# a list\n\n9.mp4\n{folder}/b\n")
    assert names(find([str(listed), str(folder / "9.mp4")])) == ["9.mp4", "1.mkv"]
    assert [one.camera for one in find([str(folder)])] == ["videos", "videos", "b"]
    assert {one.camera for one in find([str(folder)], Naming(camera="yard"))} == {"yard"}


@pytest.mark.parametrize("source", ["nothing.mp4", "nothing*.mp4", "empty"])
def test_what_is_not_there(tmp_path: Path, source: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=source.split("*")[0].split(".")[0]):
        find([str(tmp_path / source)])


def test_a_live_address_is_no_recording() -> None:
    with pytest.raises(UsageError, match=r"rtsp://camera/live: is live") as told:
        find(["rtsp://me:hush@camera/live"])
    assert "hush" not in str(told.value)


def test_other_storage_is_read_through_fsspec(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    path = video(tmp_path / "2026-05-01/08/yard/10.30.mp4", "red")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(path, "2026-05-01/08/yard/10.30.mp4")
        archive.writestr("2026-05-01/readme.md", "no video")
    (found,) = find([f"zip://2026-05-01::file://{tmp_path}/all.zip"])
    assert found.camera == "yard"
    assert found.began == datetime(2026, 5, 1, 8, 10, 30, tzinfo=UTC)
    assert found.content() == find([str(path)])[0].content()
    with found.at_hand() as copy:
        assert copy.read_bytes() == path.read_bytes()
    assert not copy.exists()
    with pytest.raises(SourceError, match="nowhere"):
        find([f"nowhere://{tmp_path}"])


def test_content_is_told_by_beginning_end_and_what_is_between(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    data = bytearray(os.urandom(1 << 22))

    def content() -> str:
        path.write_bytes(data)
        return find([str(path)])[0].content()

    first = content()
    path.rename(tmp_path / "other.mp4")
    assert find([str(tmp_path / "other.mp4")])[0].content() == first
    for place in (0, (1 << 21) // 31 * 31, (1 << 22) - 1):
        data[place] ^= 1
    assert content() != first
    data.append(0)
    assert content() != first


def test_when_a_recording_began(tmp_path: Path) -> None:
    path = video(tmp_path / "clip.mp4", "red", seconds=4)
    os.utime(path, (1_800_000_004, 1_800_000_004))
    (found,) = find([str(path)])
    began, clock = recordings.began(found, path, 4.0)
    assert (began.timestamp(), clock) == (1_800_000_000, "file")
