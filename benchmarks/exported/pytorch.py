"""``python -m benchmarks.exported.pytorch FILE``: a MoViNet as PyTorch's converter exports it.

For an environment of its own with edgevid's libraries and ``litert-torch`` 0.10, which was
``ai-edge-torch``. There is no published PyTorch network that streams frame by frame, so this one is
made here: streaming blocks in 2+1 dimensions with squeeze-and-excitation and hard-swish, which sum
over all frames as the Model Garden's do, with their states as arguments and results. The weights
are random. ``benchmarks.formats`` says what becomes of the file.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import litert_torch
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from benchmarks import clips, report
from edgevid.support.atomic_file import atomic_file
from edgevid.support.command import OK, guard

_PIXELS = 172
_CLASSES = 25
_BLOCKS = ((16, 40, 16, 3), (16, 40, 24, 5), (24, 96, 24, 5), (24, 96, 24, 3))
_FEATURES = 128
_FRAMES = 15  # of a clip
_SPREAD = 3.0  # standard deviation, over pictures, of its logits

Tensors = dict[str, torch.Tensor]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.exported.pytorch", __doc__)
    parser.add_argument("file", type=Path, help="where it goes: pytorch_float32.tflite, say")
    chosen = parser.parse_args(arguments)
    return guard(lambda: _run(chosen))


def _run(chosen: Any) -> int:
    torch.manual_seed(chosen.seed)
    network = Network().eval()
    _spread(network)
    example = {"image": torch.rand(1, 1, _PIXELS, _PIXELS, 3), **network.states()}
    exported = litert_torch.signature("serving_default", network, (), example).convert()
    with atomic_file(chosen.file, make_folder=True) as file:
        file.write(exported.model_content())
    return OK


def _spread(network: Network) -> None:
    """Lets what it says depend on the picture: batch norm, and a classifier that spreads clips."""
    unknown = [item for item in clips.rows("clips") if item[1]["role"] == "calib"]
    shown = [clip.pictures for clip in clips.read(unknown, most=_FRAMES)]
    with torch.no_grad():
        network.train()
        _ends(network, shown)
        network.eval()
        said = _ends(network, shown)
        scale = _SPREAD / said.std(0)
        network.classifier.weight *= scale[:, None]
        network.classifier.bias.copy_((network.classifier.bias - said.mean(0)) * scale)


def _ends(network: Network, shown: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
    """Returns the logits at the ends of clips, ``[clips, classes]``."""
    ends = []
    for pictures in shown:
        states = network.states()
        for picture in pictures:
            states = network(torch.from_numpy(picture[None, None] / np.float32(255)), **states)
            logits = states.pop("logits")
        ends.append(logits)
    return torch.cat(ends)


def _convolution(inputs: int, outputs: int, size: int | tuple[int, int], **options: Any) -> Any:
    """A convolution and batch norm, whose statistics are the mean over all that it was shown."""
    made = nn.Conv2d(inputs, outputs, size, bias=False, **options)
    return nn.Sequential(made, nn.BatchNorm2d(outputs, momentum=None))


class Block(nn.Module):
    """A bottleneck: 1x1, 3x3 a channel, over time a channel, gate, 1x1."""

    def __init__(self, inputs: int, inner: int, outputs: int, frames: int) -> None:
        super().__init__()
        self.inner, self.frames = inner, frames
        self.expand = _convolution(inputs, inner, 1)
        self.spatial = _convolution(inner, inner, 3, padding=1, groups=inner)
        self.temporal = _convolution(inner, inner, (frames, 1), groups=inner)
        self.reduce = nn.Conv2d(2 * inner, inner // 4, 1)
        self.widen = nn.Conv2d(inner // 4, inner, 1)
        self.project = _convolution(inner, outputs, 1)
        self.is_residual = inputs == outputs

    def forward(self, x: torch.Tensor, given: Tensors) -> tuple[torch.Tensor, Tensors]:
        """Computes one frame; ``given`` are the block's states."""
        swish = functional.hardswish
        y = swish(self.spatial(swish(self.expand(x))))
        one, channels, height, width = y.shape
        frames = torch.cat([given["stream_buffer"], y[:, :, None]], 2)
        y = self.temporal(frames.reshape(one, channels, self.frames, height * width))
        y = swish(y.reshape(one, channels, height, width))
        frame = y.mean((2, 3), keepdim=True)
        mean, sums = _mean(frame, given)
        gate = self.widen(swish(self.reduce(torch.cat([mean, frame], 1))))
        y = self.project(y * functional.hardsigmoid(gate))
        return (x + y if self.is_residual else y), {"stream_buffer": frames[:, :, 1:], **sums}


class Network(nn.Module):
    """A few blocks; takes and gives its states by name."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _convolution(3, 16, 3, stride=2, padding=1)
        self.second = _convolution(16, 16, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(Block(*sizes) for sizes in _BLOCKS)
        self.head = _convolution(_BLOCKS[-1][2], _FEATURES, 1)
        self.classifier = nn.Linear(_FEATURES, _CLASSES)

    def states(self) -> Tensors:
        """Returns what a stream starts with."""
        side = -(-_PIXELS // 4)
        made = {}
        for number, (_, inner, _, frames) in enumerate(_BLOCKS):
            made[f"block{number}_stream_buffer"] = torch.zeros(1, inner, frames - 1, side, side)
            made |= _nothing(f"block{number}", inner)
        return made | _nothing("head", _FEATURES)

    def forward(self, image: torch.Tensor, **states: torch.Tensor) -> Tensors:
        """Computes one frame, ``[1, 1, height, width, 3]``."""
        swish, left = functional.hardswish, dict[str, torch.Tensor]()
        x = swish(self.second(swish(self.stem(image[0].permute(0, 3, 1, 2)))))
        for number, block in enumerate(self.blocks):
            x, given = block(x, _of(f"block{number}", states))
            left |= {f"block{number}_{name}": state for name, state in given.items()}
        frame = swish(self.head(x)).mean((2, 3), keepdim=True)
        mean, sums = _mean(frame, _of("head", states))
        left |= {f"head_{name}": state for name, state in sums.items()}
        return {"logits": self.classifier(mean.flatten(1)), **left}


def _mean(frame: torch.Tensor, given: Tensors) -> tuple[torch.Tensor, Tensors]:
    """The mean over all frames, and the sum and the number of frames with which to go on."""
    total, count = given["pool_buffer"] + frame, given["pool_frame_count"] + 1
    return total / count, {"pool_buffer": total, "pool_frame_count": count}


def _nothing(layer: str, channels: int) -> Tensors:
    return {
        f"{layer}_pool_buffer": torch.zeros(1, channels, 1, 1),
        f"{layer}_pool_frame_count": torch.zeros(1, dtype=torch.int32),
    }


def _of(layer: str, states: Tensors) -> Tensors:
    start = f"{layer}_"
    return {name.removeprefix(start): s for name, s in states.items() if name.startswith(start)}


if __name__ == "__main__":
    sys.exit(main())
