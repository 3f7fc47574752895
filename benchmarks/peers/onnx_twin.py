"""The twin on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from benchmarks.peers.loop import TwinLoop


class OnnxLoop(TwinLoop):
    """ONNX Runtime on one thread, from the file that ``torch_twin`` writes."""

    def __init__(self, path: str, labels: Sequence[str]) -> None:
        super().__init__(labels)
        self.version = onnxruntime.__version__
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
        self._shapes = {
            held.name: held.shape for held in self._session.get_inputs() if "state" in held.name
        }
        self._names = list(self._shapes)
        self._outputs = ["logits", *(f"{name}_out" for name in self._names)]
        self.reset()

    def reset(self) -> None:
        """Forgets all frames."""
        super().reset()
        self._states = [np.zeros(shape, np.float32) for shape in self._shapes.values()]

    def run(self, image: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
        """Computes one step."""
        states = dict(zip(self._names, self._states, strict=True))
        logits, *self._states = self._session.run(
            self._outputs, {"image": image, "alpha": alpha, **states}
        )
        values: NDArray[np.float32] = logits[0]
        return values
