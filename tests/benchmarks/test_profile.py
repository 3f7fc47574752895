from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from benchmarks.arm.boards import BOARDS
from benchmarks.batched import batched
from benchmarks.parts.prefixes import best_cases, pieces, prefixes
from benchmarks.profile import counted, main, measure
from edgevid.modelfile import flatbuffer, signature
from edgevid.prepare import prepare
from tests.prepare.mini_movinet import LABELS, mini_movinet


@pytest.fixture(scope="module")
def mini() -> bytes:
    """With its manifest cut off: what the runtime takes."""
    data = mini_movinet(int8=True)
    return prepare(data, name="mini", labels=LABELS, target="x86").file.flatbuffer


def opened(content: bytes) -> Interpreter:
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def test_a_piece_for_each_operator_with_its_work(mini: bytes) -> None:
    found = pieces(mini)
    assert len(found) == len(list(prefixes(mini)))
    # The first convolution: 8x8 places, 8 channels, 3x3 pixels of 3 colours; widened, some more.
    first = next(piece for piece in found if piece.macs)
    assert first.kind == "CONV_2D"
    assert first.macs >= 8 * 8 * 8 * 3 * 3 * 3
    assert {piece.macs > 0 for piece in found if "CONV" in piece.kind} == {True}
    assert all(piece.moved > 0 for piece in found)


def test_layers_are_told_by_their_names(published_path: Path) -> None:
    found = pieces(prepare(published_path.read_bytes(), name="a0", target="x86").data)
    layers = list(dict.fromkeys(piece.layer for piece in found))
    assert layers[:2] == ["stem", "block0 layer0"]
    assert layers[-2:] == ["head", "classifier"]
    assert sum(piece.macs for piece in found) > 45e6


def test_the_last_prefix_computes_what_the_network_does(mini: bytes) -> None:
    whole, cut = opened(mini), opened(list(prefixes(mini))[-1])
    rng = np.random.default_rng(0)
    for one, other in zip(whole.get_input_details(), cut.get_input_details(), strict=True):
        assert one["name"] == other["name"]
        values = rng.integers(-100, 100, one["shape"]).astype(one["dtype"])
        whole.set_tensor(one["index"], values)
        cut.set_tensor(other["index"], values)
    whole.invoke()
    cut.invoke()
    logits = signature.of(flatbuffer.read(mini)).result
    same = [d["index"] for d in cut.get_output_details() if d["name"] == logits.name]
    assert (whole.get_tensor(logits.index) == cut.get_tensor(same[0])).all()


def test_costs_are_of_operators_and_floors_of_their_work(mini: bytes) -> None:
    """With made-up costs: an operator's is 1, in best cases an output's 3, a multiply-add's 2."""
    works = {
        one.network: 3.0 * one.outputs + 2.0 * one.macs
        for kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "copy")
        for dtype in ("int8", "float32")
        for one in best_cases(mini, kind, dtype)
    }

    def costs(networks: list[bytes]) -> NDArray[np.float64]:
        made = [works[network] for network in networks if network in works]
        return np.array([0.0, *made, *range(1, len(networks) - len(made))], np.float64)

    found = measure(mini, costs)  # type: ignore[arg-type]
    operators = found["operators"]
    assert [row["cost"] for row in operators] == [1] * len(operators)
    assert found["total"] == len(operators)
    for row, piece in zip(operators, pieces(mini), strict=True):
        assert row["floor"] == pytest.approx(
            3 * piece.outputs + 2 * piece.macs if piece.macs else 3 * piece.moved
        )
    for rows in (found["layers"], found["kinds"]):
        assert sum(row["cost"] for row in rows) == pytest.approx(found["total"])


def test_the_command(mini: bytes, tmp_path: Path) -> None:
    model, out, picture = (tmp_path / name for name in ("m.tflite", "out.json", "out.png"))
    model.write_bytes(prepare(mini_movinet(int8=True), name="mini", labels=LABELS).data)
    assert main([str(model), "--quick", "--json", str(out), "--picture", str(picture)]) == 0
    (found,) = json.loads(out.read_text())["profiles"]
    assert found["total"] > 0 < found["floor"]
    assert picture.stat().st_size > 1000


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_counted_on_a_board(board: object, mini: bytes) -> None:
    folder = os.environ.get("EDGEVID_ARM_ROOT")
    if not folder:
        pytest.skip("no EDGEVID_ARM_ROOT: `make bench-arm` builds it")
    few = list(prefixes(mini))[::4]
    counts = counted(few, board, Path(folder).resolve())  # type: ignore[arg-type]
    assert (np.diff(counts) > 0).all()


def test_a_batched_network_takes_the_steps_of_several(mini: bytes) -> None:
    """What comes out for each stream is what comes out for it alone."""
    network = signature.of(flatbuffer.read(mini))
    single, both = opened(mini), opened(batched(mini, 2))
    into = {detail["name"]: detail for detail in both.get_input_details()}
    out = {detail["name"]: detail for detail in both.get_output_details()}
    rng = np.random.default_rng(0)
    names = [tensor.name for tensor in (network.image, *(s.input for s in network.states))]
    values = {
        name: rng.integers(-90, 90, into[name]["shape"]).astype(into[name]["dtype"])
        for name in names
    }
    for interpreter in (single, both):
        (alpha,) = [d for d in interpreter.get_input_details() if d["shape"].tolist() == [1]]
        interpreter.set_tensor(alpha["index"], np.array([0.5], np.float32))
    for name, value in values.items():
        both.set_tensor(into[name]["index"], value)
    both.invoke()
    together = both.get_tensor(out[network.result.name]["index"])
    assert len(together) == 2
    for stream in (0, 1):
        for detail in single.get_input_details():
            if detail["name"] in values:
                single.set_tensor(detail["index"], values[detail["name"]][stream : stream + 1])
        single.invoke()
        assert (together[stream] == single.get_tensor(network.result.index)[0]).all()
    assert (together[0] != together[1]).any()
