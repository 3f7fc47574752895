import codecs
from pathlib import Path

import pytest

from edgevid import labelled as clips
from edgevid.errors import SourceError
from edgevid.labelled import Clip, Part


def listed(folder: Path, text: str | bytes, name: str = "train.txt") -> Path:
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return folder / name


def read(folder: Path, text: str | bytes, name: str = "train.txt") -> list[tuple[str, str]]:
    found = clips.read(listed(folder, text, name))
    return [(str(clip.path.relative_to(folder)), clip.label) for clip in found]


def refused(folder: Path, text: str | bytes) -> str:
    with pytest.raises(SourceError) as error:
        clips.read(listed(folder, text))
    assert "\n" not in str(error.value)
    return str(error.value)


TWO = [("cls/a.mp4", "0"), ("cls/b.mp4", "3")]


@pytest.mark.parametrize("suffix", ["txt", "csv", "tsv", "lst"])
@pytest.mark.parametrize(
    "text",
    [
        "cls/a.mp4,0\ncls/b.mp4,3\n",
        "cls/a.mp4 0\ncls/b.mp4 3\n",
        "cls/a.mp4\t0\r\ncls/b.mp4\t3\r\n",
        "cls/a.mp4;0\ncls/b.mp4;3",
        "cls/a.mp4, 0\n\n# a remark, of mine\ncls/b.mp4 , 3,\n",
        "0,cls/a.mp4\n3,cls/b.mp4\n",
        "path,label\ncls/a.mp4,0\ncls/b.mp4,3\n",
        "path label\ncls/a.mp4 0\ncls/b.mp4 3\n",
        "Label;Video Path\n0;cls/a.mp4\n3;cls/b.mp4\n",
        "mine,yours\ncls/a.mp4,0\ncls/b.mp4,3\n",
        "id\tfile\tmy_label\n7\tcls/a.mp4\t0\n8\tcls/b.mp4\t3\n",
    ],
)
def test_the_content_says_what_a_list_is(tmp_path: Path, text: str, suffix: str) -> None:
    assert read(tmp_path, text, f"train.{suffix}") == TWO


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + b"path,label\ncls/a.mp4,0\ncls/b.mp4,3\n",
        codecs.BOM_UTF8 + b"cls/a.mp4 0\ncls/b.mp4 3\n",
        "cls/a.mp4\t0\r\ncls/b.mp4\t3\r\n".encode("utf-16"),
    ],
)
def test_byte_order_marks(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data) == TWO


@pytest.mark.parametrize(
    "text",
    [
        "my clips/a, b.mp4 opening door\nc.mp4 nod\n",
        '"my clips/a, b.mp4" "opening door"\nc.mp4 nod\n',
        '"my clips/a, b.mp4","opening door"\nc.mp4,nod\n',
        "my clips/a, b.mp4\topening door\nc.mp4\tnod\n",
        "path label\nmy clips/a, b.mp4 opening door\nc.mp4 nod\n",
    ],
)
def test_paths_and_labels_of_several_words(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == [("my clips/a, b.mp4", "opening door"), ("c.mp4", "nod")]


def test_raw_frames(tmp_path: Path) -> None:
    text = "imgs 5 127\nimgs 2 5 127\nimgs 3\nmy imgs 7 4 opening door\n34870 37 5\nv.avi 9 1\n"
    (tmp_path / "my imgs").mkdir()
    (tmp_path / "v.avi").mkdir()  # named after the video that its pictures are of
    assert clips.read(listed(tmp_path, text)) == [
        Clip(tmp_path / "imgs", "127", part=Part(0, 5)),
        Clip(tmp_path / "imgs", "127", part=Part(2, 5)),
        Clip(tmp_path / "imgs", "3"),
        Clip(tmp_path / "my imgs", "opening door", part=Part(7, 4)),
        Clip(tmp_path / "34870", "5", part=Part(0, 37)),
        Clip(tmp_path / "v.avi", "1", part=Part(0, 9)),
    ]
    one, other = clips.read(listed(tmp_path, "imgs 5 127\nimgs 2 5 127\n"))
    assert one.place != other.place


def test_raw_frames_between_commas_and_under_a_heading(tmp_path: Path) -> None:
    (tmp_path / "imgs").mkdir()
    for text in ("imgs,2,5,9\n", "frame_dir,offset,total_frames,label\nimgs,2,5,9\n"):
        assert clips.read(listed(tmp_path, text)) == [Clip(tmp_path / "imgs", "9", part=Part(2, 5))]


def test_names_for_numbers(tmp_path: Path) -> None:
    source = listed(tmp_path, "a b.mp4 wave\nframes/x 120 1\n\nv/y.mp4 0\n")
    assert clips.read(source, root=Path("/data"), labels=("nod", "wave")) == [
        Clip(Path("/data/a b.mp4"), "wave"),
        Clip(Path("/data/frames/x"), "wave", part=Part(0, 120)),
        Clip(Path("/data/v/y.mp4"), "nod"),
    ]
    for text, message in (("a.mp4 2", "label 2, but there are 2 names"), ("a.mp4 x", "none of")):
        with pytest.raises(SourceError, match=f"line 1: .*{message}"):
            clips.read(listed(tmp_path, text), labels=("nod", "wave"))


def test_numbers_are_in_their_own_order(tmp_path: Path) -> None:
    found = clips.read(listed(tmp_path, "".join(f"{n}.mp4 {n}\n" for n in (10, 0, 2, 1))))
    assert clips.check(found, []) == ("0", "1", "2", "10")


def test_ucf101_lists_group_by_source_video(tmp_path: Path) -> None:
    found = clips.read(
        listed(tmp_path, "Archery/v_Archery_g08_c01.avi 3\nArchery/v_Archery_g08_c02.avi\n")
    )
    assert {clip.label for clip in found} == {"Archery"}
    assert {clip.group for clip in found} == {"Archery_g08"}


def test_kinetics_takes_the_cut_clip_or_the_part_of_the_whole(tmp_path: Path) -> None:
    table = listed(
        tmp_path,
        "label,youtube_id,time_start,time_end,split\nyoga,abc,3,13,train\narchery,def,20,30,train\n",
        "train.csv",
    )
    (tmp_path / "yoga").mkdir()
    for path in (tmp_path / "yoga" / "abc_000003_000013.mp4", tmp_path / "def.mp4"):
        path.touch()
    cut, whole = clips.read(table)
    assert (cut.path.name, cut.start, cut.group) == ("abc_000003_000013.mp4", 0.0, "abc")
    assert (whole.path.name, whole.start, whole.end) == ("def.mp4", 20.0, 30.0)


def test_spans_under_a_heading(tmp_path: Path) -> None:
    found = clips.read(listed(tmp_path, "video,start,end,class\na.mp4,1.5,4,nod\nb.mp4,,,wave\n"))
    assert found == [
        Clip(tmp_path / "a.mp4", "nod", 1.5, 4.0),
        Clip(tmp_path / "b.mp4", "wave"),
    ]


def test_hidden_files_in_a_list(tmp_path: Path) -> None:
    text = "._a.mp4 0\ncls/a.mp4 0\n__MACOSX/a.mp4 1\n.ipynb_checkpoints/b.mp4 1\ncls/b.mp4 3\n"
    assert read(tmp_path, text) == TWO


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("test.mp4 0 3\n", "line 1: several labels (0 3)"),
        ("a.mp4,1\ntest.mp4,0,3\n", "line 2: several labels (0 3)"),
        ("a.mp4 1\ntest.mp4 0,3\n", "line 2: several labels (0,3)"),
        ('a.mp4,1\ntest.mp4,"0,3"\n', "line 2: several labels (0,3)"),
        ("imgs 5 1 2 3\n", "line 1: several labels (5 1 2 3)"),
        ("a.mp4 0\nb.mp4\n", "line 2: a path without a label"),
        ("a.mp4,0\nb.mp4,\n", "line 2: a path without a label"),
        ("path,label\na.mp4,0\nb.mp4,\n", "line 3: no label"),
        ("path,label\na.mp4,0\n,1\n", "line 3: no path"),
        ("path,label\na.mp4,0\nb, c.mp4,1\n", "line 3: 3 columns, but the heading names 2"),
        ('a.mp4,0\n"b.mp4,1\nc.mp4,2\n', "line 2: cannot be taken apart"),
        ("a.mp4 -1\n", "line 1: label -1 stands for no class"),
        ("a.mp4 120 wave\n", "line 1: 'a.mp4' is followed by '120', 'wave'"),
        ("a.mp4,0,5.5,wave\n", "line 1: 'a.mp4' is followed by"),
        ("imgs 0 3\n", "line 1: 0 pictures"),
        ("file,what,why\na.mp4,1,2\n", "line 1: no column 'label'"),
        ("label,youtube_id,time_start\nyoga,abc,1\n", "line 1: no column 'time_end'"),
        ("label,youtube_id,time_start,time_end\nyoga,abc,x,3\n", "line 2: times must be seconds"),
        ("label,youtube_id,time_start,time_end\nyoga,abc,,3\n", "line 2: times must be seconds"),
        ("path,start,end,label\na.mp4,5,3,x\n", "line 2: it ends at 3 s"),
        ('{"a.mp4": 0}\n', "line 1: JSON"),
        (b"a.mp4 0\n\0\0ftyp", "line 2: a zero byte"),
        (b"a.mp4 caf\xe9\n", "line 1: the label is not UTF-8"),
        ("\n\n", "names no clip"),
    ],
)
def test_lists_that_cannot_be_meant(tmp_path: Path, text: str | bytes, message: str) -> None:
    found = refused(tmp_path, text)
    assert message in found
    assert found.startswith(str(tmp_path / "train.txt"))


def test_a_path_that_is_not_utf8(tmp_path: Path) -> None:
    (clip,) = clips.read(listed(tmp_path, b"caf\xe9.mp4 0\n"))
    clip.path.touch()
    assert [entry.name for entry in tmp_path.glob("caf*")] == ["caf\udce9.mp4"]
