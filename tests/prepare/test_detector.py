from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.parts.tiny_model import tiny_model
from edgevid.errors import ModelError
from edgevid.modelfile import flatbuffer
from edgevid.prepare.detector import quicken_detector
from edgevid.regions.boxes import iou
from edgevid.regions.detector import PersonDetector, _parts
from edgevid.runtime.backends import open_backend
from edgevid.sources import open_source
from tests.conftest import LabelledClip


@pytest.fixture(scope="module")
def published(published_path: Path) -> bytes:
    path = published_path.parent / "ssd_mobilenet_v1_coco_uint8.tflite"
    if not path.exists():
        pytest.skip(f"no {path.name} beside the published model")
    return path.read_bytes()


def opened(data: bytes) -> PersonDetector:
    backend = open_backend(data)
    backend.invoke()
    image, outputs = _parts(data)
    return PersonDetector(backend, image, outputs)


def test_it_is_int8_throughout_and_gives_the_same_four(published: bytes) -> None:
    graph = flatbuffer.read(quicken_detector(published))
    assert {t.dtype for t in graph.tensors} <= {"int8", "int32", "float32"}
    image = graph.tensors[graph.inputs[0]]
    assert (image.dtype, image.shape, image.zero_point) == ("int8", (1, 300, 300, 3), (0,))
    assert len(graph.custom["TFLite_Detection_PostProcess"]) == 4


def test_people_are_found_where_they_were(published: bytes, real_clips: list[LabelledClip]) -> None:
    one, other = opened(published), opened(quicken_detector(published))
    found = same = 0
    for clip in real_clips[::4]:
        with open_source(clip.path) as source:
            picture = next(frame.image for frame in source if frame.index == 5)
        boxes = other.find(picture)
        for box in one.find(picture)[:3]:  # the surest; at the threshold one may be missing
            found += 1
            same += any(iou(box, each) > 0.7 for each in boxes)
    assert found > 5
    assert same >= 0.8 * found


def test_what_has_no_uint8_stays_as_it_is(published: bytes) -> None:
    quick = quicken_detector(published)
    assert quicken_detector(quick) == quick
    assert quicken_detector(tiny_model()) == tiny_model()


def test_what_is_damaged_is_refused(published: bytes) -> None:
    chance = np.random.default_rng(0)
    for cut in (0, 100, 50_000, 4_000_000):
        with pytest.raises(ModelError):
            quicken_detector(published[:cut])
    for _ in range(10):
        data = bytearray(published)
        for place in chance.integers(0, len(data), 40):
            data[place] ^= int(chance.integers(1, 256))
        try:
            quicken_detector(bytes(data))
        except ModelError:
            continue


def test_one_class_alone_is_found_as_before(
    published: bytes, real_clips: list[LabelledClip]
) -> None:
    quick, alone = quicken_detector(published), quicken_detector(published, only=0)
    scores = [t for t in flatbuffer.read(alone).tensors if t.shape == (1, 1917, 2)]
    assert scores  # background and people, where there were 91 classes
    assert not any(t.shape[-1:] == (91,) for t in flatbuffer.read(alone).tensors if t.shape)
    one, other = opened(quick), opened(alone)
    found = same = 0
    for clip in real_clips[::8]:
        with open_source(clip.path) as source:
            picture = next(frame.image for frame in source if frame.index == 5)
        boxes = other.find(picture)
        for box in one.find(picture)[:2]:
            found += 1
            same += any(iou(box, each) > 0.7 for each in boxes)
    assert found > 2
    assert same >= 0.8 * found


def test_a_class_that_is_not_there_is_refused(published: bytes) -> None:
    with pytest.raises(ModelError, match="no class 90"):
        quicken_detector(published, only=90)
