"""What no runtime should see: each is one change to a sound file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from benchmarks.parts.tiny_model import tiny_model
from edgevid.errors import ModelError
from edgevid.modelfile import flatbuffer, signature
from edgevid.modelfile.manifest import split
from edgevid.modelfile.operator_checks import CALLS, RULES
from edgevid.models.catalog import CAMERA_MOTION
from edgevid.prepare.operators import KNOWN
from tests.prepare.mini_movinet import mini_movinet

MINI = mini_movinet(int8=True)
OTHER_OPTIONS = {
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "SOFTMAX": "SoftmaxOptions",
}


def changed(edit: Callable[[Any], None]) -> bytes:
    model = schema.ModelT.InitFromPackedBuf(MINI, 0)
    edit(model)
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def operator(model: Any, kind: str) -> Any:
    """The first operator of a kind."""
    wanted = getattr(schema.BuiltinOperator, kind)
    graph = model.subgraphs[0]
    return next(
        op for op in graph.operators if model.operatorCodes[op.opcodeIndex].builtinCode == wanted
    )


def option(kind: str, name: str, value: int) -> Callable[[Any], None]:
    return lambda model: setattr(operator(model, kind).builtinOptions, name, value)


def tensor(model: Any, name: bytes) -> Any:
    return next(t for t in model.subgraphs[0].tensors if t.name == name)


def test_the_numbers_are_those_of_the_schema() -> None:
    for code, (name, options_type, least, _) in RULES.items():
        assert getattr(schema.BuiltinOperator, name) == code
        options, known_least = KNOWN[name][:2] if name in KNOWN else (OTHER_OPTIONS[name], least)
        assert getattr(schema.BuiltinOptions, options) == options_type
        assert least == known_least
    names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    assert {"CALL", "IF", "WHILE", "CALL_ONCE", "STABLEHLO_WHILE"} <= {names[n] for n in CALLS}


def test_sound_files_pass(published_path: Path) -> None:
    for data in (MINI, tiny_model(), published_path.read_bytes(), CAMERA_MOTION.path.read_bytes()):
        signature.of(flatbuffer.read(split(data)[0]))


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (option("CONV_2D", "strideW", 0), "CONV_2D with a step"),
        (option("CONV_2D", "strideH", -1), "CONV_2D with a step"),
        (option("DEPTHWISE_CONV_2D", "dilationHFactor", 0), "DEPTHWISE_CONV_2D with a step"),
        (option("AVERAGE_POOL_2D", "filterWidth", 0), "AVERAGE_POOL_2D with a step"),
        (option("CONCATENATION", "axis", 5), "do not fit"),
        (option("CONCATENATION", "axis", -6), "do not fit"),
        (lambda m: setattr(operator(m, "MEAN"), "builtinOptions", None), "MEAN with the options"),
        (lambda m: setattr(operator(m, "ADD"), "inputs", [0, -1]), "ADD with too few inputs"),
        (lambda m: setattr(operator(m, "CONV_2D"), "inputs", [0]), "CONV_2D with too few inputs"),
        (lambda m: setattr(operator(m, "MUL"), "outputs", []), "MUL with 0 outputs"),
        (lambda m: setattr(tensor(m, b"CONV_2D_1"), "buffer", 1), "should hold"),
        (lambda m: m.subgraphs[0].operators.reverse(), "which nothing computes by then"),
        (lambda m: m.subgraphs[0].operators.append(m.subgraphs[0].operators[-1]), "has a value"),
        (lambda m: m.subgraphs[0].operators.pop(), "which nothing computes"),
        (
            lambda m: setattr(operator(m, "ADD"), "outputs", operator(m, "SUM").inputs[1:]),
            "has a value",
        ),
        (lambda m: setattr(m.signatureDefs[0].outputs[0], "tensorIndex", 0), "as output, which"),
        (lambda m: setattr(m.signatureDefs[0].inputs[0], "tensorIndex", 5), "as input, which"),
    ],
)
def test_operators_that_no_runtime_should_see(edit: Callable[[Any], None], problem: str) -> None:
    with pytest.raises(ModelError, match=problem):
        flatbuffer.read(changed(edit))


def test_operators_that_call_another_graph() -> None:
    def call(model: Any) -> None:
        model.operatorCodes[1].builtinCode = schema.BuiltinOperator.WHILE
        model.operatorCodes[1].deprecatedBuiltinCode = schema.BuiltinOperator.WHILE

    with pytest.raises(ModelError, match="calls another graph"):
        flatbuffer.read(tiny_model(call))


def shaped(name: bytes, *shape: int) -> Callable[[Any], None]:
    def edit(model: Any) -> None:
        tensor(model, name).shape = list(shape)

    return edit


def test_an_input_that_is_a_constant() -> None:
    def hold(model: Any) -> None:
        model.subgraphs[0].inputs[1] = 5

    with pytest.raises(ModelError, match="'weights' is a constant"):
        flatbuffer.read(tiny_model(hold))


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (shaped(b"image:0", 1, 1, 30_000, 30_000, 3), "a size beyond any MoViNet"),
        (shaped(b"mean", *[2**31 - 1] * 8), "a size beyond any MoViNet"),
        (shaped(b"mean", *[1] * 9), "has 9 dimensions"),
        (shaped(b"mean", -2), "negative size"),
        (shaped(b"image:0", 1, 1, 0, 8, 3), "is empty"),
        (shaped(b"logits:0", 1, 0), "is empty"),
    ],
)
def test_sizes(edit: Callable[[Any], None], problem: str) -> None:
    with pytest.raises(ModelError, match=problem):
        signature.of(flatbuffer.read(tiny_model(edit)))


def test_states_without_measure() -> None:
    def grow(model: Any) -> None:
        graph, listed = model.subgraphs[0], model.signatureDefs[0]
        for number in range(3):
            large = schema.TensorT()
            large.name, large.shape = b"large", [1, 16_000_000]
            graph.tensors.append(large)
            place = len(graph.tensors) - 1
            graph.inputs.append(place)
            graph.outputs.append(place)
            argument = schema.TensorMapT()
            argument.name, argument.tensorIndex = b"large %d" % number, place
            listed.inputs.append(argument)
            listed.outputs.append(argument)

    with pytest.raises(ModelError, match="carries more from step to step"):
        signature.of(flatbuffer.read(tiny_model(grow)))


def test_a_picture_with_a_zero_point_but_no_scale() -> None:
    def take_off(model: Any) -> None:
        image = model.subgraphs[0].tensors[0]
        image.type = schema.TensorType.INT8
        image.quantization = schema.QuantizationParametersT()
        image.quantization.zeroPoint = [-128]

    with pytest.raises(ModelError, match=r"image is quantised by \(\) and \(\)"):
        signature.of(flatbuffer.read(tiny_model(take_off)))


@pytest.mark.parametrize("zero_point", [128, -129, 2**40])
def test_a_zero_point_that_its_type_cannot_hold(zero_point: int) -> None:
    def shift(model: Any) -> None:
        tensors = model.subgraphs[0].tensors
        chosen = next(t for t in tensors if t.type == schema.TensorType.INT8 and t.quantization)
        chosen.quantization.zeroPoint = [zero_point]
        chosen.quantization.scale = [1.0]

    with pytest.raises(ModelError, match="a zero point that no int8 can hold"):
        flatbuffer.read(changed(shift))
