"""Hostile requests to the page of the real service, hundreds of each kind at once.

Promised: an honest visitor who comes once a second is answered within two seconds each time, with
what was asked for; the cameras are watched at their pace; afterwards the service holds no more
threads and open files than before, and not much more memory; nothing is given away; the log holds
neither tracebacks nor the token, and stays short. Fails when a promise is broken.
"""

from __future__ import annotations

import contextlib
import http.client
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from apps.raspberry_pi.web import access, app, connections
from apps.raspberry_pi.web import clips as clip_files
from benchmarks import machine
from benchmarks.attack import hostile_requests
from benchmarks.attack.ending import conclude
from benchmarks.attack.hostile_requests import SECRET, Target, at_once
from benchmarks.report import arguments, table
from edgevid import EdgevidError, open_video
from edgevid.support import command

ANSWERED_S = 2.0
_PACE = 0.95  # of the steps that are due, or that are made in quiet
_GROWTH_MB = 40  # of memory, from before to after
_PEAK_MB = 150  # of memory, meanwhile
_LINES = 300  # of the log
_POOLS = 4  # threads that the page starts when it first needs them, and keeps
_COMES_UP_S = 60.0
_FPS = 5.0
_TOKEN = "correct-horse-battery-staple"
_SETTINGS = """
[[camera]]
name = "front"
source = "{folder}/video.mp4"
[model]
name = "camera-motion"
[web]
port = {port}
token_file = "{folder}/token"
[clips]
folder = "{folder}/clips"
[service]
state_folder = "{folder}/state"
"""


def main(given: Sequence[str] | None = None) -> int:
    """Runs the campaign; returns its exit code."""
    parser = arguments("benchmarks.attack.requests", __doc__)
    parser.add_argument("--count", type=int, help="of each kind (default: 200; 10 when quick)")
    parser.add_argument("--kinds", nargs="*", metavar="KIND", help="only these")
    parser.add_argument("--quiet", type=float, default=20.0, help="seconds before and after")
    chosen = parser.parse_args(given)

    def run() -> int:
        count = chosen.count or (10 if chosen.quick else 200)
        before = machine.read()
        with tempfile.TemporaryDirectory() as folder, service(Path(folder)) as (target, process):
            kinds = hostile_requests.names(chosen.kinds)
            results = campaign(target, process.pid, kinds, count, chosen.seed, chosen.quiet)
            process.send_signal(signal.SIGTERM)
            process.wait(10)
            results["broken"] += _log_promises(Path(folder, "log"), results)
        rows, broken = results["rows"], results["broken"]
        print(table([row | {"outcomes": _told(row["outcomes"])} for row in rows]))
        rest = {name: value for name, value in results.items() if name not in ("rows", "broken")}
        print(table([{"what": name, "value": value} for name, value in rest.items()]))
        for line in broken:
            print("BROKEN", line)
        return conclude(chosen.json, before, results)

    return command.guard(run)


def campaign(
    target: Target, pid: int, kinds: Sequence[str], count: int, seed: int, quiet_s: float
) -> dict[str, Any]:
    """Attacks a service with so many requests of each kind; returns what was seen."""
    rows: list[dict[str, Any]] = []
    broken: list[str] = []
    with contextlib.ExitStack() as ends:
        # In another process: what an attack costs here does not delay the honest visitor.
        attacker = ends.enter_context(ProcessPoolExecutor(1, multiprocessing.get_context("spawn")))
        attacker.submit(os.getpid).result()
        for name in target.clips:  # threads and libraries that are needed now and then are there
            for query in ("", "?play"):
                ask(target, f"/clips/{name}{query}", most=1 << 18)
        honest = ends.enter_context(visiting(target))
        _sleep_until(lambda: len(honest.visits) >= 2 * len(_VISITED))
        quiet = _Pace(target, pid)
        time.sleep(quiet_s)
        quiet.end()
        before = quiet.held
        during = _Pace(target, pid)
        for name in tqdm(kinds, "kinds of requests", leave=False):
            seen, pace = len(honest.visits), _Pace(target, pid)
            told = attacker.submit(at_once, name, target, count, seed).result()
            _sleep_until(lambda seen=seen: len(honest.visits) >= seen + 2)  # type: ignore[misc]
            pace.end()
            rows.append({"kind": name, "requests": count, **_row(pace, honest.visits[seen:], told)})
            broken += [f"{name}: {word}" for word in told if word.startswith("BROKEN")]
        during.end()
        time.sleep(2 * target.patience)  # what was left half-way is given up by now
        after = _Pace(target, pid)
        time.sleep(quiet_s)
        after.end()
    broken += [f"honest visitor: {visit.problem}" for visit in honest.visits if visit.problem]
    for what, pace in (("under attack", during), ("afterwards", after)):
        if pace.steps / pace.seconds < _PACE * quiet.steps / quiet.seconds:
            broken.append(f"{pace.steps} steps in {pace.seconds:.0f} s {what}")
    left = after.held
    broken += _grown(before, during.peak_mb, left)
    waits = sorted(visit.took for visit in honest.visits)
    return {
        "rows": rows,
        "requests": count * len(kinds),
        "honest visits": len(waits),
        "longest wait, s": round(waits[-1], 3),
        "median wait, s": round(waits[len(waits) // 2], 4),
        "steps a second, quiet": round(quiet.steps / quiet.seconds, 3),
        "steps a second, under attack": round(during.steps / during.seconds, 3),
        "steps a second, afterwards": round(after.steps / after.seconds, 3),
        "before": before,
        "peak, MB": round(during.peak_mb, 1),
        "afterwards": left,
        "broken": broken,
    }


def _row(pace: _Pace, visits: Sequence[_Visit], told: Counter[str]) -> dict[str, Any]:
    """Returns what came of one kind of requests."""
    waits = [visit.took for visit in visits]
    return {
        "seconds": round(pace.seconds, 1),
        "honest visits": len(waits),
        "longest wait, s": round(max(waits), 3),
        "steps a second": round(pace.steps / pace.seconds, 2),
        "peak, MB": round(pace.peak_mb, 1),
        "outcomes": dict(told.most_common()),
    }


def _grown(before: dict[str, Any], peak_mb: float, left: dict[str, Any]) -> list[str]:
    """Returns where the service holds, or held, more than it may."""
    broken = []
    if left["threads"] > before["threads"] + _POOLS or left["files"] > before["files"]:
        broken.append(f"threads and files: {before} before, {left} after")
    if left["memory_mb"] > before["memory_mb"] + _GROWTH_MB:
        broken.append(f"memory: {before} before, {left} after")
    if peak_mb > before["memory_mb"] + _PEAK_MB:
        broken.append(f"memory: {peak_mb:.0f} MB at most")
    return broken


def _told(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{count} {word}" for word, count in outcomes.items())


# The honest visitor

_VISITED = ("/", "/clips", "/cameras/front/picture.jpg", "/healthz", "/metrics", "/page.js")


@dataclass(frozen=True, slots=True)
class _Visit:
    took: float
    problem: str


@dataclass(slots=True)
class Honest:
    """Someone who asks for something every second, each time on a connection of its own.

    Attributes:
        visits: how long each took, and what went wrong.
    """

    visits: list[_Visit] = field(default_factory=list)


@contextlib.contextmanager
def visiting(target: Target, every: float = 1.0) -> Iterator[Honest]:
    """Has an honest visitor come, until the end."""
    honest, over = Honest(), threading.Event()

    def visit() -> None:
        while not over.wait(every):
            path = _VISITED[len(honest.visits) % len(_VISITED)]
            began = time.monotonic()
            try:
                status, content = ask(target, path)
                problem = "" if status == 200 and content else f"{path} is answered {status}"
            except (OSError, http.client.HTTPException) as error:
                problem = f"{path}: {error!r}"
            took = time.monotonic() - began
            if took > ANSWERED_S and not problem:
                problem = f"{path} took {took:.1f} s"
            honest.visits.append(_Visit(took, problem))

    thread = threading.Thread(target=visit, name="honest visitor")
    thread.start()
    try:
        yield honest
    finally:
        over.set()
        thread.join()


def ask(target: Target, path: str, most: int | None = None) -> tuple[int, bytes]:
    """Asks for something as whoever has the token may; returns status and content."""
    asked = http.client.HTTPConnection("127.0.0.1", target.port, timeout=20)
    with contextlib.closing(asked):
        asked.request("GET", path, headers={"Authorization": f"Bearer {target.token}"})
        answer = asked.getresponse()
        return answer.status, answer.read(most)


# The service


class _Pace:
    """Counts the steps, and looks at what a service holds, from now to ``end``.

    Attributes:
        steps: of the model.
        seconds: that it took.
        peak_mb: the most memory.
        held: the memory at last, and the least threads and files: some come and go with visitors.
    """

    def __init__(self, target: Target, pid: int) -> None:
        self._target, self._pid = target, pid
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look, name="memory", daemon=True)
        self._looks = [held(pid)]
        self._steps, self._began = _steps(target), time.monotonic()
        self._looking.start()

    def end(self) -> None:
        """Sums up."""
        self.steps = _steps(self._target) - self._steps
        self.seconds = time.monotonic() - self._began
        self._over.set()
        self._looking.join()
        self.peak_mb = max(look.memory_mb for look in self._looks)
        least = (min(getattr(look, kind) for look in self._looks) for kind in ("threads", "files"))
        self.held = asdict(_Held(self._looks[-1].memory_mb, *least))

    def _look(self) -> None:
        while not self._over.wait(0.1):
            self._looks.append(held(self._pid))


@dataclass(frozen=True, slots=True)
class _Held:
    memory_mb: float
    threads: int
    files: int


def held(pid: int) -> _Held:
    """Returns what a process holds now."""
    now = machine.held_by_process(pid)
    return _Held(round(now.rss_mb, 1), now.threads, now.files)


def _steps(target: Target) -> int:
    _, figures = ask(target, "/metrics")
    found = re.search(rb'^edgevid_steps_total\{camera="front"\} ([\d.e+]+)$', figures, re.M)
    return round(float(found[1])) if found else 0


@contextlib.contextmanager
def service(folder: Path) -> Iterator[tuple[Target, subprocess.Popen[bytes]]]:
    """Starts the service, which watches a video and keeps clips, and ends it.

    Raises:
        EdgevidError: it does not start.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    target = prepare(folder, port)
    write_video(folder / "video.mp4", 1200, (160, 120))
    (folder / "edgevid.toml").write_text(_SETTINGS.format(folder=folder, port=port))
    command_line = [sys.executable, "-m", "apps.raspberry_pi", "--config", "edgevid.toml"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with (folder / "log").open("wb") as log, contextlib.ExitStack() as ends:
        process = subprocess.Popen(command_line, cwd=folder, stderr=log, env=environment)
        ends.callback(process.wait)
        ends.callback(process.kill)
        try:
            _sleep_until(lambda: _is_live(target))
        except EdgevidError as error:
            raise EdgevidError(f"{error}: {(folder / 'log').read_text()[-500:]}") from error
        yield target, process


def prepare(folder: Path, port: int) -> Target:
    """Writes what a page needs into a folder: a token, clips, and files it must not give away."""
    token, clips = folder / "token", folder / "clips"
    token.write_text(_TOKEN)
    token.chmod(0o600)
    clips.mkdir()
    (folder / "state").mkdir()
    names = tuple(f"front_2026112{number}T101500Z.mp4" for number in range(3))
    for name in names:
        write_video(clips / name, 40, (640, 360))
        told = (
            f'{{"camera": "front", "video": "{name}", "began": "2026-11-21T10:15:00.000+00:00", '
            '"seconds": 8.0, "events": []}'
        )
        (clips / name).with_suffix(".json").write_text(told)
    for secret in (folder / "secret.mp4", folder / "secret.json", clips / "foreign.mp4"):
        secret.write_bytes(SECRET)
    os.mkfifo(clips / "pipe.json")
    return Target(
        port,
        _TOKEN,
        names,
        connections.PATIENCE_S,
        app.LISTENERS,
        clip_files.PLAYERS,
        access._WRONG_S,
    )


def write_video(path: Path, frames: int, size: tuple[int, int]) -> None:
    """Writes a video in which something moves, and sometimes stands still."""
    width, height = size
    video = open_video(path)
    video.start(_FPS)
    for index in range(frames):
        picture = np.full((height, width, 3), 90, np.uint8)
        left = 4 * (index % 20) if index // 20 % 2 else 0
        picture[height // 4 : height // 2, left : left + width // 4] = (40, 160, 220)
        video.show(picture, index / _FPS)
    video.finish()


def _is_live(target: Target) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return ask(target, "/healthz")[0] == 200
    return False


def _sleep_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _COMES_UP_S
    while not condition():
        if time.monotonic() > deadline:
            raise EdgevidError(f"nothing came for {_COMES_UP_S:g} s")
        time.sleep(0.1)


def _log_promises(path: Path, results: dict[str, Any]) -> list[str]:
    text = path.read_text("utf-8", "replace")
    lines = results["lines of the log"] = len(text.splitlines())
    broken = [f"the log has {lines} lines"] if lines > _LINES else []
    return broken + [f"in the log: {word}" for word in ("Traceback", _TOKEN) if word in text]


if __name__ == "__main__":
    sys.exit(main())
