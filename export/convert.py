"""``python -m export.convert``: a trained network becomes a streaming file for the device."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from edgevid.errors import UsageError
from edgevid.modelfile import manifest
from edgevid.modelfile.manifest import Manifest
from edgevid.prepare import TARGETS, prepare
from edgevid.support.atomic_file import atomic_file
from edgevid.support.command import OK, ArgumentParser, guard
from export.conversion.tflite_converter import (
    PRECISIONS,
    Inputs,
    Precision,
    convert,
    step_function,
    stream,
)
from export.data import clips
from export.data.clips import Clip
from export.data.frames import gather, tell
from export.model import checkpoint
from export.model.network import FPS, Network
from export.model.predict import Pictures, pictures

CALIBRATION_CLIPS = 64
_CLIPS_A_STREAM = 4  # one after the other with carried state: longer than any memory of seconds


def export(
    network: Network,
    labels: Sequence[str],
    calibration: Sequence[Pictures],
    *,
    precision: Precision = "int8",
    memory: float = 15.0,
    name: str = "movinet",
    target: str | None = None,
) -> bytes:
    """Converts a network, prepares the file for the device, and puts the manifest inside.

    Args:
        network: the network.
        labels: one for each class.
        calibration: for ``int8``, clips as the network sees them; not those of a test.
        precision: ``int8``, or ``float32``, ``float16``, ``dynamic``.
        memory: of the running means, in frames: in calibration, and by default on the device.
        name: the model's short name.
        target: the processor to prepare for, as ``edgevid.prepare`` takes it.

    Returns:
        The content of a ``.tflite`` file.

    Raises:
        UsageError: ``int8`` without clips to calibrate on.
    """
    if precision == "int8" and not calibration:
        raise UsageError("int8 needs clips to calibrate on: real ones, as the device will see")
    size = calibration[0].shape[1] if calibration else network.architecture.input_size
    step = step_function(network, size)
    model = convert(network, step, precision, lambda: _calibration_steps(step, calibration, memory))
    described = Manifest(
        name=name,
        labels=tuple(labels),
        fps=FPS,
        memory_s=memory / FPS,
        clip_s=float(np.median([len(clip) for clip in calibration]) / FPS) if calibration else 10.0,
        provenance={
            "architecture": f"MoViNet {network.architecture.size}, {network.architecture.style}",
            "precision": precision,
            "calibration_clips": len(calibration),
        },
    )
    return prepare(manifest.write(model, described), name=name, target=target).data


def _calibration_steps(
    step: object, calibration: Sequence[Pictures], memory: float
) -> Iterator[Inputs]:
    """Steps of real streams: a few clips after one another, from an empty state."""
    streams = [
        np.concatenate(calibration[start : start + _CLIPS_A_STREAM])
        for start in range(0, len(calibration), _CLIPS_A_STREAM)
    ]
    first = True
    for frames in tqdm(streams, desc="calibrating", unit="stream", leave=False):
        for inputs, _ in stream(step, (frame / np.float32(255) for frame in frames), memory):
            if first:
                # One black and one white pixel: so the image's scale is exactly that of pixels.
                inputs["image"][0, 0, 0, :2] = [[0.0] * 3, [1.0] * 3]
                first = False
            yield inputs


def choose(found: Sequence[Clip], count: int) -> list[Clip]:
    """Picks clips to calibrate on, as many of each class as of any other.

    Args:
        found: clips to pick from.
        count: how many to pick at most.
    """
    by_label: dict[str, list[Clip]] = {}
    for clip in found:
        by_label.setdefault(clip.label, []).append(clip)
    # Within a class spread over the list, which often goes by person or place.
    turns = []
    for members in by_label.values():
        each = -(-count // len(by_label))
        places = np.unique(np.linspace(0, len(members) - 1, min(each, len(members))).astype(int))
        turns.append([members[i] for i in places])
    mixed = [turn[i] for i in range(max(map(len, turns))) for turn in turns if i < len(turn)]
    return mixed[:count]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    options = _parser().parse_args(arguments)
    return guard(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    network, labels = checkpoint.load(options.network)
    calibration: list[Pictures] = []
    if options.calibrate:
        picked = choose(clips.read(options.calibrate, root=options.root), CALIBRATION_CLIPS)
        found, lost = gather(picked, options.cache or options.out.parent / "frames")
        tell(found, lost)
        size = network.architecture.input_size
        calibration = [pictures(frames, size=size, fps=FPS) for _, frames in found]
    data = export(
        network, labels, calibration, precision=options.precision,
        memory=max(1.0, options.memory * FPS), name=options.name or options.out.stem,
        target=options.target,
    )  # fmt: skip
    with atomic_file(options.out, make_folder=True) as file:
        file.write(data)
    print(f"{options.out}: {len(data) / 1e6:.1f} MB, {options.precision}, {len(labels)} classes")
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(prog="python -m export.convert", description=__doc__)
    add = parser.add_argument
    add("network", type=Path, help="network.npz of export.finetune")
    add("-o", "--out", type=Path, required=True, help="the .tflite file to write")
    add("--precision", choices=PRECISIONS, default="int8")
    add("--calibrate", type=Path, help="clips for int8, as export.finetune takes them")
    add("--root", type=Path, help="where the paths in a list start")
    add("--cache", type=Path, help="folder for decoded frames; default: beside OUT")
    add("--memory", type=float, default=3.0, help="seconds of the past that weigh; default: 3")
    add("--name", help="the model's short name; default: OUT's")
    add("--target", choices=TARGETS, help="processor to prepare for; default: this machine's")
    return parser


if __name__ == "__main__":
    sys.exit(main())
