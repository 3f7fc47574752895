"""``python -m benchmarks.compare``: edgevid beside other engines.

The same pictures go through each loop, from a uint8 picture of the model's size to the five best
labels, on one thread. Each loop runs in a process and an environment of its own (made by pip in
``--environments``); they take turns, fifty steps each, so that ratios hold on a busy machine too.
One that does not load is named, with the reason. Before that, all step over the same clip, all
averaging over it as the published network does, and their outputs are compared.

The loops of the official Raspberry Pi example run the published file. The other engines run its
float32 twin (``peers/twin.py``), shortened as edgevid shortens it: what they lack is only int8
kernels that pay.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks import clips, machine, report
from benchmarks.parity import softmax
from benchmarks.peers.plan import write_plan
from benchmarks.peers.twin import float_twin
from edgevid.modelfile import label_files
from edgevid.support import command

_BLOCK = 50  # steps of one loop before it is the next one's turn
_PATIENCE_S = 300  # for one answer of a loop


@dataclass(frozen=True, slots=True)
class Environment:
    """What pip has to install for a loop, and how the twin becomes the file that it reads."""

    packages: tuple[str, ...]
    converter: tuple[str, ...] = ()  # module, source and result


_OFFICIAL = ("opencv-python-headless",)
ENVIRONMENTS = {
    "tflite-runtime": Environment(("tflite-runtime", "numpy<2", "opencv-python-headless<5")),
    "tensorflow": Environment(("tensorflow", *_OFFICIAL)),
    "pytorch": Environment(
        ("torch", "onnx", "numpy"),
        ("benchmarks.peers.torch_twin", "network.npz", "network.onnx"),
    ),
    "onnxruntime": Environment(("onnxruntime", "numpy")),
    "openvino": Environment(("openvino", "numpy")),
    "mnn": Environment(
        ("MNN", "numpy<2"), ("benchmarks.peers.mnn_twin", "network.onnx", "network.mnn")
    ),
}


@dataclass(frozen=True, slots=True)
class Peer:
    """One row of the table.

    Attributes:
        name: of the loop, as ``peers.worker`` knows it.
        file: what it runs.
        environment: key of ``ENVIRONMENTS``; None for edgevid's own.
    """

    name: str
    file: str
    environment: str | None


PEERS = (
    Peer("edgevid", "published.tflite", None),
    Peer("official on litert", "published.tflite", None),
    Peer("official on tflite-runtime", "published.tflite", "tflite-runtime"),
    Peer("official on tensorflow", "published.tflite", "tensorflow"),
    Peer("litert", "twin.tflite", None),
    Peer("pytorch", "network.npz", "pytorch"),
    Peer("pytorch, traced", "network.npz", "pytorch"),
    Peer("onnxruntime", "network.onnx", "onnxruntime"),
    Peer("openvino", "twin.tflite", "openvino"),
    Peer("mnn", "network.mnn", "mnn"),
)


class PeerError(RuntimeError):
    """A loop cannot take part, with the reason in one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.compare", __doc__)
    parser.add_argument("--steps", type=int, default=1000, help="of each loop (default: 1000)")
    parser.add_argument(
        "--environments", type=Path, default=Path("out/peers"), metavar="FOLDER",
        help="of the engines' own; 6 GB with all of them (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--only", nargs="+", metavar="LOOP", choices=[p.name for p in PEERS])
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the table as a PNG")
    chosen = parser.parse_args(arguments)
    return command.guard(lambda: _run(chosen))


def _run(chosen: argparse.Namespace) -> int:
    peers = [peer for peer in PEERS if not chosen.only or peer.name in chosen.only]
    steps = 100 if chosen.quick else chosen.steps
    before = machine.read()
    played = clips.labelled(4)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        work = Path(folder)
        _write_inputs(work, np.concatenate([clip.pictures for clip in played]))
        workers: dict[str, Worker] = {}
        missing: dict[str, str] = {}
        for peer in tqdm(peers, "starting", unit="loop", leave=False):
            try:
                python = _python(peer.environment, chosen.environments, work)
                if not (work / peer.file).exists():
                    raise PeerError(f"there is no {peer.file}, which another engine would make")
                workers[peer.name] = stack.enter_context(_started(peer, python, work))
            except PeerError as error:
                missing[peer.name] = str(error)
        length = len(played[0].pictures)
        logits = {name: worker.logits(length, work) for name, worker in workers.items()}
        times: dict[str, list[float]] = {name: [] for name in workers}
        for start in tqdm(range(0, steps, _BLOCK), "timing", unit="round", leave=False):
            for name, worker in workers.items():
                times[name] += worker.times(start, min(_BLOCK, steps - start))
    rows = _rows(workers, times, logits)
    print(report.table(rows))
    for name, reason in missing.items():
        print(f"{name}: {reason}")
    results = {
        "machine": machine.facts(before, machine.read()),
        "steps": steps,
        "rows": rows,
        "missing": missing,
    }
    report.write_json(chosen.json, results)
    if chosen.plot is not None:
        draw(rows, chosen.plot)
    return command.OK


def _write_inputs(work: Path, pictures: NDArray[np.uint8]) -> None:
    published = clips.published_path().read_bytes()
    (work / "published.tflite").write_bytes(published)
    twin = float_twin(published)
    (work / "twin.tflite").write_bytes(twin)
    write_plan(twin, work / "network.npz")
    np.save(work / "pictures.npy", pictures)
    (work / "labels.txt").write_text("\n".join(label_files.default(600)) + "\n", "utf-8")


def _python(name: str | None, folder: Path, work: Path) -> Path:
    """Returns the Python of an environment, which is made, and its file converted, if need be."""
    if name is None:
        return Path(sys.executable)
    environment, place = ENVIRONMENTS[name], (folder / name).absolute()
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        tqdm.write(f"installing {', '.join(environment.packages)}", file=sys.stderr)
        venv.create(place, with_pip=True, clear=True)
        _call([python, "-m", "pip", "install", "--quiet", *environment.packages], "pip")
        (place / "complete").touch()
    if environment.converter:
        module, source, result = environment.converter
        if not (work / result).exists():
            _call([python, "-m", module, str(work / source), str(work / result)], module)
    return python


def _call(words: Sequence[str | Path], what: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()
        raise PeerError(f"{what} failed: {lines[-1]}")


@contextlib.contextmanager
def _started(peer: Peer, python: Path, work: Path) -> Iterator[Worker]:
    """Starts a loop; raises ``PeerError`` with its last words if it does not come up."""
    paths = [work / peer.file, work / "pictures.npy", work / "labels.txt"]
    with (work / f"{peer.name}.log").open("w+") as log:
        process = subprocess.Popen(
            [python, "-m", "benchmarks.peers.worker", peer.name, *paths],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        try:
            assert process.stdin is not None
            yield Worker(process, log)
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()  # type: ignore[union-attr]
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


class Worker:
    """One loop in its process."""

    def __init__(self, process: subprocess.Popen[str], log: Any) -> None:
        self._process = process
        self._log = log
        self.version: str = self._answer()["version"]

    def logits(self, steps: int, work: Path) -> NDArray[np.float32]:
        """Returns ``[steps, classes]`` for the first pictures, from a fresh start."""
        file = work / "logits.npy"
        self._ask({"logits": steps, "file": str(file)})
        found: NDArray[np.float32] = np.load(file)
        return found

    def times(self, start: int, steps: int) -> list[float]:
        """Returns milliseconds for each of some steps."""
        taken: list[float] = self._ask({"from": start, "steps": steps})["ms"]
        return taken

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            words = self._log.read().strip().splitlines() or ["no word"]
            raise PeerError(f"stopped: {words[-1]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _rows(
    workers: dict[str, Worker],
    times: dict[str, list[float]],
    logits: dict[str, NDArray[np.float32]],
) -> list[dict[str, Any]]:
    reference = next(iter(workers))
    base, expected = np.median(times[reference]), logits[reference]
    rows = []
    for name, worker in workers.items():
        taken, said = np.array(times[name]), logits[name]
        differences = [
            np.abs(softmax(one) - softmax(other)).sum() / 2
            for one, other in zip(said, expected, strict=True)
        ]
        rows.append(
            {
                "loop": name,
                "version": worker.version,
                "median ms": float(np.median(taken)),
                "minimum ms": float(taken.min()),
                f"times {reference}": float(np.median(taken) / base),
                "top-1 agrees": float((said.argmax(1) == expected.argmax(1)).mean()),
                "probability elsewhere": float(np.mean(differences)),
            }
        )
    return rows


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draws the medians as points, shortest first.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figure, axes = report.figure(7, 0.9 + 0.32 * len(rows))
    ordered = sorted(rows, key=lambda row: -row["median ms"])
    for place, row in enumerate(ordered):
        colour = "#d1495b" if row["loop"] == "edgevid" else "#5c6b8a"
        axes.plot(row["median ms"], place, "o", color=colour, markersize=8)
        text = f"  {row['median ms']:.2f} ms"
        axes.text(row["median ms"] * 1.06, place, text, va="center", color=colour)
    axes.set_yticks(range(len(ordered)), [row["loop"] for row in ordered])
    axes.grid(axis="y", color="#e3e6ec")
    report.logarithmic(axes, "median time of one step, ms, on one x86-64 thread (logarithmic)")
    axes.set_xlim(right=2 * ordered[0]["median ms"])
    report.save_figure(figure, path)


if __name__ == "__main__":
    sys.exit(main())
