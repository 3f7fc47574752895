"""Runs a new model file in a process of its own first, since a damaged one can crash the runtime.

The native runtimes trust their files: one changed number can make them read or write anywhere,
or ask for gigabytes. Checks find much of that beforehand, but not all.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

from edgevid.errors import ModelError
from edgevid.models import attempt
from edgevid.models.attempt import Attempt, Wanted

_LOG = logging.getLogger("edgevid")
_LAST_RESORT_S = 300.0  # the process ends itself long before
# Started without the package's own front door, and without the machine's site packages beyond
# those that are in use here: both load more than a trial needs.
_PROGRAM = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
sys.path += {path!r}
spec = spec_from_file_location("edgevid", {init!r})
sys.modules["edgevid"] = module_from_spec(spec)
from edgevid.models.attempt import serve
serve()
"""
_SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",  # each takes 64 MB of the addresses that the process may use
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
_TOO_LONG = (signal.SIGALRM, signal.SIGXCPU)


class _NoTrialError(Exception):
    """No process can be started here."""


def run(path: Path, data: bytes, wanted: Wanted) -> Attempt:
    """Prepares a file if that is wanted, and runs two steps, all in a process of its own.

    Where no process can be started, as in a program that has Python inside, the same is done in
    this one: the file is then checked as far as that is possible without running it, but nothing
    protects the caller from what the checks let through. A warning is given.

    Args:
        path: where the file is from, for the warning.
        data: the file.
        wanted: what is to be done with it.

    Raises:
        ModelError: the file is damaged, no MoViNet stream, or does not run.
        LabelsError: more or fewer labels than logits.
    """
    try:
        return _in_a_process(data, wanted)
    except _NoTrialError as error:
        _LOG.warning("%s is loaded without having been tried out first: %s", path, error)
        return attempt.attempt(data, wanted)


def _in_a_process(data: bytes, wanted: Wanted) -> Attempt:
    import subprocess  # here: no file that is known already needs it

    if not Path(sys.executable or "").name.startswith("python"):
        # The program that this is part of would be started a second time.
        raise _NoTrialError("this is a program with a Python inside")
    init = str(Path(attempt.__file__).parents[1] / "__init__.py")
    program = _PROGRAM.format(path=[entry for entry in sys.path if entry], init=init)
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", program],
            input=attempt.request(data, wanted),
            capture_output=True,
            timeout=_LAST_RESORT_S,
            start_new_session=True,  # a Ctrl-C is for the caller alone
            env={**os.environ, **_SETTINGS},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(_too_long()) from error
    except (OSError, subprocess.SubprocessError) as error:
        raise _NoTrialError(str(error)) from error
    if done.returncode < 0:
        raise ModelError(_death(-done.returncode))
    if done.returncode or not done.stdout:
        told = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise _NoTrialError(told[-1] if told else f"exit code {done.returncode}")
    return attempt.result(done.stdout)


def _death(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    if number in _TOO_LONG:
        return _too_long()
    if number == signal.SIGKILL:
        return "it was tried out and killed by the system, as when memory runs out"
    return f"it crashes the runtime ({name}): the file is damaged, get it again"


def _too_long() -> str:
    return "its first two steps take longer than any MoViNet's: the file is damaged, get it again"
