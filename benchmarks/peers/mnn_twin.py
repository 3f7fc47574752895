"""The twin on MNN. Also converts it from ONNX.

``python -m benchmarks.peers.mnn_twin network.onnx network.mnn``

MNN's own ``mnnconvert`` command reports each use to its makers, and installs a package for that;
the conversion itself, called here, does not.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import MNN
import MNN.expr as expr
import MNN.nn
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.loop import TwinLoop


class MnnLoop(TwinLoop):
    """MNN on one thread, through its module interface."""

    def __init__(self, path: str, labels: Sequence[str]) -> None:
        super().__init__(labels)
        self.version = MNN.version()
        interpreter = MNN.Interpreter(path)
        inputs = interpreter.getSessionInputAll(interpreter.createSession({}))
        self._shapes = {name: held.getShape() for name, held in inputs.items() if "state" in name}
        # Low precision would be float16, where the processor has it.
        settings = {"backend": "CPU", "numThread": 1, "precision": "high"}
        self._network = MNN.nn.load_module_from_file(
            path,
            ["image", "alpha", *self._shapes],
            ["logits", *(f"{name}_out" for name in self._shapes)],
            runtime_manager=MNN.nn.create_runtime_manager((settings,)),
        )
        self.reset()

    def reset(self) -> None:
        """Forgets all frames."""
        super().reset()
        self._states = [_variable(np.zeros(shape, np.float32)) for shape in self._shapes.values()]

    def run(self, image: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
        """Computes one step."""
        outputs = self._network.forward([_variable(image), _variable(alpha), *self._states])
        # Read, so that no step waits for the next, and no graph of all steps builds up.
        self._states = [_variable(output.read()) for output in outputs[1:]]
        logits: NDArray[np.float32] = outputs[0].read().reshape(-1)
        return logits


def _variable(values: NDArray[np.float32]) -> Any:
    return expr.const(values, list(values.shape), expr.NCHW, expr.float)


def convert(onnx: str, path: str) -> None:
    """Writes an ONNX network in MNN's own form."""
    import _tools  # MNN's, at the top level

    _tools.mnnconvert(
        ["mnnconvert", "-f", "ONNX", "--modelFile", onnx, "--MNNModel", path, "--bizCode", "twin"]
    )


if __name__ == "__main__":
    convert(sys.argv[1], sys.argv[2])
