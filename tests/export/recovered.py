"""``python -m tests.export.recovered``: the published A0, recovered in float and exported again.

Calibrated on the real clips that show no known class, it is compared with the float network on
those that do, and its step with that of the published file, prepared for the same processor.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import clips, files, report
from edgevid import prepare
from edgevid.command import OK, guard
from edgevid.label_files import default
from edgevid.loading import load_model
from export import published
from export.convert import CALIBRATION_CLIPS, export
from export.predict import file_predictor, keras_predictor
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
        limit: compare on so many clips; on all when None.
    """
    network, labels = published.load(clips.published_path()), default(600)
    unknown = [item for item in clips.rows("clips") if item[1]["role"] == "calib"]
    calibration = [clip.pictures[:_MOST] for clip in clips.read(unknown[:CALIBRATION_CLIPS])]
    paths = [folder / "exported.tflite", folder / "published.tflite"]
    paths[0].write_bytes(export(network, labels, calibration, memory=MEMORY, name="a0"))
    paths[1].write_bytes(prepare.prepare(clips.published_path().read_bytes(), name="a0").data)
    shown = clips.labelled(limit)
    result = compare(
        keras_predictor(network, MEMORY), file_predictor(load_model(paths[0]), MEMORY),
        [clip.pictures for clip in shown],
        np.array([labels.index(clip.label) for clip in shown], np.intp),
        memory=MEMORY,
    )  # fmt: skip
    _, ours = files.compare(paths[::-1], steps=400)
    figures = {key: value for key, value in asdict(result).items() if key != "worst_layers"}
    step = {"partitions": ours["partitions"], "step, of the published": ours["ratio"]}
    return {"calibrated on": len(calibration), **figures, "drift": result.drift[-1], **step}


if __name__ == "__main__":
    sys.exit(main())
