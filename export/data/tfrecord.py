"""Clips inside TFRecord files, as SequenceExamples of the Model Garden.

A SequenceExample holds a clip's pictures as ``image/encoded`` and its label as
``clip/label/index`` and ``clip/label/text``. Where MediaSequence wrote it, there are
``image/timestamp`` (microseconds), ``image/frame_rate`` and ``clip/media_id`` as well.

Reference: MediaPipe, ``mediapipe/util/sequence/README.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.python.lib.io.tf_record import tf_record_random_reader
from tqdm import tqdm

from edgevid.errors import SourceError
from edgevid.records import Frame
from edgevid.support.opencv import cv2

_FPS = 25.0  # where nothing is said: the rate that the Model Garden's MoViNet configs sample from


def records(path: Path) -> Iterator[tuple[int, Any]]:
    """Reads the examples of one file.

    Yields:
        Where each starts, in bytes, and the ``SequenceExample``.

    Raises:
        SourceError: the file is cut off, damaged, compressed, or holds something else.
    """
    offset, size = 0, path.stat().st_size
    with tqdm(total=size, desc=path.name, unit="B", unit_scale=True, leave=False) as progress:
        while offset < size:
            record, end = _read(path, offset)
            yield offset, record
            progress.update(end - offset)
            offset = end


def label_of(example: Any, labels: Sequence[str]) -> str:
    """The name of an example's class: its text, the name that goes with its number, the number.

    Raises:
        SourceError: it has neither, or a number beyond the names.
    """
    context = example.context.feature
    if text := context["clip/label/text"].bytes_list.value:
        return str(text[0].decode("utf-8", "replace"))
    if not (number := context["clip/label/index"].int64_list.value):
        raise SourceError("neither clip/label/text nor clip/label/index")
    if labels and not 0 <= number[0] < len(labels):
        raise SourceError(f"label {number[0]}, but there are {len(labels)} names, from 0")
    return labels[number[0]] if labels else str(number[0])


def media_of(example: Any) -> str:
    """What an example was cut from, as far as it says so: clips of one source belong together."""
    source = example.context.feature["clip/media_id"].bytes_list.value
    return str(source[0].decode("utf-8", "replace")) if source else ""


def frames(path: Path, offset: int) -> Iterator[Frame]:
    """Decodes the pictures of the example that starts at ``offset``.

    Raises:
        SourceError: there is no such example, or a picture of it cannot be decoded.
    """
    example, _ = _read(path, offset)
    lists = example.feature_lists.feature_list
    pictures = [feature.bytes_list.value[0] for feature in lists["image/encoded"].feature]
    stamps = [feature.int64_list.value[0] for feature in lists["image/timestamp"].feature]
    rate = example.context.feature["image/frame_rate"].float_list.value
    fps = float(rate[0]) if rate and rate[0] > 0 else _FPS
    for number, encoded in enumerate(pictures):
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise SourceError(f"{path} at byte {offset}: picture {number} cannot be decoded")
        timed = len(stamps) == len(pictures)
        timestamp = (stamps[number] - stamps[0]) / 1e6 if timed else number / fps
        yield Frame(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), timestamp, number)


def _read(path: Path, offset: int) -> tuple[Any, int]:
    try:
        data, end = tf_record_random_reader(str(path)).read(offset)
        return tf.train.SequenceExample.FromString(data), end
    except tf.errors.NotFoundError as error:
        raise SourceError(f"{path}: no such file") from error
    except (tf.errors.OpError, IndexError, DecodeError) as error:
        raise SourceError(
            f"{path} at byte {offset}: no SequenceExample; the file is cut off, damaged, or "
            "compressed (then gunzip it)"
        ) from error
