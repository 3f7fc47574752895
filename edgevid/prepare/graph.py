"""A ``.tflite`` graph in a form that is easy to rewrite.

The passes beside this module look for patterns with ``producer`` and ``consumers``, put new
operators in with ``add``, and leave what is no longer read to ``prune``. The order of the
operators is put right when the graph is written.
"""

from __future__ import annotations

import copy
import hashlib
import struct
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgevid.errors import ModelError
from edgevid.prepare.operators import KNOWN

_KINDS: dict[int, str] = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)
}
_CODES = {name: value for value, name in _KINDS.items()}
_DTYPES: dict[int, np.dtype[Any]] = {
    schema.TensorType.FLOAT32: np.dtype(np.float32),
    schema.TensorType.FLOAT16: np.dtype(np.float16),
    schema.TensorType.INT32: np.dtype(np.int32),
    schema.TensorType.INT64: np.dtype(np.int64),
    schema.TensorType.UINT8: np.dtype(np.uint8),
    schema.TensorType.INT8: np.dtype(np.int8),
}
_TYPES = {dtype: value for value, dtype in _DTYPES.items()}
Quantization = tuple[float, int]


class Graph:
    """The one subgraph of a streaming network, and its signature.

    Attributes:
        tensors: the schema's tensor objects; everything else refers to them by their place.
        ops: the schema's operator objects.
        inputs: tensor by argument name.
        outputs: tensor by argument name.
        sha256: of the flatbuffer that it was read from.
        model: the schema's object tree that it came from.
    """

    def __init__(self, data: bytes) -> None:
        """Takes a flatbuffer that ``edgevid.modelfile.flatbuffer`` has checked.

        Raises:
            ModelError: it is damaged in a part that running it does not need.
        """
        try:
            self.model = schema.ModelT.InitFromPackedBuf(data, 0)
        except (struct.error, TypeError, ValueError, IndexError) as error:
            raise ModelError(f"the .tflite file is damaged: {error}") from error
        self.sha256 = hashlib.sha256(data).hexdigest()
        subgraph = self.model.subgraphs[0]
        self.tensors: list[Any] = subgraph.tensors
        self.ops: list[Any] = list(subgraph.operators)
        signature = self.model.signatureDefs[0]
        self.inputs = {arg.name.decode(): int(arg.tensorIndex) for arg in signature.inputs}
        self.outputs = {arg.name.decode(): int(arg.tensorIndex) for arg in signature.outputs}
        for tensor in self.tensors:
            tensor.shape = [] if tensor.shape is None else [int(n) for n in tensor.shape]
        for op in self.ops:
            op.inputs = [] if op.inputs is None else [int(i) for i in op.inputs]
            op.outputs = [] if op.outputs is None else [int(i) for i in op.outputs]

    @property
    def states(self) -> list[str]:
        """Names of what goes in as well as out."""
        return [name for name in self.inputs if name in self.outputs]

    # Reading

    def kind(self, op: Any) -> str:
        """Returns an operator's name, as the schema spells it: ``CONV_2D``."""
        code = self.model.operatorCodes[op.opcodeIndex]
        return _KINDS.get(max(code.builtinCode, code.deprecatedBuiltinCode), "?")

    def find(self, *kinds: str) -> list[Any]:
        """Returns the operators of these kinds."""
        return [op for op in self.ops if self.kind(op) in kinds]

    def producer(self, tensor: int, *kinds: str) -> Any | None:
        """Returns the operator that computes a tensor, if it is one of these kinds (or any)."""
        for op in self.ops:
            if tensor in op.outputs:
                return op if not kinds or self.kind(op) in kinds else None
        return None

    def consumers(self, tensor: int) -> list[Any]:
        """Returns the operators that read a tensor."""
        return [op for op in self.ops if tensor in op.inputs]

    def only_consumer(self, tensor: int, *kinds: str) -> Any | None:
        """Returns the operator that alone reads a tensor, if it is one of these kinds (or any).

        None too where the tensor is an output of the network.
        """
        readers = self.consumers(tensor)
        if len(readers) != 1 or tensor in self.outputs.values():
            return None
        return readers[0] if not kinds or self.kind(readers[0]) in kinds else None

    def shape(self, tensor: int) -> list[int]:
        """Returns a tensor's sizes."""
        return list(self.tensors[tensor].shape)

    def dtype(self, tensor: int) -> np.dtype[Any] | None:
        """Returns a tensor's numpy type; None for types that numpy lacks."""
        return _DTYPES.get(self.tensors[tensor].type)

    def quantization(self, tensor: int) -> Quantization | None:
        """Returns a tensor's scale and zero point; None where it has none, or one a channel."""
        q = self.tensors[tensor].quantization
        if q is None or q.scale is None or len(q.scale) != 1 or len(q.zeroPoint) != 1:
            return None
        return float(q.scale[0]), int(q.zeroPoint[0])

    def is_constant(self, tensor: int) -> bool:
        """Returns whether the file holds a tensor's values."""
        data = self.model.buffers[self.tensors[tensor].buffer].data
        return data is not None and len(data) > 0

    def constant(self, tensor: int) -> NDArray[Any] | None:
        """Returns the values that the file holds for a tensor, None where it holds none."""
        if tensor < 0 or not self.is_constant(tensor):
            return None
        data = self.model.buffers[self.tensors[tensor].buffer].data
        dtype = self.dtype(tensor)
        if dtype is None:
            return None
        return np.frombuffer(bytes(data), dtype).reshape(self.shape(tensor))

    def real(self, tensor: int) -> NDArray[np.float64] | None:
        """Returns a constant's real values: dequantised, where it is quantised."""
        values = self.constant(tensor)
        if values is None or values.dtype == np.float32:
            return None if values is None else values.astype(np.float64)
        q = self.tensors[tensor].quantization
        if q is None or q.scale is None or not len(q.scale):
            return None
        spread = [1] * values.ndim
        if len(q.scale) > 1:
            spread[q.quantizedDimension] = -1
        zero_point = np.asarray(q.zeroPoint).reshape(spread)
        scale = np.asarray(q.scale, np.float64).reshape(spread)
        return np.asarray((values.astype(np.float64) - zero_point) * scale)

    # Writing

    def add_tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: Any = np.float32,
        *,
        quantization: Quantization | None = None,
        values: NDArray[Any] | None = None,
    ) -> int:
        """Adds a tensor; a constant when ``values`` are given."""
        tensor = schema.TensorT()
        tensor.name = name.encode()
        tensor.shape = list(shape)
        tensor.type = _TYPES[np.dtype(dtype)]
        tensor.buffer = 0  # by convention the empty buffer
        if quantization is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.array([quantization[0]], np.float32)
            tensor.quantization.zeroPoint = np.array([quantization[1]], np.int64)
        self.tensors.append(tensor)
        if values is not None:
            self.set_constant(len(self.tensors) - 1, values)
        return len(self.tensors) - 1

    def copy_tensor(self, tensor: int) -> int:
        """Adds a tensor that starts as a copy of another."""
        self.tensors.append(copy.deepcopy(self.tensors[tensor]))
        return len(self.tensors) - 1

    def set_constant(self, tensor: int, values: NDArray[Any]) -> None:
        """Gives a tensor values of its own, and their shape and dtype."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        self.tensors[tensor].buffer = len(self.model.buffers) - 1
        self.tensors[tensor].shape = list(values.shape)
        self.tensors[tensor].shapeSignature = None
        self.tensors[tensor].type = _TYPES[values.dtype]

    def add(
        self,
        kind: str,
        inputs: Sequence[int],
        shape: Sequence[int],
        dtype: Any = np.float32,
        *,
        name: str,
        quantization: Quantization | None = None,
        **options: Any,
    ) -> int:
        """Adds an operator with one output, which it returns."""
        output = self.add_tensor(name, shape, dtype, quantization=quantization)
        options_name, _, version = KNOWN[kind]
        op = schema.OperatorT()
        op.opcodeIndex = self._opcode(kind, version)
        op.inputs, op.outputs = list(inputs), [output]
        op.builtinOptionsType = getattr(schema.BuiltinOptions, options_name)
        op.builtinOptions = getattr(schema, options_name + "T")()
        for key, value in options.items():
            if not hasattr(op.builtinOptions, key):
                raise TypeError(f"{kind} has no option {key}")
            setattr(op.builtinOptions, key, value)
        self.ops.append(op)
        return output

    def dequantize(self, tensor: int) -> int:
        """Returns the float32 version of an int8 tensor: what was quantised to make it, if any."""
        made = self.producer(tensor, "QUANTIZE")
        if made is not None and self.dtype(made.inputs[0]) == np.float32:
            return int(made.inputs[0])
        for op in self.consumers(tensor):
            if self.kind(op) == "DEQUANTIZE":
                return int(op.outputs[0])
        name = self.name(tensor) + "/float"
        return self.add("DEQUANTIZE", [tensor], self.shape(tensor), name=name)

    def quantize(self, tensor: int, like: int) -> int:
        """Returns a tensor in the dtype, scale and zero point of another."""
        name = self.name(tensor) + "/int8"
        q = self.quantization(like)
        return self.add(
            "QUANTIZE", [tensor], self.shape(tensor), self.dtype(like), name=name, quantization=q
        )

    def name(self, tensor: int) -> str:
        """Returns a tensor's name."""
        return (self.tensors[tensor].name or b"").decode()

    def replace(self, old: int, new: int, *, only: Iterable[Any] | None = None) -> None:
        """Lets all that reads one tensor, or just these operators, read another instead."""
        for op in self.ops if only is None else only:
            op.inputs = [new if tensor == old else tensor for tensor in op.inputs]
        if only is None:
            for name, tensor in self.outputs.items():
                if tensor == old:
                    self.outputs[name] = new

    def set_version(self, op: Any, version: int) -> None:
        """States the operator version that an operator now needs, where that is higher."""
        code = self.model.operatorCodes[op.opcodeIndex]
        if code.version < version:
            op.opcodeIndex = self._opcode(self.kind(op), version)

    def prune(self) -> None:
        """Drops operators whose results are not read, and puts the others in order."""
        by_output = {tensor: op for op in self.ops for tensor in op.outputs}
        wanted = list(self.outputs.values())
        alive: set[int] = set()
        while wanted:
            op = by_output.get(wanted.pop())
            if op is not None and id(op) not in alive:
                alive.add(id(op))
                wanted += op.inputs
        self.ops = [op for op in self._ordered() if id(op) in alive]

    def _opcode(self, kind: str, version: int) -> int:
        for index, code in enumerate(self.model.operatorCodes):
            if code.builtinCode == _CODES[kind] and code.version == version:
                return index
        code = schema.OperatorCodeT()
        code.builtinCode, code.version = _CODES[kind], version
        code.deprecatedBuiltinCode = min(_CODES[kind], 127)  # an int8 field of older readers
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    def _ordered(self) -> list[Any]:
        """Returns the operators so that each comes after those whose results it reads."""
        by_output = {tensor: op for op in self.ops for tensor in op.outputs}
        ordered: list[Any] = []
        done: set[int] = set()
        for root in self.ops:
            stack = [(root, False)]
            while stack:
                op, ready = stack.pop()
                if ready:
                    ordered.append(op)
                elif id(op) not in done:
                    done.add(id(op))
                    stack.append((op, True))
                    stack += [(by_output[i], False) for i in op.inputs if i in by_output]
        return ordered
