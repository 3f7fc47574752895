from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.parts.tiny_model import tiny_model
from edgevid.errors import ModelError
from edgevid.modelfile import flatbuffer, signature


def test_finds_image_states_and_logits() -> None:
    found = signature.of(flatbuffer.read(tiny_model()))
    assert (found.height, found.width, found.classes) == (8, 8, 4)
    assert [state.name for state in found.states] == ["state"]
    assert found.alpha is None


def test_published_states_pair_by_name_and_idle_ones_are_set_apart(published_path: Path) -> None:
    found = signature.of(flatbuffer.read(published_path.read_bytes()))
    assert (found.height, found.width, found.classes) == (172, 172, 600)
    assert (len(found.states), len(found.idle)) == (13, 30)
    for state in found.states:
        assert state.name.removeprefix("state_") in state.input.name


def rename_output(model: Any) -> None:
    model.signatureDefs[0].outputs[0].name = b"other"


def rename_image(model: Any) -> None:
    model.signatureDefs[0].inputs[0].name = b"picture"


def rename_logits(model: Any) -> None:
    model.signatureDefs[0].outputs[1].name = b"scores"


def drop_state(model: Any) -> None:
    del model.signatureDefs[0].inputs[1]
    del model.signatureDefs[0].outputs[0]


def drop_signature(model: Any) -> None:
    model.signatureDefs = []


def open_size(model: Any) -> None:
    model.subgraphs[0].tensors[0].shapeSignature = [1, -1, 8, 8, 3]


def grey_image(model: Any) -> None:
    model.subgraphs[0].tensors[0].shape = [1, 1, 8, 24, 1]


def other_state_shape(model: Any) -> None:
    model.subgraphs[0].tensors[4].shape = [3]


def integer_image(model: Any) -> None:
    model.subgraphs[0].tensors[0].type = 2


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (rename_output, "do not pair: other, state"),
        (rename_image, "no input 'image'"),
        (rename_logits, "needs 'logits'"),
        (drop_state, "no state"),
        (drop_signature, "no signature"),
        (open_size, "size of 'image:0' open"),
        (grey_image, "not one RGB picture"),
        (other_state_shape, r"goes in as float32 \[1, 3\] but comes out as float32 \[3\]"),
        (integer_image, "image is int32"),
    ],
)
def test_refuses_what_is_no_stream(edit: Callable[[Any], None], reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        signature.of(flatbuffer.read(tiny_model(edit)))


def test_copies_are_ordered_so_that_none_destroys_what_another_reads() -> None:
    tensors = [flatbuffer.Tensor(i, f"t{i}", (1,), "float32", (), (), False) for i in range(4)]
    # Past frames that move up by one: 0 <- 1 <- 2 <- the new one.
    moves = [(0, 1), (1, 2), (2, 3)]
    for order in (moves, moves[::-1], [moves[1], moves[0], moves[2]]):
        states = [signature.State(str(a), tensors[a], tensors[b]) for a, b in order]
        memory = {0: "oldest", 1: "middle", 2: "newest", 3: "new"}
        for state in signature._hazard_free(states):
            memory[state.input.index] = memory[state.output.index]
        assert memory == {0: "middle", 1: "newest", 2: "new", 3: "new"}
