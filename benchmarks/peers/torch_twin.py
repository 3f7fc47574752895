"""The twin on PyTorch: eager, or compiled ahead (``torch.jit``). Also writes it as ONNX.

``python -m benchmarks.peers.torch_twin network.npz network.onnx``
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from benchmarks.peers.loop import TwinLoop

_RELU, _RELU6 = 1, 3  # schema.ActivationFunctionType


class Twin(torch.nn.Module):
    """The network of a plan; pictures lie as PyTorch likes them, channels first.

    Args:
        path: what ``plan.write_plan`` wrote.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        with np.load(path) as stored:
            self._plan: dict[str, Any] = json.loads(stored["plan"].tobytes())
            self._arrays = {int(name): stored[name] for name in stored.files if name != "plan"}
        for tensor, array in self._arrays.items():
            if array.dtype == np.float32:
                self.register_buffer(f"t{tensor}", torch.from_numpy(_channels_first(array)))
        for number, op in enumerate(self._plan["ops"]):
            if (
                op["kind"] == "DEPTHWISE_CONV_2D"
            ):  # one filter for each channel, in a group of its own
                weights = torch.from_numpy(self._arrays[op["inputs"][1]]).permute(3, 0, 1, 2)
                self.register_buffer(f"depthwise{number}", weights.contiguous())
        self.state_names = [name for name in self._plan["inputs"] if name.startswith("state")]

    def states(self) -> list[torch.Tensor]:
        """Returns the states with which a stream starts."""
        return [
            torch.zeros([shape[0], shape[3], shape[1], shape[2]])
            for _, shape in (self._plan["inputs"][name] for name in self.state_names)
        ]

    def forward(
        self, image: torch.Tensor, alpha: torch.Tensor, *states: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """Computes one step.

        Args:
            image: float32 ``[1, height, width, 3]``, 0..1.
            alpha: float32 ``[1]``.
            states: in the order of ``state_names``.

        Returns:
            Logits ``[1, classes]``, then the states.
        """
        inputs = self._plan["inputs"]
        values = {inputs["image"][0]: image.permute(0, 3, 1, 2), inputs["alpha"][0]: alpha}
        values |= {
            inputs[name][0]: state for name, state in zip(self.state_names, states, strict=True)
        }
        for number, op in enumerate(self._plan["ops"]):
            values[op["output"]] = self._compute(number, op, values)
        outputs = self._plan["outputs"]
        return values[outputs["logits"]], *(values[outputs[name]] for name in self.state_names)

    def _compute(self, number: int, op: dict[str, Any], values: dict[int, Any]) -> torch.Tensor:
        kind = op["kind"]
        given: list[Any] = [
            values[tensor] if tensor in values else getattr(self, f"t{tensor}", None)
            for tensor in op["inputs"]
        ]
        if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            weights, groups = given[1], 1
            if kind == "DEPTHWISE_CONV_2D":
                weights, groups = getattr(self, f"depthwise{number}"), given[0].shape[1]
            x, padding = _padded(given[0], op["padding"])
            y = functional.conv2d(
                x, weights, given[2], op["stride"], padding, op["dilation"], groups
            )
        elif kind == "AVERAGE_POOL_2D":  # over the pixels that are there
            (top, bottom), (left, right) = op["padding"]
            even = (top, left) if (top, left) == (bottom, right) else (0, 0)
            y = functional.avg_pool2d(
                given[0], op["kernel"], op["stride"], even,
                ceil_mode=even == (0, 0), count_include_pad=False,
            )  # fmt: skip
        elif kind == "CONCATENATION":
            y = torch.cat(given, dim=(0, 2, 3, 1)[op["axis"]])
        elif kind == "STRIDED_SLICE":  # past frames, which lie below one another
            begin, end = (int(self._arrays[tensor][1]) for tensor in op["inputs"][1:3])
            y = given[0][:, :, begin : end or given[0].shape[2]]
        elif kind == "MEAN":
            y = given[0].mean(dim=(2, 3), keepdim=True)
        elif kind == "RESHAPE":
            y = given[0].reshape(op["shape"])
        else:
            y = {"ADD": torch.add, "SUB": torch.sub, "MUL": torch.mul}[kind](*given)
        if op["activation"] == _RELU6:
            return functional.relu6(y)
        return functional.relu(y) if op["activation"] == _RELU else y


class TorchLoop(TwinLoop):
    """PyTorch on one thread.

    Args:
        path: the plan.
        labels: one for each logit.
        compiled: trace and freeze the network first.
    """

    def __init__(self, path: str, labels: Sequence[str], compiled: bool = True) -> None:
        super().__init__(labels)
        torch.set_num_threads(1)
        self.version = torch.__version__
        twin = Twin(path).eval()
        self._initial = twin.states()
        self._network: Any = twin
        if compiled:
            side = twin._plan["inputs"]["image"][1]
            example = (torch.zeros(side), torch.ones(1), *self._initial)
            with torch.inference_mode():
                self._network = torch.jit.freeze(torch.jit.trace(twin, example))
        self.reset()

    def reset(self) -> None:
        """Forgets all frames."""
        super().reset()
        self._states = self._initial

    def run(self, image: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
        """Computes one step."""
        with torch.inference_mode():
            logits, *self._states = self._network(
                torch.from_numpy(image), torch.from_numpy(alpha), *self._states
            )
        values: NDArray[np.float32] = logits[0].numpy()
        return values


def write_onnx(plan: str, path: str) -> None:
    """Writes the twin as ONNX."""
    twin = Twin(plan).eval()
    names = twin.state_names
    example = (torch.zeros(twin._plan["inputs"]["image"][1]), torch.ones(1), *twin.states())
    torch.onnx.export(
        twin, example, path, dynamo=False, opset_version=17,
        input_names=["image", "alpha", *names],
        output_names=["logits", *(f"{name}_out" for name in names)],
    )  # fmt: skip


def _padded(
    x: torch.Tensor, padding: Sequence[Sequence[int]]
) -> tuple[torch.Tensor, tuple[int, int]]:
    (top, bottom), (left, right) = padding
    if (top, left) == (bottom, right):
        return x, (top, left)  # the convolution pads by itself, without a copy
    return functional.pad(x, (left, right, top, bottom)), (0, 0)


def _channels_first(array: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(array.transpose(0, 3, 1, 2)) if array.ndim == 4 else array


if __name__ == "__main__":
    write_onnx(sys.argv[1], sys.argv[2])
