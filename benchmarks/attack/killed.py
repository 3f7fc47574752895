"""Commands that are killed at random moments, and what is left of their files.

Each ``Target`` writes into a folder of its own. It runs once undisturbed, is killed a number of
times, and runs undisturbed once more: what is under its files' own names must be whole after each
kill, and nothing else may be left in the end.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgevid.errors import EdgevidError
from edgevid.sources import open_source

LONGEST_S = 120.0  # of one undisturbed run
SLOW_DISK = (
    *("strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null"),
    *("-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:delay_enter=100000"),
)
_TERMINATED = 0.2  # of the kills are SIGTERM, which a command may answer


@dataclass(frozen=True, slots=True)
class Target:
    """A command that is to be killed.

    Attributes:
        what: its name in the report.
        command: what is run.
        folder: where it writes.
        files: checks of the files that it writes, by name; each returns what is wrong, or nothing.
        environment: beyond this process's own.
        ready: what it prints when its work begins; until then nothing is to be won by a kill.
        python: what runs it.
    """

    what: str
    command: list[str]
    folder: Path
    files: dict[str, Callable[[Path], str]]
    environment: dict[str, str] = field(default_factory=dict)
    ready: str = ""
    python: str = sys.executable


@dataclass(slots=True)
class Outcome:
    """What became of a target.

    Attributes:
        kills: how often it was killed.
        terminated: how many of these were SIGTERM.
        slow: how many runs had a disk that takes 100 ms to sync.
        leftovers: hidden files that kills left.
        broken: promises that were broken.
    """

    kills: int = 0
    terminated: int = 0
    slow: int = 0
    leftovers: int = 0
    broken: list[str] = field(default_factory=list)

    def row(self, what: str) -> dict[str, Any]:
        """Returns it as a row of the report."""
        return {
            "what": what,
            "kills": self.kills,
            "of these SIGTERM": self.terminated,
            "with a slow disk": self.slow,
            "unfinished files left by kills": self.leftovers,
            "promises broken": len(self.broken),
        }


def disk_can_be_slowed() -> bool:
    """Whether there is an strace that may trace."""
    if shutil.which("strace") is None:
        return False
    tried = subprocess.run([*SLOW_DISK, "true"], check=False, capture_output=True)
    return tried.returncode == 0 and not tried.stderr


def end(process: subprocess.Popen[Any], chance: random.Random, outcome: Outcome) -> None:
    """Kills a process, or tells it to end, and waits until it is gone."""
    outcome.kills += 1
    if chance.random() < _TERMINATED:
        outcome.terminated += 1
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            outcome.broken.append("SIGTERM did not end it within 30 s")
    process.kill()
    process.wait()


def attack(
    target: Target, count: int, chance: random.Random, deadline: float, *, slow: bool
) -> Outcome:
    """Kills a target so many times, or until a moment on the monotonic clock.

    Args:
        target: what.
        count: how often.
        chance: when each time.
        deadline: of the whole.
        slow: whether the disk can be slowed down.
    """
    outcome = Outcome()
    took = _undisturbed(target, outcome)
    for number in range(count):
        if time.monotonic() > deadline or len(outcome.broken) > 20:
            break
        before = hidden(target.folder)
        drag = slow and number % 4 == 3
        outcome.slow += drag
        with _started(target, SLOW_DISK if drag else ()) as process:
            _wait_until_ready(process, target)
            time.sleep(chance.uniform(0, took * 1.05 + 0.1 * drag))
            end(process, chance, outcome)
        outcome.leftovers += len(hidden(target.folder) - before)
        outcome.broken += _faults(target)
    _undisturbed(target, outcome)
    outcome.broken += [f"left behind: {name}" for name in sorted(hidden(target.folder))]
    return outcome


def hidden(folder: Path) -> set[str]:
    """Returns the hidden files in a folder and below."""
    return {str(path) for path in folder.rglob(".*") if path.is_file()}


def _undisturbed(target: Target, outcome: Outcome) -> float:
    """Lets a target do all its work; returns the seconds that it took."""
    with _started(target, ()) as process:
        _wait_until_ready(process, target)
        began = time.monotonic()
        try:
            _, said = process.communicate(timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise EdgevidError(f"{target.what}: did not end within {LONGEST_S:g} s") from None
    if process.returncode != 0:
        outcome.broken.append(f"it fails, undisturbed: {said[-300:]}")
    missing = [name for name in target.files if not (target.folder / name).exists()]
    outcome.broken += [f"{name} is missing after a whole run" for name in missing]
    outcome.broken += _faults(target)
    return time.monotonic() - began


def _started(target: Target, before: tuple[str, ...]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*before, target.python, *target.command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if target.ready else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **target.environment},
    )


def _wait_until_ready(process: subprocess.Popen[str], target: Target) -> None:
    if target.ready and process.stdout is not None:
        for line in process.stdout:
            if line.strip() == target.ready:
                return


def _faults(target: Target) -> list[str]:
    found = []
    for name, check in target.files.items():
        path = target.folder / name
        if path.exists() and (wrong := check(path)):
            found.append(f"{name}: {wrong}")
    return found


def lines_of_json(path: Path) -> str:
    """Checks that a file holds JSON Lines, the last as whole as the others."""
    try:
        text = path.read_text("utf-8")
        for line in text.splitlines():
            json.loads(line)
    except ValueError as error:
        return f"no JSON Lines: {error}"
    return "" if text.endswith("\n") or not text else "its last line is cut off"


def video(path: Path) -> str:
    """Checks that a file is a video that can be read to its end."""
    try:
        with open_source(path) as source:
            frames = sum(1 for _ in source)
    except EdgevidError as error:
        return str(error)
    return "" if frames else "it holds no picture"


def archive(path: Path) -> str:
    """Checks that a file is a zip archive, and all in it as it was written."""
    try:
        with zipfile.ZipFile(path) as file:
            damaged = file.testzip()
    except zipfile.BadZipFile as error:
        return str(error)
    return f"{damaged} in it is damaged" if damaged else ""


def same(content: bytes) -> Callable[[Path], str]:
    """Returns a check that a file holds exactly this."""
    return lambda path: "" if path.read_bytes() == content else "holds something else"
