"""Pictures of what an archive of cameras says, in recordings that show it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from edgevid.archive import answers, find, footage, marking, marks
from edgevid.archive.recordings import Recording
from edgevid.archive.search import Answer
from edgevid.cli import archive as archive_command
from edgevid.errors import SourceError
from tests.archive.test_marks import ask
from tests.conftest import write_video

BEGAN = datetime(2026, 5, 1, 8, 0, 0, tzinfo=UTC)
BOX = (10, 20, 30, 20)


def video(path: Path, level: int) -> Path:
    """Ten seconds that grow lighter by sixteen levels each, from some level on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = [np.full((48, 64, 3), level + 16 * (n // 5), np.uint8) for n in range(50)]
    return write_video(path, pictures, fps=5)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Recording]:
    """The service's clips of two cameras, and a recorder's folder."""
    folder = tmp_path_factory.mktemp("footage")
    video(folder / "clips" / "yard_20260501T080000Z.mp4", 40)
    video(folder / "clips" / "yard_20260501T080006Z-2.mp4", 90)
    video(folder / "clips" / "gate_20260501T080000Z.mp4", 100)
    video(folder / "frigate" / "2026-05-01" / "08" / "yard" / "01.00.mp4", 80)
    video(folder / "other.mp4", 10)
    return find([str(folder)])


def answer(second: float, *, seconds: float = 2.0, camera: str = "yard") -> Answer:
    at = BEGAN + timedelta(seconds=second)
    source = f"camera:{camera}"
    return Answer(camera, source, "a" * 32, at, 312.0, 312.0 + seconds, 0.9, "one", 3, BOX)


@pytest.mark.parametrize(
    ("second", "camera", "name", "start"),
    [
        (1.0, "yard", "yard_20260501T080000Z.mp4", 1.0),
        (5.0, "yard", "yard_20260501T080006Z-2.mp4", 0.0),  # of two the latest
        (8.0, "yard", "yard_20260501T080006Z-2.mp4", 2.0),
        (8.0, "gate", "gate_20260501T080000Z.mp4", 8.0),
        (63.0, "yard", "01.00.mp4", 3.0),
    ],
)
def test_it_is_found_by_camera_and_time(
    recordings: list[Recording], second: float, camera: str, name: str, start: float
) -> None:
    shown = footage.shown(answer(second, camera=camera), recordings)
    assert Path(shown.source).name == name
    assert shown.start == pytest.approx(start)
    assert start < shown.end <= 10.0
    assert (shown.track, shown.box, shown.time) == (3, BOX, answer(second).time)


@pytest.mark.parametrize("second", [-3.0, 30.0, 75.0])
def test_what_no_recording_shows_is_told(recordings: list[Recording], second: float) -> None:
    with pytest.raises(
        SourceError, match=r"camera:yard: .* give those of the camera with --recordings"
    ):
        footage.shown(answer(second), recordings)


def test_an_answer_of_a_recording_stays_as_it_is(recordings: list[Recording]) -> None:
    one = Answer("yard", "/a.mp4", "a" * 32, BEGAN, 3.0, 4.0, 0.9, "one")
    assert footage.shown(one, recordings) is one


def test_sheets_and_clips_show_it(recordings: list[Recording], tmp_path: Path) -> None:
    found = [answer(2.0), answer(30.0)]
    problems = answers.write_sheet(found, tmp_path / "sheet.jpg", recordings)
    assert [problem.partition(":")[0] for problem in problems] == ["camera"]
    problems = answers.write_clips(found, tmp_path, recordings)
    assert len(problems) == 1
    (clip,) = tmp_path.glob("*.mp4")
    assert clip.name == "001_yard_20260501T080002Z_one.mp4"
    picture = answers.picture(footage.shown(found[0], recordings), 2.5)
    assert picture[5, 5, 0] == pytest.approx(72, abs=7)  # of the third second
    assert picture[20, 10, 1] > 150  # the box


def test_the_page_shows_it(recordings: list[Recording], tmp_path: Path) -> None:
    path = tmp_path / "marks.tsv"
    marks.write(path, [marks.Marked("", answer(2.0))])
    with marking.serving(path, recordings=recordings) as address:
        status, picture = ask(f"{address}0.jpg")
        assert (status, picture[:2]) == (200, b"\xff\xd8")
    with marking.serving(path) as address:
        assert ask(f"{address}0.jpg")[0] == 404


def test_the_command_takes_them(
    recordings: list[Recording], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert archive_command.main(["mark", str(tmp_path), "--recordings", str(tmp_path)]) == 1
    assert "holds no videos" in capsys.readouterr().err
