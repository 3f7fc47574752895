"""``python -m benchmarks.exported.recovered``: the published A0, recovered and exported again.

Calibrated on the real clips that show no known class, it is compared with the float network on
those that do, and its step with that of the published file, prepared for the same processor. A few
dozen clips tell accuracies apart by three points and more, so that of their frames is given too.
``--quick`` looks at the first frames of every clip.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import clips, files, report
from edgevid import prepare
from edgevid.modelfile.label_files import default
from edgevid.models.load import load_model
from edgevid.runtime.partitions import partitions
from edgevid.support.command import OK, guard
from export.conversion.export import export_tflite
from export.data.dataset import CALIBRATION_CLIPS, EvaluationSet
from export.data.frames import Pictures
from export.metrics import agreement
from export.model import recover
from export.model.predict import Logits, Predictor, file_predictor, keras_predictor
from export.verification.comparison import compare

MEMORY = 15.0  # frames, three seconds
_MOST = 100  # frames of a clip to calibrate on
_EXPORTED = "exported.tflite"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the proof; returns its exit code."""
    chosen = report.arguments("benchmarks.exported.recovered", __doc__).parse_args(arguments)
    return guard(lambda: _run(chosen))


def _run(chosen: Any) -> int:
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), 8 if chosen.quick else None)
        found |= {"step, of the published": step_ratio(Path(folder))}
    print(report.table([found]))
    report.write_json(chosen.json, found)
    return OK


def measure(folder: Path, most: int | None) -> dict[str, Any]:
    """Exports and compares.

    Args:
        folder: for the files.
        most: look at so many frames of each clip, in calibrating too; at all when None.
    """
    network, labels = recover.load(clips.published_path()), default(600)
    unknown = [item for item in clips.rows("clips") if item[1]["role"] == "calib"]
    others = (unknown + clips.rows("segments"))[:CALIBRATION_CLIPS]
    calibration = [clip.pictures for clip in clips.read(others, most=most or _MOST)]
    path = folder / _EXPORTED
    path.write_bytes(export_tflite(network, labels, calibration, memory=MEMORY, name="a0"))
    shown = clips.labelled(most=most)
    truth = np.array([labels.index(clip.label) for clip in shown], np.intp)
    reference = _Noted(keras_predictor(network, MEMORY))
    other = _Noted(file_predictor(load_model(path), MEMORY))
    evaluation = EvaluationSet("test", pictures=tuple(clip.pictures for clip in shown), truth=truth)
    result = compare(reference, other, evaluation, memory=MEMORY)
    figures = {key: value for key, value in asdict(result).items() if key != "worst_layers"}
    return {
        "calibrated on": len(calibration),
        **figures,
        "drift": result.drift[-1],
        "frames": sum(len(clip.pictures) for clip in shown),
        "frames' agreement": agreement(*(np.concatenate(p.said[:-1]) for p in (reference, other))),
        "frames' top-1": other.right_frames(truth),
        "float frames' top-1": reference.right_frames(truth),
        "partitions": partitions(path.read_bytes()),
    }


def step_ratio(folder: Path) -> float:
    """How long a step of the exported file takes, as a share of the published one's."""
    published_file = folder / "published.tflite"
    content = clips.published_path().read_bytes()
    published_file.write_bytes(prepare.prepare(content, name="a0").data)
    _, ours = files.compare([published_file, folder / _EXPORTED], steps=400)
    return float(ours["ratio"])


class _Noted:
    """A predictor that keeps what it says."""

    def __init__(self, predict: Predictor) -> None:
        self._predict = predict
        self.said: list[Logits] = []

    def __call__(self, clip: Pictures) -> Logits:
        self.said.append(self._predict(clip))
        return self.said[-1]

    def right_frames(self, truth: NDArray[np.intp]) -> float:
        """The share of a clip's frames at which it names the class; the mean over the clips."""
        shares = [
            (logits.argmax(1) == true).mean()
            for logits, true in zip(self.said, truth, strict=False)  # the last is the long stream
        ]
        return float(np.mean(shares))


if __name__ == "__main__":
    sys.exit(main())
