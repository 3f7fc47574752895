from pathlib import Path

import pytest

from edgevid import labelled as clips
from edgevid.errors import SourceError, UsageError
from edgevid.labelled import Clip


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    touch(tmp_path / "wave" / "b.mp4", tmp_path / "wave" / "a.AVI", tmp_path / "nod" / "c.mkv")
    touch(tmp_path / "nod" / "frames" / "0001.jpg", tmp_path / "nod" / "notes.txt")
    found = [(clip.label, clip.path.name) for clip in clips.read(tmp_path)]
    assert found == [("nod", "c.mkv"), ("nod", "frames"), ("wave", "a.AVI"), ("wave", "b.mp4")]


def test_an_empty_class_stops_the_run(tmp_path: Path) -> None:
    touch(tmp_path / "wave" / "a.mp4", tmp_path / "nod" / "notes.txt")
    with pytest.raises(SourceError, match="nod: a class without a video"):
        clips.read(tmp_path)


def test_a_folder_without_videos(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no videos"):
        clips.read(tmp_path)


@pytest.mark.parametrize("name", [".ipynb_checkpoints", "__MACOSX", ".trash"])
def test_what_a_system_leaves_behind_is_no_class(tmp_path: Path, name: str) -> None:
    touch(tmp_path / "wave" / "a.mp4", tmp_path / "wave" / "._a.mp4", tmp_path / name / "b.mp4")
    touch(tmp_path / "nod" / "b.mp4", tmp_path / "nod" / name / "0001.jpg", tmp_path / ".DS_Store")
    touch(tmp_path / "nod" / "frames" / "0001.jpg", tmp_path / "nod" / "frames" / "._0001.jpg")
    found = [(clip.label, clip.path.name) for clip in clips.read(tmp_path)]
    assert found == [("nod", "b.mp4"), ("nod", "frames"), ("wave", "a.mp4")]


@pytest.mark.parametrize("other", ["test", "val", "Validation"])
def test_a_root_that_holds_the_splits(tmp_path: Path, other: str) -> None:
    touch(tmp_path / "train" / "wave" / "a.mp4", tmp_path / other / "wave" / "b" / "1.jpg")
    message = f"holds no classes but .*: name {tmp_path / 'train'}, and {tmp_path / other} to test"
    with pytest.raises(SourceError, match=message):
        clips.read(tmp_path)


def test_classes_that_are_called_like_splits(tmp_path: Path) -> None:
    touch(tmp_path / "train" / "a.mp4", tmp_path / "test" / "b.mp4")
    assert [clip.label for clip in clips.read(tmp_path)] == ["test", "train"]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("x/wave/a.mp4", "is .*x what you meant to name"),
        ("wave/0001.jpg", "each clip's pictures into a folder"),
        ("a.mp4", "its 1 videos are in no class"),
        ("train.txt", "or name a list, such as .*train.txt"),
    ],
)
def test_folders_that_are_not_quite_right(tmp_path: Path, file: str, message: str) -> None:
    touch(tmp_path / file)
    with pytest.raises(SourceError, match=message):
        clips.read(tmp_path)


def test_folders_with_numbers_for_names(tmp_path: Path) -> None:
    touch(*(tmp_path / name / "a.mp4" for name in ("0", "1", "2", "10")))
    found = clips.read(tmp_path)
    assert clips.check(found, []) == ("0", "1", "2", "10")
    names = tuple("kjihgfedcba")
    found = clips.read(tmp_path, labels=names)
    assert clips.check(found, [], names) == ("k", "j", "i", "a")


def test_a_clip_in_two_classes() -> None:
    found = [Clip(Path("1.mp4"), "a"), Clip(Path("1.mp4"), "b")]
    with pytest.raises(UsageError, match=r"1\.mp4 is in two classes, 'a' and 'b'"):
        clips.check(found, [])


def test_holding_out_keeps_groups_together() -> None:
    found = [Clip(Path(f"S{s}_{n}.mp4"), "wave") for s in range(5) for n in range(4)]
    found = clips.with_groups(found, r"^(S\d)_")
    train, held = clips.hold_out(found, 0.4)
    assert {clip.group for clip in train}.isdisjoint(clip.group for clip in held)
    assert len({clip.group for clip in held}) == 2


def test_holding_out_without_groups_takes_of_each_class() -> None:
    found = [Clip(Path(f"{c}{n}.mp4"), c) for c in "ab" for n in range(10)]
    _, held = clips.hold_out(found, 0.2)
    assert sorted(clip.label for clip in held) == ["a", "a", "b", "b"]


def test_folds_keep_groups_together_and_are_as_large_as_can_be_alike() -> None:
    found = [Clip(Path(f"S{s}_{n}.mp4"), "wave") for s in range(5) for n in range(4 + s)]
    found = clips.with_groups(found, r"^(S\d)_")
    numbers = clips.deal(found, 3)
    fold_of = {clip.group: fold for clip, fold in zip(found, numbers, strict=True)}
    assert [fold_of[clip.group] for clip in found] == numbers
    assert sorted(numbers.count(fold) for fold in range(3)) == [8, 11, 11]
    assert numbers == clips.deal(found, 3)


def test_folds_without_groups_take_of_each_class() -> None:
    found = [Clip(Path(f"{c}{n}.mp4"), c) for c in "ab" for n in range(6)]
    numbers = clips.deal(found, 3)
    held = [
        [c.label for c, fold in zip(found, numbers, strict=True) if fold == n] for n in range(3)
    ]
    assert [sorted(labels) for labels in held] == [["a", "a", "b", "b"]] * 3


@pytest.mark.parametrize("count", [1, 3])
def test_folds_that_cannot_be(count: int) -> None:
    found = [Clip(Path(f"{n}.mp4"), "a", group=f"p{n % 2}") for n in range(8)]
    with pytest.raises(UsageError, match=f"2 groups cannot be dealt out to {count} folds"):
        clips.deal(found, count)


def test_a_group_on_both_sides_is_refused() -> None:
    train = [Clip(Path("1.mp4"), "a", group="anna"), Clip(Path("2.mp4"), "b", group="ben")]
    with pytest.raises(UsageError, match="anna is on both sides"):
        clips.check(train, [Clip(Path("3.mp4"), "a", group="anna")])


@pytest.mark.parametrize(
    ("train", "held", "message"),
    [
        (["a"], [], "two classes or more"),
        (["a", "b"], ["c"], "'c' is tested but never trained"),
    ],
)
def test_splits_that_make_no_sense(train: list[str], held: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        clips.check([Clip(Path(f"t{c}"), c) for c in train], [Clip(Path(f"h{c}"), c) for c in held])


@pytest.mark.parametrize("pattern", ["(", "S", "(x)"])
def test_group_patterns_that_do_not_fit(pattern: str) -> None:
    with pytest.raises(UsageError, match="group pattern"):
        clips.with_groups([Clip(Path("S1.mp4"), "a")], pattern)
