"""``python -m tests.export.recovered``: the published A0, recovered in float and exported again.

Calibrated on the real clips that show no known class, it is compared with the float network on
those that do, and its step with that of the published file, prepared for the same processor. A few
dozen clips tell accuracies apart by three points and more, so that of their frames is given too.
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
from edgevid.command import OK, guard
from edgevid.label_files import default
from edgevid.loading import load_model
from export import published
from export.convert import CALIBRATION_CLIPS, export
from export.predict import Logits, Pictures, Predictor, file_predictor, keras_predictor
from export.verify import compare

MEMORY = 15.0  # frames, three seconds
_MOST = 100  # frames of a clip to calibrate on


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the proof; returns its exit code."""
    chosen = report.arguments("tests.export.recovered", __doc__).parse_args(arguments)
    return guard(lambda: _run(chosen))


def _run(chosen: Any) -> int:
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), 4 if chosen.quick else None)
    print(report.table([found]))
    report.write_json(chosen.json, found)
    return OK


def measure(folder: Path, limit: int | None) -> dict[str, Any]:
    """Exports, compares and times.

    Args:
        folder: for the files.
        limit: compare on so many clips, calibrated on three times as many; on all when None.
    """
    network, labels = published.load(clips.published_path()), default(600)
    unknown = [item for item in clips.rows("clips") if item[1]["role"] == "calib"]
    others = (unknown + clips.rows("segments"))[:CALIBRATION_CLIPS]
    calibrated_on = others[:: max(1, len(others) // (3 * limit))] if limit else others
    calibration = [clip.pictures[:_MOST] for clip in clips.read(calibrated_on)]
    paths = [folder / "exported.tflite", folder / "published.tflite"]
    paths[0].write_bytes(export(network, labels, calibration, memory=MEMORY, name="a0"))
    paths[1].write_bytes(prepare.prepare(clips.published_path().read_bytes(), name="a0").data)
    shown = clips.labelled(limit)
    truth = np.array([labels.index(clip.label) for clip in shown], np.intp)
    reference = _Noted(keras_predictor(network, MEMORY))
    other = _Noted(file_predictor(load_model(paths[0]), MEMORY))
    seen = [clip.pictures for clip in shown]
    result = compare(reference, other, seen, truth, memory=MEMORY)
    _, ours = files.compare(paths[::-1], steps=400)
    figures = {key: value for key, value in asdict(result).items() if key != "worst_layers"}
    return {
        "calibrated on": len(calibration),
        **figures,
        "drift": result.drift[-1],
        "frames' top-1": other.right_frames(truth),
        "float frames' top-1": reference.right_frames(truth),
        "partitions": ours["partitions"],
        "step, of the published": ours["ratio"],
    }


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
