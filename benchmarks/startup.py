"""``python -m benchmarks.startup``: what it takes from the start of Python to the first prediction.

Each program runs in a process of its own, in turns with the others; given are the least processor
time and the peak of resident memory beyond those of a Python that does nothing, and how much memory
is its own at the end: the rest are pages of the libraries' files, which processes share and the
system can drop. Those files are read anew first: of newly installed ones Linux counts more pages.
The model was loaded before, so that its prepared form is in the cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks import clips, machine, report
from edgevid import load_model
from edgevid.errors import EdgevidError
from edgevid.models.catalog import CAMERA_MOTION
from edgevid.support.command import OK, guard

_VIDEO = CAMERA_MOTION.path.with_name("demo.mp4")
_MODEL = "import edgevid, sys; model = edgevid.load_model(sys.argv[1])"
_PICTURE = "import numpy as np; picture = np.zeros((480, 640, 3), np.uint8)"
PROGRAMS = {
    "nothing": "",
    "import numpy": "import numpy",
    "import cv2, and NumPy": "import cv2",
    "import LiteRT, and NumPy": "import ai_edge_litert.interpreter",
    "import edgevid": "import edgevid",
    "a first prediction, of a picture": f"{_MODEL}; {_PICTURE}; "
    "model.stream().step(edgevid.Frame(picture, 0.0, 0))",
    "a first prediction, of a video": f"{_MODEL}; "
    f"next(iter(edgevid.classify({str(_VIDEO)!r}, model)))",
}
# Of ``getrusage`` the peak would not do: it begins with what this process holds.
_TOLD = """
import os, time
taken = time.process_time()
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(taken, *(int(status[key].split()[0]) / 1024 for key in ("VmHWM", "RssAnon")), flush=True)
os._exit(0)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.startup", __doc__)
    parser.add_argument("model", type=Path, nargs="?", help="any .tflite (default: published A0)")
    parser.add_argument("--runs", type=int, default=20, help="of each program (default: 20)")
    chosen = parser.parse_args(arguments)
    return guard(lambda: _run(chosen))


def _run(chosen: Namespace) -> int:
    model = chosen.model or clips.published_path()
    _drop_from_memory(Path(sysconfig.get_path("platlib")))
    load_model(model)
    before = machine.read()
    rows = measure(model, 2 if chosen.quick else chosen.runs)
    print(report.table(rows))
    report.write_json(chosen.json, {"machine": machine.facts(before, machine.read()), "rows": rows})
    return OK


def _drop_from_memory(folder: Path) -> None:
    """Has the system read a folder's files from the disk again, but those that are in use."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure(model: Path, runs: int) -> list[dict[str, Any]]:
    """Returns a row for each program.

    Raises:
        EdgevidError: one failed; the message holds its last line.
    """
    taken = np.empty((runs, len(PROGRAMS), 3))  # seconds, MB, MB of its own
    for row in tqdm(taken, "starting", unit="round", leave=False):
        for place, program in enumerate(PROGRAMS.values()):
            words = [sys.executable, "-c", program + _TOLD, str(model)]
            ended = subprocess.run(words, capture_output=True, text=True, check=False)
            if ended.returncode:
                last = (ended.stderr.strip().splitlines() or ["no message"])[-1]
                raise EdgevidError(f"a program that was to be timed failed: {last}")
            row[place] = [float(word) for word in ended.stdout.split()]
    least = taken.min(axis=0)
    return [
        {
            "program": name,
            "ms of processor time": float(1000 * (seconds - least[0][0])),
            "MB": float(mb - least[0][1]),
            "MB of its own": float(own - least[0][2]),
        }
        for name, (seconds, mb, own) in zip(PROGRAMS, least, strict=True)
        if name != "nothing"
    ]


if __name__ == "__main__":
    sys.exit(main())
