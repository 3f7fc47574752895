from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from edgevid.errors import SourceError
from edgevid.support.opencv import cv2
from export.data import clips
from export.data.clips import Clip, Part
from export.data.frames import decode, gather
from export.data.raw_frames import pictures_of


def draw(folder: Path, names: Iterable[str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        shade = int("".join(filter(str.isdigit, name)) or 0) % 25 * 10
        cv2.imwrite(str(folder / name), np.full((32, 40, 3), shade, np.uint8))
    return folder


def names(folder: Path, part: Part | None) -> list[str]:
    return [path.name for path in pictures_of(folder, part).paths]


FLOW = [f"{kind}_{n:05}.jpg" for kind in ("x", "y", "flow_x", "flow_y") for n in range(1, 30)]


@pytest.mark.parametrize(
    "pattern", ["img_{:05}.jpg", "image_{:05}.jpg", "{:06}.png", "v_g1 {}.JPG"]
)
def test_a_list_names_so_many_pictures_of_one_pattern(tmp_path: Path, pattern: str) -> None:
    folder = draw(tmp_path / "imgs", [pattern.format(n) for n in range(1, 13)])
    draw(folder, [*FLOW, "thumbnail.jpg"])
    assert names(folder, Part(0, 5)) == [pattern.format(n) for n in range(1, 6)]
    assert names(folder, Part(2, 5)) == [pattern.format(n) for n in range(3, 8)]
    assert names(folder, None) == [pattern.format(n) for n in range(1, 13)]


def test_mmaction2s_pattern_comes_first(tmp_path: Path) -> None:
    folder = draw(tmp_path / "imgs", [f"depth_{n:05}.png" for n in range(1, 20)])
    draw(folder, [f"img_{n:05}.jpg" for n in range(1, 4)])
    assert names(folder, None) == [f"img_{n:05}.jpg" for n in range(1, 4)]


@pytest.mark.parametrize(
    ("there", "part", "chosen"),
    [
        (range(5), Part(0, 5), range(5)),  # counted from 0
        (range(6), Part(0, 5), range(1, 6)),  # MMAction2 counts from 1
        (range(37, 47), Part(2, 5), range(39, 44)),
        (range(1, 8), Part(5, 5), range(6, 8)),
    ],
)
def test_what_the_pictures_are_counted_from(
    tmp_path: Path, there: range, part: Part, chosen: range
) -> None:
    folder = draw(tmp_path / "imgs", [f"img_{n:05}.jpg" for n in there])
    assert names(folder, part) == [f"img_{n:05}.jpg" for n in chosen]
    assert pictures_of(folder, part).lacking == part.count - len(chosen)


def test_names_without_a_common_pattern_are_all_taken(tmp_path: Path) -> None:
    dated = ["2024-01-05_12.30.01.png", "2024-01-05_12.31.02.png", "2024-01-06_09.00.07.png"]
    assert names(draw(tmp_path / "dated", dated), None) == dated
    assert names(draw(tmp_path / "named", ["b.jpg", "a.jpg"]), None) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("there", "part", "message"),
    [
        (FLOW, None, "optical flow alone"),
        ([], None, "no pictures"),
        (["img_00001.jpg"], Part(4, 2), "has 1 pictures, none of them from 5 to 6"),
    ],
)
def test_folders_without_a_picture_of_the_clip(
    tmp_path: Path, there: list[str], part: Part | None, message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        pictures_of(draw(tmp_path / "imgs", there), part)


def test_a_list_of_raw_frames_to_frames(tmp_path: Path) -> None:
    draw(tmp_path / "imgs", [*FLOW, *(f"img_{n:05}.jpg" for n in range(1, 26))])
    (tmp_path / "train.txt").write_text("imgs 20 127\nimgs 5 15 127\nimgs 22 9 127\n")
    found, lost = gather(clips.read(tmp_path / "train.txt"), tmp_path / "cache")
    assert not lost
    first = [frames.picture(0).mean() for _, frames in found]
    assert np.allclose(first, [10, 60, 230], atol=2)
    assert [frames.timestamps[-1] for _, frames in found] == pytest.approx([0.76, 0.56, 0.08])
    assert [bool(frames.lacking) for _, frames in found] == [False, False, True]
    assert found[2][1].lacking.endswith("imgs: 6 of 9 pictures are not there")


def test_a_class_folder_without_its_flow(tmp_path: Path) -> None:
    draw(tmp_path / "imgs", [*FLOW, "img_00003.jpg"])
    assert decode(Clip(tmp_path / "imgs", "a")).picture(0).mean() == pytest.approx(30, abs=2)
