"""``python -m apps.raspberry_pi.review.learn JOB``: teaches a model, beside the service.

A process of its own with the lowest priority: it neither takes time from the watching nor leaves
memory behind, and whatever kills it kills nothing else. What it says of its progress goes to
standard output, an object of JSON a line; the last has ``about`` or ``problem``.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from edgevid import EdgevidError, Manifest, follow, load_model
from edgevid.teach import TeachingResult, teach
from edgevid.teach.comparing import Announced, compare, would_come
from edgevid.teach.features import Follow
from edgevid.teach.judging import Judgement

_PR_SET_PDEATHSIG = 1
_MOST_KEPT = 1000  # clips that need not be looked at again: about 100 MB
_EVERY_S = 0.2  # the progress is said this often at most


def main() -> int:
    """Runs the command; returns its exit code."""
    with suppress(OSError):  # where a sandbox forbids it, it is an equal among others
        os.nice(19)
    with suppress(OSError, AttributeError):  # only what nobody else wants of the processor
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with suppress(OSError, AttributeError):  # Linux alone has it: killed with the service
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with suppress(OSError):  # where memory runs out, this is to go and not the service
        Path("/proc/self/oom_score_adj").write_text("1000")
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    warnings: list[str] = []
    logging.basicConfig(handlers=[_Keep(warnings)], level=logging.WARNING)
    try:
        about = _taught(job, _Progress())
    except EdgevidError as error:
        _say(problem="; ".join([str(error), *warnings[:1]]))  # such as that nothing was followed
        return 1
    about["warnings"] = [*about["warnings"], *warnings][:20]
    _say(about=about)
    return 0


def _taught(job: dict[str, Any], told: _Progress) -> dict[str, Any]:
    """Teaches as a job says; returns what was measured."""
    keep = Path(job["features"])
    what = job["follow"]
    following = Follow(what, partial(follow, what, detector=job["detector"])) if what else None
    result = teach(
        job["list"] or None,
        job["output"],
        background=job["background"],
        false_alarms=job["false_alarms"],
        model=job["model"],
        follow=following,
        keep=keep,
        told=told,
    )
    told("looking at last week", 0, 1)
    before = _manifest_of(job["before"]) if job["before"] else None
    events = [Announced(one["source"], one["label"], one["second"]) for one in job["events"]]
    load_model(job["output"])  # which is tried out here, not where the cameras are watched
    comes = would_come(Path(job["output"]).read_bytes(), result, events, keep, following)
    _bound(keep)
    used = {Path(e.recording.source).name for e in result.frames.examples}
    return {
        "labels": [
            {
                "label": one.label,
                "before": _told(one.before),
                "after": _told(one.after),
                "threshold": round(result.rules.of(one.label).on_threshold, 3),
            }
            for one in compare(result, before)
        ],
        "week": [
            {"clip": one["clip"], "place": one["place"], "comes": is_so}
            for one, is_so in zip(job["events"], comes, strict=True)
        ],
        "warnings": [*job["warnings"], *result.warnings],
        "follows": what,
        "held_out": result.logits is not None,
        "folds": result.folds.count,
        "recordings": len(result.frames.examples),
        "seen_before": len(used & set(job["seen"])),
        "clips": sorted(used),
        "minutes": round(_minutes(result), 2),
    }


def _bound(keep: Path) -> None:
    """Keeps what was extracted last; the rest can be had again from the clips."""
    found = sorted(keep.glob("*.example"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found[_MOST_KEPT:]:
        path.unlink(missing_ok=True)


def _minutes(result: TeachingResult) -> float:
    return sum(example.seconds for example in result.frames.examples) / 60


def _manifest_of(path: str) -> Manifest | None:
    try:
        return load_model(path).manifest
    except EdgevidError:
        return None


def _told(judged: Judgement | None) -> dict[str, float] | None:
    if judged is None:
        return None
    return {
        "shown": judged.shown,
        "found": judged.found,
        "false": len(judged.false),
        "hours": round(judged.hours, 5),
    }


class _Progress:
    """Says how far it is, not too often."""

    def __init__(self) -> None:
        self._what, self._said = "", 0.0

    def __call__(self, what: str, done: int, of: int) -> None:
        now = time.monotonic()
        if what != self._what or now - self._said > _EVERY_S:
            self._what, self._said = what, now
            _say(what=what, done=done, of=of)


class _Keep(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


def _say(**values: Any) -> None:
    print(json.dumps(values), flush=True)  # a service that is gone ends this too: a broken pipe


if __name__ == "__main__":
    sys.exit(main())
