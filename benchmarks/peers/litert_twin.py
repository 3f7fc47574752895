"""The float32 twin on LiteRT."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from benchmarks.peers.loop import TwinLoop


class LiteRtLoop(TwinLoop):
    """LiteRT on one thread, by views of its tensors."""

    def __init__(self, path: str, labels: Sequence[str]) -> None:
        super().__init__(labels)
        self.version = importlib.metadata.version("ai-edge-litert")
        self._interpreter = Interpreter(path, num_threads=1)
        self._interpreter.allocate_tensors()
        signature: Any = self._interpreter.get_signature_runner()
        inputs, outputs = signature.get_input_details(), signature.get_output_details()
        view = self._interpreter.tensor
        self._image, self._alpha = view(inputs["image"]["index"]), view(inputs["alpha"]["index"])
        self._logits = view(outputs["logits"]["index"])
        self._states = [
            (view(inputs[name]["index"]), view(outputs[name]["index"]))
            for name in inputs
            if name in outputs
        ]
        self.reset()

    def reset(self) -> None:
        """Forgets all frames."""
        super().reset()
        for _, out in self._states:
            out().fill(0)

    def run(self, image: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
        """Computes one step."""
        self._image()[...] = image
        self._alpha()[...] = alpha
        for into, out in self._states:
            into()[...] = out()
        self._interpreter.invoke()
        logits: NDArray[np.float32] = self._logits()[0].copy()
        return logits
