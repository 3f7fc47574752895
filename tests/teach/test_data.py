from __future__ import annotations

import math
from pathlib import Path

import pytest

from edgevid.errors import SourceError, UsageError
from edgevid.teach.data import Recording, Span, read


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def listed(folder: Path, text: str) -> Path:
    (folder / "list.csv").write_text(text)
    return folder / "list.csv"


@pytest.mark.parametrize("name", ["background", "none", "None"])
def test_a_folder_for_each_class(tmp_path: Path, name: str) -> None:
    found = read(touched(tmp_path, "fall/1.mp4", f"{name}/2.mp4"))
    by_name = {Path(recording.source).name: recording for recording in found}
    assert by_name["1.mp4"].spans == (Span("fall", 0.0, math.inf),)
    assert by_name["2.mp4"].spans == ()
    assert all(recording.is_clip for recording in found)


def test_spans_of_one_file_are_joined(tmp_path: Path) -> None:
    text = "path,start,end,label\na.mp4,1,2,fall\na.mp4,5,6,wave\nb.mp4,,,background\n"
    assert read(listed(tmp_path, text)) == [
        Recording(str(tmp_path / "a.mp4"), (Span("fall", 1, 2), Span("wave", 5, 6))),
        Recording(str(tmp_path / "b.mp4"), (), True),
    ]


def test_a_clip_may_have_several_labels(tmp_path: Path) -> None:
    (found,) = read(listed(tmp_path, "a.mp4,fall\na.mp4,wave\na.mp4,fall\n"))
    assert found.spans == (Span("fall"), Span("wave"))
    assert found.labels == {"fall", "wave"}


def test_background_is_any_source(tmp_path: Path) -> None:
    touched(tmp_path, "day/1.mp4", "day/2.mp4")
    found = read(None, [str(tmp_path / "day")])
    assert [Path(recording.source).name for recording in found] == ["1.mp4", "2.mp4"]
    assert not any(recording.is_clip or recording.spans for recording in found)


def test_groups_come_from_names(tmp_path: Path) -> None:
    data = touched(tmp_path, "fall/S1_a.mp4", "fall/S2_a.mp4")
    assert [r.group for r in read(data, group=r"^(S\d)_")] == ["S1", "S2"]
    with pytest.raises(UsageError, match="does not fit"):
        read(data, group=r"^(T\d)_")


def test_labels_that_differ_by_case_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'Fall' and 'fall' differ by case alone"):
        read(touched(tmp_path, "fall/1.mp4", "Fall/2.mp4"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("path,start,end,label\na.mp4,1,2,fall\na.mp4,,,wave\n", "with times and one without"),
        ("path,start,end,label\na.mp4,3,2,fall\n", "ends at 2 s, before it starts"),
        ("path,start,end,label\na.mp4,now,2,fall\n", "times must be seconds"),
    ],
)
def test_lists_that_contradict_themselves(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises((SourceError, UsageError), match=problem):
        read(listed(tmp_path, text))


def test_what_only_the_workshop_reads_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"export\.finetune"):
        read(tmp_path / "train.tfrecord")
