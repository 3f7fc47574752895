"""Runs the process that teaches, and tells how far it is."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from edgevid import UsageError

_LOG = logging.getLogger("edgevid.review")

_ENDS_S = 1.0
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

Done = Callable[[Mapping[str, Any]], None]


class Teacher:
    """One process at a time. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._state: dict[str, Any] = {"state": "idle"}
        self._stopped = False

    def state(self) -> dict[str, Any]:
        """Returns ``state`` (idle, running, done, failed), and what belongs to it."""
        with self._lock:
            return dict(self._state)

    @property
    def pid(self) -> int | None:
        """The process that teaches; None when there is none."""
        with self._lock:
            return self._process.pid if self._process else None

    def start(self, job: Mapping[str, Any], done: Done) -> None:
        """Starts to teach.

        Args:
            job: what ``learn`` is to do.
            done: told what was measured, once the model's file is whole. It may raise.

        Raises:
            UsageError: it teaches already.
        """
        with self._lock:
            if self._state["state"] == "running":
                raise UsageError("it is being taught already")
            self._stopped = False
            self._state = {"state": "running", "what": "starting", "done": 0, "of": 1}
        threading.Thread(target=self._run, args=(job, done), name="teaching", daemon=True).start()

    def stop(self) -> None:
        """Ends it; what was extracted from videos stays for the next time."""
        with self._lock:
            process, self._stopped = self._process, True
        if process is not None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_ENDS_S)
                return
            process.kill()

    def _run(self, job: Mapping[str, Any], done: Done) -> None:
        started = time.monotonic()
        try:
            last, code = self._messages(job)
        except OSError as error:  # no process to be had, or no room for the job
            last, code = {"problem": f"cannot be started: {error.strerror}"}, 1
        state: dict[str, Any]
        if "about" in last and code == 0:
            state = {"state": "done", "seconds": round(time.monotonic() - started, 1)}
            try:
                done(last["about"])
            except Exception as error:  # such as a full disk
                _LOG.error("what was taught cannot be kept: %s", error)
                state = {"state": "failed", "problem": str(error)}
        elif self._stopped:
            state = {"state": "idle"}
        else:
            problem = last.get("problem") or f"its process ended unexpectedly ({code})"
            state = {"state": "failed", "problem": problem}
        with self._lock:
            self._state, self._process = state, None

    def _messages(self, job: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        """Runs the process; returns the last that it said, and how it ended."""
        last: dict[str, Any] = {}
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(job, file)
            file.flush()
            # It is to end with this thread, which waits for it: see learn.
            with subprocess.Popen(
                [sys.executable, "-m", "apps.raspberry_pi.review.learn", file.name],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, **dict.fromkeys(_ONE_THREAD, "1")},
            ) as process:
                with self._lock:
                    self._process = process
                    if self._stopped:
                        process.terminate()
                assert process.stdout is not None
                for line in process.stdout:
                    with suppress(ValueError):
                        last = json.loads(line)
                    if "what" in last:
                        with self._lock:
                            self._state = {"state": "running", **last}
                return last, process.wait()
