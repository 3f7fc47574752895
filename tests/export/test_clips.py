from pathlib import Path

import pytest

from edgevid.errors import SourceError, UsageError
from export import clips
from export.clips import Clip


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


def test_a_list_of_paths_and_labels(tmp_path: Path) -> None:
    listed = tmp_path / "train.txt"
    listed.write_text("a b.mp4 wave\nframes/x 120 1\n\nv/y.mp4 0\n")
    found = clips.read(listed, root=Path("/data"), labels=("nod", "wave"))
    assert found == [
        Clip(Path("/data/a b.mp4"), "wave"),
        Clip(Path("/data/frames/x"), "wave"),
        Clip(Path("/data/v/y.mp4"), "nod"),
    ]


def test_a_label_beyond_the_names(tmp_path: Path) -> None:
    listed = tmp_path / "train.txt"
    listed.write_text("a.mp4 2\n")
    with pytest.raises(SourceError, match="line 1: label 2, but there are 2 names"):
        clips.read(listed, labels=("nod", "wave"))


def test_ucf101_lists_group_by_source_video(tmp_path: Path) -> None:
    listed = tmp_path / "testlist01.txt"
    listed.write_text("Archery/v_Archery_g08_c01.avi 3\nArchery/v_Archery_g08_c02.avi\n")
    found = clips.read(listed)
    assert {clip.label for clip in found} == {"Archery"}
    assert {clip.group for clip in found} == {"Archery_g08"}


def test_kinetics_takes_the_cut_clip_or_the_part_of_the_whole(tmp_path: Path) -> None:
    table = tmp_path / "train.csv"
    table.write_text(
        "label,youtube_id,time_start,time_end,split\nyoga,abc,3,13,train\narchery,def,20,30,train\n"
    )
    touch(tmp_path / "yoga" / "abc_000003_000013.mp4", tmp_path / "def.mp4")
    cut, whole = clips.read(table)
    assert (cut.path.name, cut.start, cut.group) == ("abc_000003_000013.mp4", 0.0, "abc")
    assert (whole.path.name, whole.start, whole.end) == ("def.mp4", 20.0, 30.0)


def test_a_csv_that_is_not_of_kinetics(tmp_path: Path) -> None:
    table = tmp_path / "train.csv"
    table.write_text("file,label\na.mp4,wave\n")
    with pytest.raises(SourceError, match="no column 'youtube_id'"):
        clips.read(table)


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
