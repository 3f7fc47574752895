"""What an event's clip costs on a Raspberry Pi 4 and 5, emulated: ``benchmarks.arm.clips``.

The service's own code writes a clip of ten seconds, five before an event and five after, of a
camera that shows somebody at push-ups. Counted are the instructions, as ``benchmarks.arm`` does: of
what each camera costs always, as its last seconds are held in memory as JPEG; of writing those when
a clip begins, which the service does one by one while it has nothing else to do; and of each
picture after that, which is also what holding H.264 instead of JPEG would cost always. H.264 is
what is written, MPEG-4 Part 2 what was before, by the same way. Instructions are not cycles: the
share of a core is what it would be with one instruction a cycle, and the other cores do not count.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks import clips, report
from benchmarks.arm import clip_guest
from benchmarks.arm.boards import BOARDS, Board
from benchmarks.arm.emulation import count
from edgevid import open_source
from edgevid.support import command
from edgevid.support.opencv import cv2

CODECS = {"libx264": "H.264", "mpeg4": "MPEG-4 Part 2"}
SIZES = ((640, 480), (1280, 720))
CLIP = "mediapipe-Fitness-counter__pushup-sample.mp4"
CLOCKS = {"pi4": 1.8e9, "pi5": 2.4e9}  # a second, as the boards are sold
_SECONDS = 10.0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.arm.clips", __doc__)
    parser.add_argument("--root", type=Path, required=True, help="made by benchmarks.arm.sysroot")
    chosen = parser.parse_args(argv)

    def run() -> int:
        sizes = SIZES[:1] if chosen.quick else SIZES
        rows = measure(_filmed(_SECONDS), chosen.root.resolve(), sizes)
        print(report.table(rows))
        report.write_json(chosen.json, {"clips": rows})
        return command.OK

    return command.guard(run)


def _filmed(seconds: float) -> list[NDArray[np.uint8]]:
    """Returns what a camera shows, five pictures a second, and one more that ends the clip."""
    (path,) = [path for path, _ in clips.rows("clips") if path.name == CLIP]
    found: list[NDArray[np.uint8]] = []
    with open_source(path) as source:
        for frame in source:
            if frame.timestamp >= len(found) / clip_guest.FPS:
                found.append(frame.image)
            if len(found) > seconds * clip_guest.FPS:
                break
    return found


def measure(
    pictures: Sequence[NDArray[np.uint8]],
    root: Path,
    sizes: Sequence[tuple[int, int]],
    boards: Sequence[Board] = BOARDS,
) -> list[dict[str, Any]]:
    """Writes clips on boards; returns a row for each size, board and codec.

    Args:
        pictures: RGB, five a second, the last of which ends the clip.
        root: the sysroot.
        sizes: width and height of the camera's pictures.
        boards: the boards to emulate.
    """
    rows = []
    cases = [(size, board, codec) for size in sizes for board in boards for codec in CODECS]
    for size, board, codec in tqdm(cases, "emulating", unit="run", leave=False):
        with tempfile.TemporaryDirectory() as folder:
            shown = Path(folder, "shown.npy")
            np.save(shown, np.stack([cv2.resize(p, size, interpolation=3) for p in pictures]))
            kept = Path(folder, "clips")
            kept.mkdir()
            spans = count(clip_guest.__file__, [codec, str(shown), str(kept)], board, root)
        rows.append(row(size, board, codec, spans))
    return rows


def row(size: tuple[int, int], board: Board, codec: str, spans: list[int]) -> dict[str, Any]:
    """Returns what a clip costs.

    Args:
        size: of the pictures, width and height.
        board: which was emulated.
        codec: which was written.
        spans: instructions of each picture and, in their middle, of the event.
    """
    middle = (len(spans) - 1) // 2
    always = float(np.median(spans[:middle]))  # a picture, while no clip is written
    begins, during = spans[middle], spans[middle + 1 :]
    seconds = (len(spans) - 2) / clip_guest.FPS  # but the event, and the picture that ends it
    encoding = float(np.median(during)) - always  # a picture, as video
    whole = begins + sum(during) - len(during) * always
    clock = CLOCKS[board.name]
    return {
        "pictures": f"{size[0]}x{size[1]}",
        "board": board.title,
        "codec": CODECS[codec],
        "M a second, always": round(clip_guest.FPS * always / 1e6, 1),
        "share of a core, always": f"{clip_guest.FPS * always / clock:.1%}",
        "M a second, as video instead": round(clip_guest.FPS * encoding / 1e6, 1),
        "share of a core, as video instead": f"{clip_guest.FPS * encoding / clock:.1%}",
        "M when a clip begins": round(begins / 1e6),
        "M a picture after that": round(encoding / 1e6, 1),
        "M a second of clip": round(whole / seconds / 1e6, 1),
        "share of a core": f"{whole / seconds / clock:.1%}",
    }


if __name__ == "__main__":
    sys.exit(main())
