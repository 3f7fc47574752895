"""A day of frames in one stream: drift, overflow, memory.

Plays labelled clips in random order, again and again, through one stream that is never reset,
as fast as it goes: 432,000 steps are 24 hours at 5 frames a second. Fails unless

- the last hour is as accurate at the clips' ends as the first, within noise;
- every float state stays finite;
- memory (RSS) grows by less than 1 MB after the warm-up, and no thread or file stays open.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.clips import Clip, labelled, published_path, shuffled
from benchmarks.machine import held_by_process
from benchmarks.report import arguments, conclude_soak
from edgevid.models.load import load_model
from edgevid.records import Frame
from edgevid.runtime.model import Model, Stream
from edgevid.runtime.watch import Watch
from edgevid.support.command import guard

DAY = 432_000  # steps
_WARM_UP = 1000  # steps, after which memory is expected to stand still
_LOOK_EVERY = 1000  # steps between looks at the state
_GROWTH_MB = 1.0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns 0 when everything held."""
    parser = arguments("benchmarks.soak", __doc__)
    parser.add_argument("--steps", type=int, help=f"{DAY} unless told; 3000 when quick")
    chosen = parser.parse_args(argv)

    def run() -> int:
        steps = chosen.steps or (3000 if chosen.quick else DAY)
        clips = labelled(6 if chosen.quick else None)
        results = soak(load_model(published_path()), clips, steps, seed=chosen.seed)
        return conclude_soak(chosen.json, results, "hours")

    return guard(run)


def soak(model: Model, clips: Sequence[Clip], steps: int, *, seed: int = 0) -> dict[str, Any]:
    """Plays clips for so many steps; returns what was measured, and whether it ``held``."""
    watch = Watch(model.stream(), paced=True)
    fps = model.manifest.fps
    hour = min(round(3600 * fps), max(1, steps // 2))
    # Clip ends, right on top, right among five. Nothing here may grow while RSS is watched.
    tally = np.zeros((steps // hour, 3), int)
    events = 0
    largest = peak_mb = 0.0
    before = held_by_process()
    pictures = endless(clips, seed)
    for step in tqdm(range(steps), "soaking", unit="step", mininterval=5):
        clip, picture, is_last = next(pictures)
        prediction, changes = watch.take(Frame(picture, step / fps, step))
        events += sum(event.state == "start" for event in changes)
        if prediction and is_last and step < hour * len(tally):
            found = [score.label for score in prediction.scores]
            tally[step // hour] += (1, found[0] == clip.label, clip.label in found)
        if step % _LOOK_EVERY == 0 or step == steps - 1:
            largest = max_or_nan(largest, _largest_float(watch.stream))
            peak_mb = max(peak_mb, held_by_process().rss_mb)
        if step == min(_WARM_UP, steps // 2):
            before = held_by_process()
    after = held_by_process()
    hours = [
        {"hour": number, "clip ends": int(n), "top-1": float(one / n), "top-5": float(five / n)}
        for number, (n, one, five) in enumerate(tally, 1)
    ]
    change, noise = hours[-1]["top-1"] - hours[0]["top-1"], _noise(hours[0], hours[-1])
    growth_mb = after.rss_mb - before.rss_mb
    return {
        "steps": steps,
        "hours": hours,
        "top-1, last hour less first": change,
        "noise, 3 standard errors": noise,
        "largest float state": largest,
        "events": events,
        "RSS after warm-up, MB": before.rss_mb,
        "RSS growth, MB": growth_mb,
        "RSS growth at most, MB": peak_mb - before.rss_mb,
        "threads more": after.threads - before.threads,
        "open files more": after.files - before.files,
        "held": bool(
            abs(change) <= noise
            and math.isfinite(largest)
            and growth_mb < _GROWTH_MB
            and (after.threads, after.files) == (before.threads, before.files)
        ),
    }


def max_or_nan(one: float, other: float) -> float:
    """Returns the larger, or NaN if either is: Python's own ``max`` may lose it."""
    return float(np.maximum(one, other))


def endless(clips: Sequence[Clip], seed: int) -> Iterator[tuple[Clip, NDArray[np.uint8], bool]]:
    """Yields pictures of clips in ever new orders, with their clip and whether they end it."""
    for round_ in itertools.count():
        for clip in shuffled(clips, seed + round_):
            for number, picture in enumerate(clip.pictures, 1):
                yield clip, picture, number == len(clip.pictures)


def _noise(first: dict[str, Any], last: dict[str, Any]) -> float:
    """Returns 3 standard errors of the difference of two shares, as of independent clips."""
    share = (first["top-1"] + last["top-1"]) / 2
    one, other = first["clip ends"], last["clip ends"]
    return float(3 * math.sqrt(share * (1 - share) * (1 / one + 1 / other)))


def _largest_float(stream: Stream) -> float:
    """Returns the largest magnitude in the float states; NaN where one is."""
    floats = [a for a in stream.save().arrays if np.issubdtype(a.dtype, np.floating)]
    return float(np.max([np.abs(values).max() for values in floats]))


if __name__ == "__main__":
    sys.exit(main())
