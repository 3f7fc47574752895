"""Prepares a model file where that is wanted, and runs two steps of the result.

Meant for a process of its own, which ``edgevid.models.trial`` starts and ``serve`` is: what a
model file does to the rewriter and to the runtime is only known when it was tried. Nothing here
loads more than that takes: no OpenCV, no schema classes where nothing is to be prepared.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgevid.errors import EdgevidError, LabelsError, MissingDependencyError, ModelError
from edgevid.modelfile import model_file
from edgevid.modelfile.flatbuffer import Tensor
from edgevid.modelfile.model_file import ModelFile
from edgevid.runtime import backends

MEMORY_MB = 400  # for a file of 3 MB, beyond what the runtime takes without any
_MEMORY_TIMES = 5  # of the file's size, on top of that
_CPU_S = 15
_CPU_TIMES = 40  # of what it takes to start, on a machine where that is longer
_WAITING_S = 3  # for a processor, on top of that
_ERRORS = {error.__name__: error for error in (LabelsError, MissingDependencyError, ModelError)}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done with a model file.

    Attributes:
        name: the model's, for a file that has no manifest.
        labels: in place of those in the file; none where that is empty.
        prepare: whether to prepare it.
        target: one of ``edgevid.support.target.TARGETS``.
        backend: a name that ``edgevid.runtime.backends`` knows.
    """

    name: str
    labels: tuple[str, ...]
    prepare: bool
    target: str
    backend: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of it.

    Attributes:
        prepared: the prepared file that ran; None where the file itself did.
        problem: why it could not be prepared, if that was wanted.
        report: each pass and what it changed; see ``edgevid.prepare``.
    """

    prepared: bytes | None = None
    problem: str = ""
    report: tuple[tuple[str, str], ...] = ()


def attempt(data: bytes, wanted: Wanted) -> Attempt:
    """Prepares a file if that is wanted and possible, and runs two steps.

    Raises:
        ModelError: the file is damaged, no MoViNet stream, or does not run.
        LabelsError: more or fewer labels than logits.
    """
    read = model_file.read(data, name=wanted.name, labels=wanted.labels)
    done = Attempt()
    if wanted.prepare:
        try:
            from edgevid.prepare import rewrite

            made = rewrite(read, target=wanted.target)
            done = Attempt(prepared=made.data, report=made.report)
            read = made.file
        except (ModelError, ImportError) as error:
            done = Attempt(problem=str(error))
    _run(read, wanted.backend)
    return done


def _run(read: ModelFile, backend: str) -> None:
    network = read.signature
    running = backends.open_backend(read.flatbuffer, name=backend)
    states = (*network.states, *network.idle)
    for state in states:
        _checked(running, state.input).fill(state.initial)
    pixels = np.resize(np.arange(256, dtype=np.uint8), network.image.shape)
    image = _checked(running, network.image)
    if network.image.dtype == "float32":
        np.copyto(image, pixels / np.float32(255))
    else:
        np.copyto(image, pixels if network.image.dtype == "uint8" else pixels.view(np.int8))
    del image
    for step in (1, 2):
        if network.alpha is not None:
            _checked(running, network.alpha)[0] = 1 / step
        running.invoke()
        if not np.isfinite(_checked(running, network.result)).all():
            raise ModelError(
                "it computes logits that are infinite or no numbers (NaN): it is damaged, or was "
                "trained badly; use another"
            )
        for state in network.states:
            np.copyto(_checked(running, state.input), _checked(running, state.output))


def _checked(running: backends.Backend, tensor: Tensor) -> Any:
    """Returns a tensor's view. The runtime works shapes out anew, and need not agree."""
    view = running.tensor(tensor.index)
    if view.shape != tensor.shape or view.dtype.name != tensor.dtype:
        raise ModelError(
            f"{tensor.name!a:.80} is {view.dtype} {list(view.shape)} when it runs, "
            f"not {tensor.dtype} {list(tensor.shape)} as the file says"
        )
    return view


# The process. A request is a line of JSON and the file; so is the answer.


def serve() -> None:
    """Makes one attempt: takes the request from standard input, answers on standard output."""
    line, _, data = sys.stdin.buffer.read().partition(b"\n")
    given = json.loads(line)
    wanted = Wanted(**{**given, "labels": tuple(given["labels"])})
    backends.runtime(wanted.backend)
    if wanted.prepare:
        import edgevid.prepare  # noqa: F401
    answer = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # the runtime has much to say
        os.dup2(nowhere, stream)
    _limit(len(data))
    with os.fdopen(answer, "wb") as file:
        file.write(_answer(data, wanted))
    os._exit(0)  # what a hostile file has left behind need not be taken down


def request(data: bytes, wanted: Wanted) -> bytes:
    """Returns what ``serve`` reads."""
    return json.dumps(asdict(wanted)).encode() + b"\n" + data


def result(answer: bytes) -> Attempt:
    """Returns what ``serve`` answered.

    Raises:
        EdgevidError: the attempt ended with it.
    """
    line, _, rest = answer.partition(b"\n")
    told = json.loads(line)
    if "error" in told:
        raise _ERRORS.get(told["error"], ModelError)(told["text"])
    report = tuple((step, change) for step, change in told["report"])
    return Attempt(rest if told["prepared"] else None, told["problem"], report)


def _answer(data: bytes, wanted: Wanted) -> bytes:
    try:
        done = attempt(data, wanted)
    except EdgevidError as error:
        return _line({"error": type(error).__name__, "text": str(error)})
    except MemoryError:
        return _line(
            {
                "error": "ModelError",
                "text": f"it takes more than {MEMORY_MB} MB to run: no MoViNet does; use another",
            }
        )
    except Exception as error:  # of whatever kind: it is the file's doing
        text = " ".join(str(error).split())
        return _line({"error": "ModelError", "text": f"it is damaged, get it again ({text:.200})"})
    facts = {"prepared": done.prepared is not None, "problem": done.problem, "report": done.report}
    return _line(facts) + (done.prepared or b"")


def _line(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts).encode() + b"\n"


def _limit(file_bytes: int) -> None:
    """Lets this process end soon, whatever the file does: by time, and by memory on Linux."""
    cpu_s = max(_CPU_S, int(_CPU_TIMES * time.process_time()))
    _lower(resource.RLIMIT_CPU, cpu_s)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(cpu_s + _WAITING_S)
    _lower(resource.RLIMIT_CORE, 1)  # bytes; 0 would still let a crash handler have its way
    _lower(resource.RLIMIT_FSIZE, 0)
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    except OSError:
        return
    more = (MEMORY_MB << 20) + _MEMORY_TIMES * file_bytes
    _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + more)


def _lower(kind: int, limit: int) -> None:
    # Where a sandbox forbids limits, what it has of its own must do; a crash is kept away anyhow.
    with suppress(OSError, ValueError):
        _, most = resource.getrlimit(kind)
        if most != resource.RLIM_INFINITY:
            limit = min(limit, most)
        resource.setrlimit(kind, (limit, limit))
