from __future__ import annotations

import random
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema

from benchmarks.parts.tiny_model import tiny_model
from edgevid.errors import ModelError
from edgevid.modelfile import flatbuffer


def test_reads_what_the_file_holds() -> None:
    graph = flatbuffer.read(tiny_model())
    image = graph.tensors[graph.signatures[0].inputs["image"]]
    assert (image.shape, image.dtype, image.is_constant) == ((1, 1, 8, 8, 3), "float32", False)
    assert [t.name for t in graph.tensors if t.is_constant] == ["axes", "weights"]
    assert graph.signatures[0].key == "serving_default"


def test_reads_the_published_file(published_path: Path) -> None:
    graph = flatbuffer.read(published_path.read_bytes())
    signature = graph.signatures[0]
    assert len(signature.inputs) == 44
    assert len(signature.outputs) == 44
    quantised = [t for t in graph.tensors if t.dtype == "int8"]
    assert quantised
    assert all(t.scale for t in quantised)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"TFL3", "not a .tflite"),
        (b"a text file that somebody called .tflite", "not a .tflite"),
        (b"\xff\xff\xff\x7fTFL3" + bytes(40), "truncated or damaged"),
    ],
)
def test_refuses_what_is_no_model(data: bytes, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        flatbuffer.read(data)


def test_refuses_every_truncation() -> None:
    data = tiny_model()
    for length in range(len(data)):
        with pytest.raises(ModelError):
            flatbuffer.read(data[:length])


def test_refuses_indices_that_point_nowhere() -> None:
    def wrong_tensor(model: Any) -> None:
        model.subgraphs[0].operators[0].inputs = [0, 99]

    def wrong_buffer(model: Any) -> None:
        model.subgraphs[0].tensors[0].buffer = 99

    def wrong_opcode(model: Any) -> None:
        model.subgraphs[0].operators[1].opcodeIndex = 99

    def wrong_signature(model: Any) -> None:
        model.signatureDefs[0].inputs[0].tensorIndex = 99

    for edit in (wrong_tensor, wrong_buffer, wrong_opcode, wrong_signature):
        with pytest.raises(ModelError, match="99"):
            flatbuffer.read(tiny_model(edit))


def test_refuses_weights_of_the_wrong_size() -> None:
    def grow(model: Any) -> None:
        model.subgraphs[0].tensors[5].shape = [4, 300]

    with pytest.raises(ModelError, match="should hold 4800 bytes but holds 48"):
        flatbuffer.read(tiny_model(grow))


def test_any_damage_is_a_model_error_or_harmless() -> None:
    """Thousands of files with a few bytes changed: a graph or a ModelError, nothing else."""
    chance = random.Random(0)
    intact = tiny_model()
    refused = 0
    for _ in range(5000):
        damaged = bytearray(intact)
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(len(damaged))] = chance.choice((0, 1, 127, 128, 255))
        try:
            flatbuffer.read(bytes(damaged))
        except ModelError:
            refused += 1
    assert refused > 1000


def test_refuses_tensors_that_share_one_long_list() -> None:
    def many(model: Any) -> None:
        model.subgraphs[0].tensors[0].name = b"a" * 400_000
        model.subgraphs[0].tensors += [model.subgraphs[0].tensors[1]] * 20_000

    data = bytearray(tiny_model(many))
    first = _vector_of_tensors(bytes(data))
    target = first + struct.unpack_from("<I", data, first)[0]
    for place in range(first, first + 4 * 20_007, 4):
        struct.pack_into("<I", data, place, target - place) if target > place else None
    started = time.process_time()
    with pytest.raises(ModelError, match="overlap"):
        flatbuffer.read(bytes(data))
    assert time.process_time() - started < 60  # and not minutes, which pairs of them would take


def _vector_of_tensors(data: bytes) -> int:
    """Returns where the offsets of the tensors begin."""
    model = schema.Model.GetRootAs(data)
    table = model.Subgraphs(0)._tab
    return int(table.Vector(table.Offset(4)))
