"""Checks a graph's operators before a runtime loads them.

The runtimes check much of this, but not all, and some of it only when it is too late: an option of
the wrong kind is read as whatever lies there, a stride of 0 is divided by, a constant that an
operator writes to is the file itself. Numbers are those of TensorFlow's ``schema.fbs``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgevid.errors import ModelError
from edgevid.modelfile.flatbuffer_table import Table

# enum BuiltinOperator: those of a MoViNet whose options matter. Their name, the options that they
# must have (enum BuiltinOptions), how many inputs at least, and which options must be over 0.
RULES = {
    0: ("ADD", 11, 2, ()),
    1: ("AVERAGE_POOL_2D", 5, 1, (1, 2, 3, 4)),
    2: ("CONCATENATION", 10, 1, ()),
    3: ("CONV_2D", 1, 2, (1, 2)),
    4: ("DEPTHWISE_CONV_2D", 2, 2, (1, 2)),
    9: ("FULLY_CONNECTED", 8, 2, ()),
    17: ("MAX_POOL_2D", 5, 1, (1, 2, 3, 4)),
    18: ("MUL", 21, 2, ()),
    25: ("SOFTMAX", 9, 1, ()),
    40: ("MEAN", 27, 2, ()),
    41: ("SUB", 28, 2, ()),
    42: ("DIV", 29, 2, ()),
    45: ("STRIDED_SLICE", 32, 4, ()),
    74: ("SUM", 27, 2, ()),
}
# Fields of the options that are left out where they are 1, and must not be under 1 either.
_DILATIONS = {3: (4, 5), 4: (5, 6)}
# CALL, IF, WHILE, CALL_ONCE and those of StableHLO that call: there is one graph, and no other.
CALLS = (31, 118, 119, 129, 174, 190, 198, 199, 200, 206, 209)
_RANKS = {3: 4, 4: 4, 1: 4, 17: 4}  # of the first input, and of a convolution's weights
_CONCATENATION = 2


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of the graph.

    Attributes:
        code: which operator it is.
        inputs: tensors, -1 for an optional one that is left out.
        outputs: tensors.
        options_type: which options it has.
        options: the options, None where it has none.
    """

    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options_type: int
    options: Table | None


def check_operator(operator: Operator, shapes: Sequence[Sequence[int]]) -> None:
    """Checks what can be seen of one operator alone.

    Raises:
        ModelError: no runtime could run it.
    """
    if operator.code in CALLS:
        raise ModelError("the graph has an operator that calls another graph, and there is none")
    if operator.code not in RULES:
        return
    name, options_type, least, positive = RULES[operator.code]
    if operator.options is None or operator.options_type != options_type:
        raise ModelError(f"the graph has a {name} with the options of another operator")
    if len(operator.inputs) < least or -1 in operator.inputs[:least]:
        raise ModelError(f"the graph has a {name} with too few inputs")
    if len(operator.outputs) != 1:
        raise ModelError(f"the graph has a {name} with {len(operator.outputs)} outputs")
    dilations = _DILATIONS.get(operator.code, ())
    if any(operator.options.i32(field) < 1 for field in positive) or any(
        operator.options.i32(field, default=1) < 1 for field in dilations
    ):
        raise ModelError(f"the graph has a {name} with a step or a size that is not over 0")
    rank = _RANKS.get(operator.code)
    if rank is not None and any(len(shapes[tensor]) != rank for tensor in operator.inputs[:least]):
        raise ModelError(f"the graph has a {name} of tensors that have not {rank} dimensions")
    if operator.code == _CONCATENATION:
        _check_concatenation(operator, shapes)


def _check_concatenation(operator: Operator, shapes: Sequence[Sequence[int]]) -> None:
    assert operator.options is not None
    if -1 in operator.inputs:
        raise ModelError("the graph has a CONCATENATION with too few inputs")
    joined = [shapes[tensor] for tensor in (*operator.inputs, *operator.outputs)]
    rank = len(joined[0])
    axis = operator.options.i32(0)
    if any(len(shape) != rank for shape in joined) or not -rank <= axis < rank:
        raise ModelError("the graph has a CONCATENATION of tensors that do not fit")


def check_order(
    operators: Iterable[Operator], known: set[int], outputs: set[int], constants: set[int]
) -> None:
    """Makes sure that every operator reads what is known by then, and writes what is not.

    Args:
        operators: in the order in which they run.
        known: tensors that have values beforehand.
        outputs: tensors that the graph gives.
        constants: tensors that must not be written to.

    Raises:
        ModelError: one does not.
    """
    known = known | {-1}
    written: set[int] = set()
    for operator in operators:
        for tensor in operator.inputs:
            if tensor not in known:
                raise ModelError(f"the graph reads tensor {tensor}, which nothing computes by then")
        for tensor in operator.outputs:
            if tensor in constants or tensor in written:
                raise ModelError(f"the graph computes tensor {tensor}, which has a value")
        written.update(operator.outputs)
        known.update(operator.outputs)
    for tensor in outputs - known:
        raise ModelError(f"the graph gives tensor {tensor}, which nothing computes")
