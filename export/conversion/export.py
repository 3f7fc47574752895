"""A trained network becomes a streaming file for the device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgevid.errors import UsageError
from edgevid.modelfile import manifest
from edgevid.modelfile.manifest import Manifest
from edgevid.prepare import passes_for, prepare
from edgevid.prepare.passes.float_weights import narrow_weights, widen_weights
from edgevid.support.target import this_machine
from export.conversion.tflite_converter import Precision, calibration_steps, convert, step_function
from export.data.frames import Pictures
from export.model.network import FPS, Network


def export_tflite(
    network: Network,
    labels: Sequence[str],
    calibration: Sequence[Pictures],
    *,
    precision: Precision = "int8",
    memory: float = 15.0,
    name: str = "movinet",
    target: str | None = None,
    follow: str = "",
    fps: float = FPS,
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
        follow: what was followed in the clips that it was trained on; the file says so, and then
            ``python -m edgevid.stream`` follows the same.
        fps: frames a second that it was trained on, and is to see.

    Returns:
        The content of a ``.tflite`` file.

    Raises:
        UsageError: ``int8`` without clips to calibrate on.
    """
    if precision == "int8" and not calibration:
        raise UsageError("int8 needs clips to calibrate on: real ones, as the device will see")
    size = calibration[0].shape[1] if calibration else network.architecture.input_size
    step = step_function(network, size)
    model = convert(network, step, precision, lambda: calibration_steps(step, calibration, memory))
    described = Manifest(
        name=name,
        labels=tuple(labels),
        fps=fps,
        memory_s=memory / fps,
        clip_s=float(np.median([len(clip) for clip in calibration]) / fps) if calibration else 10.0,
        provenance={
            "architecture": f"MoViNet {network.architecture.size}, {network.architecture.style}",
            "precision": precision,
            "calibration_clips": len(calibration),
            **({"follow": follow} if follow else {}),
        },
    )
    target = target or this_machine()
    passes = passes_for(target)
    if precision in ("float32", "float16"):  # then the weights are to be stored like that
        passes = tuple(step for step in passes if step not in (narrow_weights, widen_weights))
    data = manifest.write(model, described)
    return prepare(data, name=name, target=target, passes=passes).data
