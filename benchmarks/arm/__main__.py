"""Instructions per step on a Raspberry Pi 4 and 5, emulated: ``python -m benchmarks.arm``.

The published aarch64 build of LiteRT runs under QEMU's user-mode emulation, which shows it each
board's processor. Compared are the published file, driven as the official Raspberry Pi example
does, and the same file prepared by edgevid and driven by edgevid. First both are stepped over a
real clip on the board and on this machine, and the outputs compared; then the instructions of
a step are counted. They do not depend on this machine, and are the same from run to run to
within a few in a thousand. Instructions are not cycles: a count says what a change saves, not
how long a step takes.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks import clips, report
from benchmarks.arm.boards import BOARDS, Board
from benchmarks.arm.emulation import Run, run
from benchmarks.arm.sysroot import LITERT
from edgevid import command, tflite
from edgevid.prepare import TARGETS, prepare
from edgevid.whole_file import whole_file

REFERENCE = Path(__file__).with_name("reference.json")
MAY_GROW = 1.02  # a count may exceed its reference by as much
COUNTED = 6  # steps
CLIP = "examples__rpi_carving_ice.mp4"

Counts = dict[str, dict[str, dict[str, int]]]  # file, board, "step" or "invoke"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.arm", __doc__)
    parser.add_argument("model", type=Path, nargs="?", help="published .tflite (default: A0)")
    parser.add_argument("--root", type=Path, required=True, help="made by benchmarks.arm.sysroot")
    parser.add_argument(
        "--update", action="store_true", help=f"keep the counts as the new {REFERENCE.name}"
    )
    chosen = parser.parse_args(arguments)
    return command.guard(
        lambda: _run(chosen.model, chosen.root.resolve(), chosen.quick, chosen.update, chosen.json)
    )


def _run(path: Path | None, root: Path, quick: bool, update: bool, output: Path | None) -> int:
    path = path or clips.published_path()
    published = tflite.load(path)
    (clip,) = clips.read([row for row in clips.rows("clips") if row[0].name == CLIP])
    pictures = clip.pictures[:COUNTED] if quick else clip.pictures
    counts, parities = measure(published, pictures, root)
    print(f"{path.name}: {len(pictures)} frames of {clip.name}, LiteRT {LITERT}\n")
    print(report.table(parities), report.table(_ratios(counts)), sep="\n\n")
    grown = exceeding(counts, published)
    for line in grown:
        print(f"more than {MAY_GROW - 1:.0%} over its reference: {line}")
    if update:
        _keep(counts, path.stem, published)
    results = {"litert": LITERT, "instructions": counts, "parity": parities}
    report.write_json(output, results)
    return command.FAILED if grown and not update else command.OK


def measure(
    published: bytes, pictures: NDArray[np.uint8], root: Path, files: Sequence[str] | None = None
) -> tuple[Counts, list[dict[str, Any]]]:
    """Steps a model's files over pictures on each board, and here.

    Args:
        published: the content of the published file.
        pictures: RGB, uint8, ``[frames, height, width, 3]``, in the input's size.
        root: the sysroot.
        files: which: ``published`` and ``prepared for TARGET``; all when None.

    Returns:
        The counts, and for each file and board how its outputs compare with this machine's.
    """
    ways = {"published": ("example", published)}
    for target in TARGETS:
        data = prepare(published, name="model", target=target).data
        ways[f"prepared for {target}"] = ("edgevid", data)
    counts: Counts = {}
    parities = []
    for file in tqdm(files or list(ways), "stepping", unit="file", leave=False):
        how, data = ways[file]
        here = run(how, data, pictures, None, root)
        for board in BOARDS:
            there = run(how, data, pictures, board, root)
            counts.setdefault(file, {})[board.name] = {"step": there.step, "invoke": there.invoke}
            parities.append({"file": file, "board": board.title, **_parity(here, there)})
    return counts, parities


def _parity(here: Run, there: Run) -> dict[str, Any]:
    apart = np.abs(here.logits - there.logits)
    same = here.logits.argmax(axis=1) == there.logits.argmax(axis=1)
    return {
        "same top-1": f"{same.sum()} of {len(same)}",
        "equal logits": f"{np.mean(apart == 0):.1%}",
        "largest difference": float(apart.max()),
    }


def exceeding(counts: Counts, published: bytes) -> list[str]:
    """Returns a line for each count that has grown over its reference; none without one."""
    kept = references().get(_key(published), {}).get("instructions", {})
    return [
        f"{file}, {board}, {what}: {count:,} instructions, were {kept[file][board][what]:,}"
        for file, boards in counts.items()
        for board, kinds in boards.items()
        for what, count in kinds.items()
        if count > MAY_GROW * kept.get(file, {}).get(board, {}).get(what, float("inf"))
    ]


def references() -> dict[str, Any]:
    """Returns what is kept in ``reference.json``, by the published file's SHA-256."""
    kept: dict[str, Any] = json.loads(REFERENCE.read_text()) if REFERENCE.exists() else {}
    return kept


def _keep(counts: Counts, name: str, published: bytes) -> None:
    kept = references()
    kept[_key(published)] = {"model": name, "litert": LITERT, "instructions": counts}
    with whole_file(REFERENCE) as file:
        file.write(json.dumps(kept, indent=1).encode() + b"\n")


def _key(published: bytes) -> str:
    return hashlib.sha256(published).hexdigest()


def _ratios(counts: Counts) -> list[dict[str, Any]]:
    """Returns a row a file: millions of instructions on each board, and the published's share."""
    rows = []
    for file in counts:
        row: dict[str, Any] = {"file": file}
        for board in BOARDS:
            for what in ("step", "invoke"):
                row[f"{board.title} {what}"] = _share(counts, file, board, what)
        rows.append(row)
    return rows


def _share(counts: Counts, file: str, board: Board, what: str) -> str:
    count, whole = (counts[name][board.name][what] for name in (file, "published"))
    return f"{count / 1e6:.2f} M" + ("" if file == "published" else f" ({count / whole:.2f})")


if __name__ == "__main__":
    sys.exit(main())
