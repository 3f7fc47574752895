"""Damaged and hostile model files, each loaded and run for three steps as a program would.

Promised of every file: the program goes on. The file runs, or it is refused within twenty seconds
by an error of edgevid's own that is one line of plain text, and neither the program nor the
process in which the file is tried out ever holds more than 600 MB. Fails when a promise is broken.

The files are made of the published model, of what preparing makes of it, and of the model that
edgevid bundles; --model names others instead, such as one that was taught. A program loads one
after the other, and is only started again when a file has taken it down.
"""

from __future__ import annotations

import json
import os
import resource
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks import machine
from benchmarks.attack.ending import conclude
from benchmarks.attack.mutants import Sound, mutant
from benchmarks.report import arguments, table
from edgevid import load_model
from edgevid.errors import EdgevidError
from edgevid.models import locate
from edgevid.models.catalog import CAMERA_MOTION
from edgevid.prepare import prepare
from edgevid.records import Frame
from edgevid.support import command

_LONGEST_S = 20.0
_MOST_MB = 600
_STEPS = 3
# What the program was kept from, by the words of the error.
_KEPT_AWAY = {
    "crashes the runtime": "crashed in the trial",
    "longer than any": "too long in the trial",
    "to run": "too large in the trial",
    "memory runs out": "too large in the trial",
}
_GIVEN_UP_S = 60.0  # a file that takes longer has hung the program


def main(given: Sequence[str] | None = None) -> int:
    """Runs the campaign; returns its exit code."""
    parser = arguments("benchmarks.attack.model_files", __doc__)
    parser.add_argument("--count", type=int, default=600, help="files (default: 600)")
    parser.add_argument(
        "--model", type=Path, action="append", default=[], metavar="FILE", help="a sound file"
    )
    parser.add_argument("--programs", type=int, default=1, help="at once (default: 1)")
    parser.add_argument("--worker", action="store_true", help="be the program that loads them")
    chosen = parser.parse_args(given)
    if chosen.worker:
        return _work(chosen.model)

    def run() -> int:
        before = machine.read()
        with tempfile.TemporaryDirectory() as folder:
            sounds = chosen.model or _sound_files(Path(folder))
            outcomes, broken, most_mb, longest_s = attack(
                chosen.count, chosen.seed, sounds, programs=chosen.programs
            )
        kinds = sorted({kind for kind, _ in outcomes})
        ends = sorted({end for _, end in outcomes})
        rows = [{"wrong": k, **{end: outcomes[k, end] for end in ends}} for k in kinds]
        total = {end: sum(outcomes[kind, end] for kind in kinds) for end in ends}
        print(table([*rows, {"wrong": "all", **total}]))
        print(f"at most {most_mb} MB, at most {longest_s:.1f} s, {len(broken)} promises broken")
        if broken:
            print(table(broken[:50]))
        results = {
            "made_of": [path.stem for path in sounds],
            "files": chosen.count,
            "first_seed": chosen.seed,
            "most_mb": most_mb,
            "longest_s": round(longest_s, 2),
            "rows": rows,
            "total": total,
            "broken": broken,
        }
        return conclude(chosen.json, before, results)

    return command.guard(run)


def attack(
    count: int, seed: int, sounds: Sequence[Path], *, programs: int = 1
) -> tuple[Counter[tuple[str, str]], list[dict[str, Any]], int, float]:
    """Has mutants loaded; returns how each kind ended, what was broken, and the worst figures."""
    outcomes: Counter[tuple[str, str]] = Counter()
    broken: list[dict[str, Any]] = []
    most_mb, longest_s = 0, 0.0
    waiting = iter(tqdm(range(seed, seed + count), "files", leave=False, disable=None))
    lock = threading.Lock()

    def load() -> None:
        nonlocal most_mb, longest_s
        with tempfile.TemporaryDirectory() as name, closing(_Worker(sounds, Path(name))) as worker:
            while True:
                with lock:
                    number = next(waiting, None)
                if number is None:
                    return
                told = worker.load(number)
                file = f"{told['model']}: {told['wrong']}"
                with lock:
                    outcomes[told["wrong"], told["end"]] += 1
                    most_mb, longest_s = max(most_mb, told["mb"]), max(longest_s, told["s"])
                    for promise in told["broken"]:
                        broken.append({"seed": number, "file": file, "broken": promise})

    with ThreadPoolExecutor(programs) as pool:
        for done in [pool.submit(load) for _ in range(programs)]:
            done.result()
    return outcomes, broken, most_mb, longest_s


class _Worker:
    """The program that loads the files, started again when it died."""

    def __init__(self, models: Sequence[Path], folder: Path) -> None:
        self._folder = folder
        flags = [flag for path in models for flag in ("--model", str(path))]
        self._command = [sys.executable, "-m", "benchmarks.attack.model_files", "--worker", *flags]
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "XDG_CACHE_HOME": str(self._folder)},
            text=True,
        )
        self._answer(_GIVEN_UP_S)

    def load(self, seed: int) -> dict[str, Any]:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{seed}\n")
            self._process.stdin.flush()
        told = self._answer(_GIVEN_UP_S)
        if told is None:
            end, ended = "crashed", None
            try:
                ended = self._process.wait(1.0)
            except subprocess.TimeoutExpired:
                end = "never ended"
            self.close()
            self._start()
            told = {"model": "?", "wrong": "?", "end": end, "s": 0, "mb": 0}
            return {**told, "broken": [f"{end} {ended}"]}
        broken = told["broken"]
        if told["s"] > _LONGEST_S:
            broken.append(f"took {told['s']:.0f} s")
        if told["mb"] > _MOST_MB:
            broken.append(f"{told['mb']} MB")
        return told

    def close(self) -> None:
        """Ends the program."""
        self._process.kill()
        with suppress(BrokenPipeError):
            self._process.communicate()

    def _answer(self, timeout: float) -> dict[str, Any] | None:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(timeout):
                return None
        line = self._process.stdout.readline()
        answer: dict[str, Any] | None = json.loads(line) if line else None
        return answer


def _work(models: Sequence[Path]) -> int:
    """Loads the file of each seed on standard input; a line of JSON for each."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the runtime's own words
    sounds = [Sound.of(path.stem, path.read_bytes()) for path in models]
    print("{}", file=answers, flush=True)
    folder = Path(os.environ["XDG_CACHE_HOME"])
    path = folder / "model.tflite"
    for line in sys.stdin:
        seed = int(line)
        sound = sounds[seed % len(sounds)]
        wrong, data = mutant(sound, seed)
        path.write_bytes(data)
        del data
        _forget_peak()
        started = time.monotonic()
        end, broken = _load(path)
        took = time.monotonic() - started
        told = {"model": sound.name, "wrong": wrong, "end": end, "s": took, "mb": _peak_mb()}
        print(json.dumps({**told, "broken": broken}), file=answers, flush=True)
        for kept in folder.glob("edgevid/*/*"):
            kept.unlink()
    return command.OK


def _sound_files(folder: Path) -> list[Path]:
    """Returns the files to make others of; those that are missing are made in the folder."""
    sounds = [CAMERA_MOTION.path]
    published = locate.find("movinet-a0")
    if published is not None:
        prepared = folder / "prepared.tflite"
        prepared.write_bytes(prepare(published.read_bytes(), name="movinet-a0").data)
        sounds += [published, prepared]
    return sounds


def _load(path: Path) -> tuple[str, list[str]]:
    """Returns what came of a file, and the promises that it broke."""
    picture = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    try:
        stream = load_model(path).stream()
        for index in range(_STEPS):
            prediction = stream.step(Frame(picture, index / 5, index))
        for score in prediction.scores:
            if not 0 <= score.probability <= 1:
                return "ran", [f"a probability of {score.probability}"]
            score.label.encode()
    except EdgevidError as error:
        text = str(error)
        plain = text.isprintable() and len(text) < 2000
        end = next((end for words, end in _KEPT_AWAY.items() if words in text), "refused")
        return end, [] if plain else [f"not a plain line: {text!a:.100}"]
    except Exception as error:
        return type(error).__name__, [f"{error!r:.200}"]
    return "ran", []


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> int:
    """Returns the most that this process held since, or a process that it started held ever."""
    status = Path("/proc/self/status").read_text()
    own = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    tried = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(own, tried) >> 10


if __name__ == "__main__":
    sys.exit(main())
