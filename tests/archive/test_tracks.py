"""What is followed, each thing by itself, beside the whole picture."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgevid
from edgevid.archive import Archive, Settings, answers, find, index, search, tables
from edgevid.cli import archive as archive_command
from edgevid.errors import UsageError
from edgevid.modelfile.head import Head
from edgevid.regions import Follow
from edgevid.runtime.head import HeadState
from edgevid.runtime.rules import load_rules
from tests.archive.test_index import rows
from tests.conftest import write_video


def pictures() -> list[np.ndarray]:
    """Two things on their way, of which one leaves; ten seconds at five a second."""
    random = np.random.default_rng(0)
    still = random.integers(60, 120, (240, 320, 3), np.uint8)
    found = []
    for number in range(50):
        picture = still.copy()
        picture[40:90, 4 * number : 4 * number + 40] = (240, 60, 60)
        if number < 25:
            picture[150:210, 260 - 5 * number : 310 - 5 * number] = (40, 230, 60)
        found.append(picture)
    return found


def street_video(folder: Path) -> Path:
    return write_video(folder / "street.mp4", pictures(), fps=5)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return street_video(tmp_path_factory.mktemp("street"))


@pytest.fixture(scope="module")
def followed(street: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    folder = tmp_path_factory.mktemp("followed") / "archive"
    report = index(
        find([str(street)]), folder, replace(settings, follow=Follow("motion")), workers=1
    )
    assert report.indexed == 1
    return Archive(folder)


def key(event: edgevid.Event) -> tuple[Any, ...]:
    return event.state, event.label, event.probability, event.zone


def test_tracks_are_those_of_follow_and_the_whole_picture_is_as_without(
    followed: Archive, street: Path, settings: Settings, tmp_path: Path, inline: None
) -> None:
    model = settings.load()
    rules = load_rules(str(settings.rules)).over(model.manifest.events, model.manifest.labels)
    watch = edgevid.follow("motion", model.stream, rules=rules)
    wanted, told = [], []
    with edgevid.open_source(street) as frames:
        for frame in frames:
            seen = watch.take(frame)
            told += seen.events
            wanted += [(one, watch.features(one.track or 0)) for one in seen.predictions or ()]
    told += watch.end()
    found = rows(followed.folder)
    tracks = [row for row in found if row["track"] is not None]
    assert len({row["track"] for row in tracks}) > 1
    by_place = {(row["track"], row["seconds"]): row for row in tracks}
    assert len(wanted) == len(tracks) == len(by_place)
    for prediction, features in wanted:
        row = by_place[prediction.track, prediction.timestamp]
        assert row["box"] == list(prediction.box or ())
        assert row["labels"] == [score.label for score in prediction.scores]
        np.testing.assert_array_equal(
            np.frombuffer(row["features"], "<f2"), features.astype(np.float16)
        )
    for number in {row["track"] for row in tracks}:
        mine = [row for row in tracks if row["track"] == number]
        assert [row["fresh"] for row in mine] == [True] + [False] * (len(mine) - 1)
        kept = [tuple(e.values()) for row in mine for e in row["events"]]
        assert kept == [key(event) for event in told if event.track == number]
    index(find([str(street)]), tmp_path / "plain", settings)
    assert [row for row in found if row["track"] is None] == rows(tmp_path / "plain")


def test_windows_are_of_one_track_and_hold_all_its_boxes(followed: Archive) -> None:
    steps, windows = rows(followed.folder), rows(followed.folder, "windows")
    assert sum(window["steps"] for window in windows) == len(steps)
    for window in windows:
        mine = [
            row
            for row in steps
            if row["track"] == window["track"]
            and window["step"] <= row["step"] < window["step"] + window["steps"]
        ]
        assert len(mine) == window["steps"]
        if window["track"] is None:
            assert window["box"] is None
            continue
        x, y, _, height = window["box"]
        assert x == min(row["box"][0] for row in mine)
        assert y + height == max(row["box"][1] + row["box"][3] for row in mine)


def test_answers_say_which_track_and_where(followed: Archive, tmp_path: Path) -> None:
    found = search.by_example(followed, np.ones((1, 8), np.float32))
    tracks = {answer.track for answer in found}
    assert None in tracks
    assert len(tracks) > 2
    assert all((answer.box is None) == (answer.track is None) for answer in found)
    labels = {one.track: one.label for one in search.by_label(followed, "two")}
    windows = rows(followed.folder, "windows")
    assert set(labels) == {row["track"] for row in windows if "two" in row["labels"]}
    one = next(answer for answer in found if answer.track is not None)
    assert answers.as_json(one)["box"] == one.box
    assert f"#{one.track} " in answers.table([one])
    assert answers.write_sheet([one], tmp_path / "sheet.jpg") == []


def test_a_head_hears_each_track_by_itself(followed: Archive) -> None:
    random = np.random.default_rng(3)
    head = Head((2, 7), random.normal(0, 2, (1, 16)).astype(np.float32), np.zeros(1, np.float32))
    found = search.by_head(followed, head, ("wave",), thresholds=(0.0,), most=100)
    steps = rows(followed.folder)
    assert len(found) == len({row["track"] for row in steps})
    for answer in found:
        state = HeadState(head)
        mine = [row for row in steps if row["track"] == answer.track]
        logits = [
            float(state.step(np.frombuffer(row["features"], "<f2").astype(np.float32))[0])
            for row in mine
        ]
        assert answer.score == pytest.approx(1 / (1 + np.exp(-max(logits))), abs=1e-4)
        assert (answer.start, answer.end) == (mine[0]["seconds"], mine[-1]["seconds"])


def test_an_archive_goes_on_as_it_was_begun(
    followed: Archive, street: Path, settings: Settings, inline: None
) -> None:
    with pytest.raises(UsageError, match="was begun --follow motion"):
        index(find([str(street)]), followed.folder, settings)


def test_a_head_hears_a_track_across_groups_of_rows(
    followed: Archive,
    street: Path,
    settings: Settings,
    tmp_path: Path,
    inline: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tables, "GROUP_STEPS", 12)  # not an hour's
    index(find([str(street)]), tmp_path / "archive", replace(settings, follow=Follow("motion")))
    cut = Archive(tmp_path / "archive")

    def in_order(archive: Archive) -> list[dict[str, Any]]:
        return sorted(rows(archive.folder), key=lambda row: (row["track"] or 0, row["step"]))

    assert in_order(cut) == in_order(followed)
    assert rows(cut.folder) != rows(followed.folder)
    head = Head((2, 7), np.linspace(-2, 2, 16, dtype=np.float32)[None], np.zeros(1, np.float32))
    told = [search.by_head(one, head, ("wave",), thresholds=(0.4,)) for one in (cut, followed)]
    assert told[0] == told[1] != []


def test_like_can_follow_in_the_clip_too(
    followed: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_video(tmp_path / "clip.mp4", pictures()[:40], fps=5)

    def told(*flags: str) -> tuple[int, str, str]:
        code = archive_command.main(
            ["search", str(followed.folder), "--like", *flags, "--follow", "motion", "--json"]
        )
        said = capsys.readouterr()
        return code, said.out, said.err

    code, out, _ = told(str(clip))
    assert code == 0
    found = [json.loads(line) for line in out.splitlines()]
    tracks = {row["track"] for row in rows(followed.folder) if row["track"] is not None}
    nearest = {one.get("track") for one in found if one["score"] > 0.999}
    assert nearest >= tracks  # each is like itself, and not like the whole picture
    assert None not in nearest
    still = write_video(tmp_path / "still.mp4", pictures()[:1] * 10, fps=5)
    code, _, err = told(f"{still}@0-1")
    assert code == 2
    assert "nothing that is followed in it lies between 0 s and 1 s" in err
