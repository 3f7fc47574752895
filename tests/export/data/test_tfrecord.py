"""SequenceExamples as the Model Garden and MediaSequence write them."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgevid.errors import SourceError, UsageError
from edgevid.support.opencv import cv2
from export.data import clips
from export.data.clips import Clip
from export.data.frames import decode, gather

tf: Any = pytest.importorskip("tensorflow", reason="needs the extra 'train': TensorFlow")


def example(
    pictures: int, label: int | None, *, text: str = "", media: str = "", fps: float = 0.0,
    stamps: tuple[int, ...] = (), suffix: str = ".jpg",
) -> bytes:  # fmt: skip
    made = tf.train.SequenceExample()
    context = made.context.feature
    if label is not None:
        context["clip/label/index"].int64_list.value.append(label)
    if text:
        context["clip/label/text"].bytes_list.value.append(text.encode())
    if media:
        context["clip/media_id"].bytes_list.value.append(media.encode())
    if fps:
        context["image/frame_rate"].float_list.value.append(fps)
    lists = made.feature_lists.feature_list
    for number in range(pictures):
        picture = np.full((40, 56, 3), 10 * number, np.uint8)
        picture[:, :28, 2] = 200  # red on the left; OpenCV has it last
        encoded = cv2.imencode(suffix, picture)[1].tobytes()
        lists["image/encoded"].feature.add().bytes_list.value.append(encoded)
    for stamp in stamps:
        lists["image/timestamp"].feature.add().int64_list.value.append(stamp)
    return bytes(made.SerializeToString())


def write(path: Path, *examples: bytes) -> Path:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for content in examples:
            writer.write(content)
    return path


def test_clips_of_a_file(tmp_path: Path) -> None:
    path = write(
        tmp_path / "train.tfrecord-00000-of-00001",
        example(4, 1, text="wave"), example(6, 0, text="nod"),
    )  # fmt: skip
    found = clips.read(path)
    assert [clip.label for clip in found] == ["wave", "nod"]
    decoded, lost = gather(found, tmp_path / "cache")
    assert not lost
    assert [len(frames.jpegs) for _, frames in decoded] == [3, 5]  # 20 of 25 frames a second
    red, _, blue = decoded[0][1].picture(0)[20, 10].astype(int)
    assert red > blue + 100


def test_a_folder_of_shards_and_names_for_numbers(tmp_path: Path) -> None:
    for number in range(2):
        write(tmp_path / f"train.tfrecord-{number:05}-of-00002", example(2, number))
    assert [clip.label for clip in clips.read(tmp_path)] == ["0", "1"]
    assert [clip.label for clip in clips.read(tmp_path, labels=("a", "b"))] == ["a", "b"]
    with pytest.raises(SourceError, match="label 1, but there are 1 names"):
        clips.read(tmp_path, labels=("a",))


def test_time_as_the_file_tells_it(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.tfrecord",
        example(3, 0, stamps=(5_000_000, 5_200_000, 5_500_000), suffix=".png"),
        example(3, 0, fps=10.0),
    )
    by_stamp, by_rate = (decode(clip).timestamps for clip in clips.read(path))
    assert by_stamp == pytest.approx([0, 0.2, 0.5])
    assert by_rate == pytest.approx([0, 0.1, 0.2])


def test_groups_are_by_source(tmp_path: Path) -> None:
    path = write(tmp_path / "x.tfrecord", example(1, 0, media="S1_a"), example(1, 1, media="S2_b"))
    found = clips.read(path)
    assert [clip.group for clip in found] == ["S1_a", "S2_b"]
    assert [clip.group for clip in clips.with_groups(found, r"^(S\d)_")] == ["S1", "S2"]
    with pytest.raises(UsageError, match="does not fit 'S1_a'"):
        clips.with_groups(found, r"^(P\d)_")


def test_records_of_one_file_are_different_clips(tmp_path: Path) -> None:
    path = write(tmp_path / "x.tfrecord", *(example(1, n % 2) for n in range(8)))
    found = clips.read(path)
    train, held = clips.hold_out(found, 0.25)
    assert clips.check(train, held) == ("0", "1")
    with pytest.raises(UsageError, match="on both sides"):
        clips.check(found, held)


@pytest.mark.parametrize("case", ["cut off", "flipped", "compressed", "text", "no label"])
def test_files_that_are_none(tmp_path: Path, case: str) -> None:
    path = write(tmp_path / "x.tfrecord", example(2, None if case == "no label" else 0))
    content = path.read_bytes()
    if case == "cut off":
        path.write_bytes(content[:-9])
    elif case == "flipped":
        path.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    elif case == "compressed":
        path.write_bytes(gzip.compress(content))
    elif case == "text":
        write(path, b"this is no example")
    expected = "neither clip/label" if case == "no label" else "no SequenceExample"
    with pytest.raises(SourceError, match=f"x.tfrecord at byte 0: {expected}"):
        clips.read(path)


def test_a_picture_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    made = tf.train.SequenceExample.FromString(example(2, 0))
    made.feature_lists.feature_list["image/encoded"].feature[1].bytes_list.value[0] = b"no"
    empty = tf.train.SequenceExample.FromString(example(0, 0))
    path = write(tmp_path / "x.tfrecord", made.SerializeToString(), empty.SerializeToString())
    ((_, frames),), (unreadable,) = gather(clips.read(path), tmp_path / "cache")
    assert len(frames.jpegs) == 1
    assert "picture 1 cannot be decoded" in frames.lacking
    assert "holds no frame" in unreadable.reason


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.tfrecord: no such file"):
        decode(Clip(tmp_path / "gone.tfrecord", "a", record=0))
