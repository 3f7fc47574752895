"""The twin on OpenVINO, which reads ``.tflite`` itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import openvino
from numpy.typing import NDArray

from benchmarks.peers.loop import TwinLoop


class OpenVinoLoop(TwinLoop):
    """OpenVINO on one thread; arrays are shared with it, not copied."""

    def __init__(self, path: str, labels: Sequence[str]) -> None:
        super().__init__(labels)
        self.version = openvino.__version__.partition("-")[0]
        core = openvino.Core()
        settings = {
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            # Where there are matrix instructions it would take bfloat16, with other outputs.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        self._network = core.compile_model(core.read_model(path), "CPU", settings)
        self._request = self._network.create_infer_request()
        self._shapes = {
            port.any_name: list(port.shape)
            for port in self._network.inputs
            if "state" in port.any_name
        }
        self.reset()

    def reset(self) -> None:
        """Forgets all frames."""
        super().reset()
        self._states = {name: np.zeros(shape, np.float32) for name, shape in self._shapes.items()}

    def run(self, image: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
        """Computes one step."""
        outputs = self._request.infer(
            {"image": image, "alpha": alpha, **self._states}, share_inputs=True
        )
        # Copied: the next step writes its outputs where these lie.
        self._states = {name: outputs[f"{name}_out"].copy() for name in self._shapes}
        logits: NDArray[np.float32] = outputs["logits"][0]
        return logits
