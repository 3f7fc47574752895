"""Instructions per step on a Raspberry Pi 4 and 5, emulated: ``python -m benchmarks.arm``.

The published aarch64 build of LiteRT runs under QEMU's user-mode emulation, which shows it each
board's processor. Compared are the published file, driven as the official Raspberry Pi example
does, and the same file prepared by edgevid and driven by edgevid; a file that is prepared already
is counted by itself. First they are stepped over a real clip on the board and on this machine, and
the outputs compared; then the instructions of a step are counted: of the whole step, from the
picture in the input's size to the logits, and of the runtime's ``invoke`` in it. They are the same
from run to run to one in a thousand, whatever this machine does beside. Instructions are not
cycles: a count does not say how long a step takes.
"""

from __future__ import annotations

import argparse
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
from benchmarks.parity import softmax
from edgevid.modelfile import flatbuffer, manifest, signature
from edgevid.prepare import prepare
from edgevid.runtime.preprocess import Preprocess
from edgevid.support import command
from edgevid.support.atomic_file import atomic_file

REFERENCE = Path(__file__).with_name("reference.json")
MAY_GROW = 1.02  # a count may exceed its reference by as much
COUNTED = 6  # steps
PUBLISHED = "published"
CLIP = "examples__rpi_carving_ice.mp4"

Counts = dict[str, dict[str, dict[str, int]]]  # file, board, "step" or "invoke"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.arm", __doc__)
    parser.add_argument(
        "model", type=Path, nargs="?", help="published or prepared .tflite (default: published A0)"
    )
    parser.add_argument("--clip", type=Path, help="what to step over (default: carving ice)")
    parser.add_argument("--root", type=Path, required=True, help="made by benchmarks.arm.sysroot")
    parser.add_argument(
        "--update", action="store_true", help=f"keep the counts as the new {REFERENCE.name}"
    )
    chosen = parser.parse_args(arguments)
    return command.guard(lambda: _run(chosen))


def _run(chosen: argparse.Namespace) -> int:
    path = chosen.model or clips.published_path()
    data = flatbuffer.load(path)
    (clip,) = clips.read([(chosen.clip, {})] if chosen.clip else _default_clip())
    pictures = fitting(data, clip.pictures[:COUNTED] if chosen.quick else clip.pictures)
    counts, parities = measure(ways(data), pictures, chosen.root.resolve())
    print(f"{path.name}: {len(pictures)} frames of {clip.name}, LiteRT {LITERT}\n")
    print(report.table(parities), report.table(_shares(counts)), sep="\n\n")
    grown = exceeding(counts, data)
    for line in grown:
        print(f"more than {MAY_GROW - 1:.0%} over its reference: {line}")
    if chosen.update:
        _keep(counts, path.stem, data)
    results = {"litert": LITERT, "instructions": counts, "parity": parities}
    report.write_json(chosen.json, results)
    return command.FAILED if grown and not chosen.update else command.OK


def _default_clip() -> list[tuple[Path, clips.Row]]:
    return [(path, row) for path, row in clips.rows("clips") if path.name == CLIP]


def fitting(data: bytes, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns pictures in the size that a file wants."""
    network = signature.of(flatbuffer.read(manifest.split(data)[0]))
    preprocess = Preprocess(network.height, network.width)
    return np.stack([preprocess.fit(picture).copy() for picture in pictures])


def ways(data: bytes) -> dict[str, tuple[str, bytes]]:
    """Returns the files to step, each with how; see ``emulation.run``."""
    described = manifest.read(data)
    if described is not None and "target" in described.provenance:
        return {f"prepared for {described.provenance['target']}": ("edgevid", data)}
    prepared = {
        f"prepared for {target}": ("edgevid", prepare(data, name="a", target=target).data)
        for target in ("pi4", "pi5")
    }
    return {PUBLISHED: ("example", data), **prepared}


def measure(
    files: dict[str, tuple[str, bytes]],
    pictures: NDArray[np.uint8],
    root: Path,
    boards: Sequence[Board] = BOARDS,
) -> tuple[Counts, list[dict[str, Any]]]:
    """Steps models over pictures on boards, and here.

    Args:
        files: what ``ways`` returns, or some of it.
        pictures: RGB, uint8, ``[frames, height, width, 3]``, in the input's size.
        root: the sysroot.
        boards: the boards to emulate.

    Returns:
        The counts, and for each file and board how its outputs compare with this machine's.
    """
    counts: Counts = {}
    parities = []
    cases = [(file, board) for file in files for board in boards]
    here: dict[str, Run] = {}
    for file, board in tqdm(cases, "emulating", unit="run", leave=False):
        if file not in here:
            here[file] = run(*files[file], pictures, None, root)
        there = run(*files[file], pictures, board, root)
        counts.setdefault(file, {})[board.name] = {"step": there.step, "invoke": there.invoke}
        parities.append({"file": file, "board": board.title, **_parity(here[file], there)})
    return counts, parities


def _parity(here: Run, there: Run) -> dict[str, Any]:
    apart = np.abs(here.logits - there.logits)
    same = here.logits.argmax(axis=1) == there.logits.argmax(axis=1)
    probabilities = [softmax(run.logits) for run in (here, there)]
    return {
        "same top-1": f"{same.sum()} of {len(same)}",
        "equal logits": f"{np.mean(apart == 0):.1%}",
        "largest difference of a logit": float(apart.max()),
        "of a probability": float(np.abs(probabilities[0] - probabilities[1]).max()),
    }


def exceeding(counts: Counts, data: bytes) -> list[str]:
    """Returns a line for each count that has grown over its reference; none without one."""
    kept = references().get(key(data), {}).get("instructions", {})
    return [
        f"{file}, {board}, {what}: {count:,} instructions, were {kept[file][board][what]:,}"
        for file, boards in counts.items()
        for board, kinds in boards.items()
        for what, count in kinds.items()
        if count > MAY_GROW * kept.get(file, {}).get(board, {}).get(what, float("inf"))
    ]


def references() -> dict[str, Any]:
    """Returns what is kept in ``reference.json``, by ``key``."""
    kept: dict[str, Any] = json.loads(REFERENCE.read_text()) if REFERENCE.exists() else {}
    return kept


def _keep(counts: Counts, name: str, data: bytes) -> None:
    kept = references()
    before = kept.get(key(data), {})
    if before.get("litert") == LITERT:
        counts = {**before["instructions"], **counts}
    kept[key(data)] = {"model": name, "litert": LITERT, "instructions": counts}
    with atomic_file(REFERENCE) as file:
        file.write(json.dumps(kept, indent=1).encode() + b"\n")


def key(data: bytes) -> str:
    """Returns a file's SHA-256; of one with random weights, which count the same, its name."""
    described = manifest.read(data)
    if described is not None and described.provenance.get("weights") == "random":
        return described.name
    return hashlib.sha256(data).hexdigest()


def _shares(counts: Counts) -> list[dict[str, Any]]:
    """Returns a row a file: instructions on each board, and their share of the published's."""
    return [
        {
            "file": file,
            **{
                f"{board.title}, {what}": _share(counts, file, board.name, what)
                for board in BOARDS
                for what in ("step", "invoke")
            },
        }
        for file in counts
    ]


def _share(counts: Counts, file: str, board: str, what: str) -> str:
    count = counts[file][board][what]
    shown = f"{count / 1e6:.2f} M"
    if file == PUBLISHED or PUBLISHED not in counts:
        return shown
    return f"{shown} ({count / counts[PUBLISHED][board][what]:.2f})"


if __name__ == "__main__":
    sys.exit(main())
