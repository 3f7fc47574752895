"""When should a prediction become an event? Rules are chosen on one half of the clips, and tried
on the other.

What is played, each kind as one stream that is never reset:

- labelled: clips that show a Kinetics-600 class, in random orders. An event is true when it is
  the first of the clip's own label and starts before the clip ends. Every other start is false:
  a wrong label, a label of the clip before, a label for the second time. The delay is from the
  clip's first frame to the event; the median counts those that never came;
- unlabelled: clips of the same sources that were given no class;
- gestures, segments: people before fixed cameras, of whom nobody was asked to do anything that
  Kinetics-600 names.

In the last three every event counts as false. That is an upper bound: whoever lifts an arm may
well get "stretching arm". The labels are listed, so that a reader can judge.

``segments`` says when its activities begin. Two of them are Kinetics-600 classes, reading and
sleeping: those few are shown one by one. The others (falling from standing, drinking, walking,
sitting ...) are none, so there is no delay to measure for them.
"""

from __future__ import annotations

import itertools
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.clips import Clip, labelled, published_path, read, rows, said, shuffled
from benchmarks.report import arguments, table, write_json
from edgevid.modelfile.manifest import EventRules, Manifest
from edgevid.models.load import load_model
from edgevid.records import Event, Prediction
from edgevid.runtime.events import events
from edgevid.runtime.model import Model
from edgevid.support.command import OK, guard

_ORDERS = 3  # of the labelled clips
_FIND = 0.98  # of the most that any rules find: rules that find fewer are not chosen
_DELAYS = (0.6, 1.0, 1.5, 2.0, 3.0)  # seconds: the median delay that is allowed
_ALIKE = {"Reading": ("reading book", "reading newspaper"), "Sleeping": ("sleeping",)}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    chosen = arguments("benchmarks.events", __doc__).parse_args(argv)

    def run() -> int:
        model = load_model(published_path())
        reels = footage(model, chosen.seed, quick=chosen.quick)
        sweep = {
            rules: [judged([r for r in reels if r.half == half], rules) for half in (0, 1)]
            for rules in tqdm(list(grid(quick=chosen.quick)), "sweeping", unit="rules", leave=False)
        }
        defaults = model.manifest.events
        results: dict[str, Any] = {
            "chosen_on_half_1": trade_off(sweep, 0),
            "chosen_on_half_2": trade_off(sweep, 1),
            "defaults": [_row(reels, defaults, half) for half in (0, 1)],
            "defaults_by_footage": by_footage(reels, defaults),
            "segments": activities(reels, defaults),
        }
        for title, found in results.items():
            print(f"\n{title.replace('_', ' ')}\n\n{table(found)}")
        write_json(chosen.json, results)
        return OK

    return guard(run)


@dataclass(frozen=True, slots=True)
class Span:
    """Where a clip lies in a reel: seconds of its first and last frame."""

    clip: str
    label: str  # empty when none is known
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Reel:
    """What the model said of some footage.

    Attributes:
        kind: ``labelled``, ``unlabelled``, ``gestures`` or ``segments``.
        half: of the clips, 0 or 1.
        predictions: one for each frame, on one clock.
        spans: the clips, in playing order.
    """

    kind: str
    half: int
    predictions: list[Prediction]
    spans: list[Span]


@dataclass(slots=True)
class Tally:
    """What became of events.

    Attributes:
        delays: seconds, one for each clip with a label; ``inf`` where its event never came.
        false: how many false events of each label.
        hours: how long it all was.
    """

    delays: list[float] = field(default_factory=list)
    false: Counter[str] = field(default_factory=Counter)
    hours: float = 0.0

    @property
    def found(self) -> float:
        """The share of clips whose event came."""
        return float(np.mean(np.isfinite(self.delays))) if self.delays else math.nan

    @property
    def delay(self) -> float:
        """The median delay in seconds."""
        return float(np.median(self.delays)) if self.delays else math.nan

    @property
    def false_per_hour(self) -> float:
        """False events an hour."""
        return self.false.total() / self.hours


def footage(model: Model, seed: int, *, quick: bool) -> list[Reel]:
    """Plays everything to the model, each half of the clips by itself."""
    every = 20 if quick else 1
    seeds = range(seed, seed + (1 if quick else _ORDERS))
    unlabelled = [one for one in rows("clips") if not one[1]["kinetics600_label"]]
    kinds = {"unlabelled": unlabelled, "gestures": rows("gestures"), "segments": rows("segments")}
    reels = play(model, "labelled", labelled(6 if quick else None), seeds)
    for kind, files in kinds.items():
        reels += play(model, kind, read(files[::every]), seeds[:1])
    return reels


def play(model: Model, kind: str, clips: Sequence[Clip], seeds: Sequence[int]) -> list[Reel]:
    """Plays clips to the model, each half by itself, in one order for each seed."""
    fps = model.manifest.fps
    reels = []
    for half, seed in itertools.product(sorted({clip.half for clip in clips}), seeds):
        order = shuffled([clip for clip in clips if clip.half == half], seed)
        spans, start = [], 0
        for clip in order:
            end = start + len(clip.pictures)
            spans.append(Span(clip.name, clip.label, start / fps, (end - 1) / fps))
            start = end
        pictures = itertools.chain.from_iterable(clip.pictures for clip in order)
        reels.append(Reel(kind, half, said(model.stream(), pictures, fps), spans))
    return reels


def grid(*, quick: bool) -> Iterator[EventRules]:
    """Yields the rules that are tried."""
    upper, lower = [0.3, 0.4, 0.5, 0.6, 0.7], [0.5, 0.7]  # lower: as a share of the upper
    smoothing, least, cool_down = [0.0, 0.3, 0.6, 1.0], [0.0, 0.4, 0.8, 1.2], [1.0, 3.0]
    if quick:
        upper, lower, least, cool_down = [0.5], [0.5], [0.0, 0.4], [1.0]
    for on, share, smooth, lasts, cool in itertools.product(
        upper, lower, smoothing, least, cool_down
    ):
        yield EventRules(on, round(on * share, 2), smooth, lasts, cool)


def judged(reels: Sequence[Reel], rules: EventRules) -> Tally:
    """Finds the true and the false among the events that these rules make."""
    tally = Tally(hours=sum(len(reel.predictions) for reel in reels) / Manifest.fps / 3600)
    for reel in reels:
        delays: dict[Span, float] = {}
        for event, span in _starts(reel, rules):
            if event.label == span.label and span not in delays:
                delays[span] = event.timestamp - span.start
            else:
                tally.false[event.label] += 1
        tally.delays += [delays.get(span, math.inf) for span in reel.spans if span.label]
    return tally


def _starts(reel: Reel, rules: EventRules) -> Iterator[tuple[Event, Span]]:
    """Yields the events that start, each with the clip during which it does."""
    spans = iter(reel.spans)
    span = next(spans)
    for event in events(reel.predictions, rules):
        while event.timestamp > span.end:
            span = next(spans)
        if event.state == "start":
            yield event, span


def trade_off(sweep: dict[EventRules, list[Tally]], half: int) -> list[dict[str, Any]]:
    """Returns the rules with the fewest false events for each delay allowed, chosen on one half."""
    most = max(tallies[half].found for tallies in sweep.values())
    chosen = []
    for limit in _DELAYS:
        allowed = [
            (tallies[half].false_per_hour, tallies[half].delay, astuple(rules), rules)
            for rules, tallies in sweep.items()
            if tallies[half].delay <= limit + 1e-6 and tallies[half].found >= _FIND * most
        ]
        if allowed:
            rules = min(allowed)[3]
            figures = [_figures(sweep[rules][n], f", {where}") for n, where in _both(half)]
            chosen.append({"delay at most, s": limit, **_named(rules), **figures[0], **figures[1]})
    return chosen


def _both(half: int) -> list[tuple[int, str]]:
    return [(half, "here"), (1 - half, "other half")]


def _named(rules: EventRules) -> dict[str, str]:
    return {"on/off/smooth/least/cool": "/".join(f"{value:g}" for value in astuple(rules))}


def _figures(tally: Tally, where: str = "") -> dict[str, float]:
    return {
        f"found{where}": tally.found,
        f"delay{where}": tally.delay,
        f"false/h{where}": tally.false_per_hour,
    }


def _row(reels: Sequence[Reel], rules: EventRules, half: int) -> dict[str, Any]:
    tally = judged([reel for reel in reels if reel.half == half], rules)
    return {"half": half + 1, **_named(rules), **_figures(tally)}


def by_footage(reels: Sequence[Reel], rules: EventRules) -> list[dict[str, Any]]:
    """Returns what rules make of each kind of footage, and which labels are false most often."""
    found = []
    for kind in dict.fromkeys(reel.kind for reel in reels):
        tally = judged([reel for reel in reels if reel.kind == kind], rules)
        common = ", ".join(f"{label} {count}" for label, count in tally.false.most_common(6))
        minutes = round(tally.hours * 60, 1)
        found.append(
            {"footage": kind, "minutes": minutes, **_figures(tally), "most often false": common}
        )
    return found


def activities(reels: Sequence[Reel], rules: EventRules) -> list[dict[str, Any]]:
    """Returns when reading and sleeping in ``segments`` became events."""
    said = {path.name: row["segments"] for path, row in rows("segments")}
    found = []
    for reel in reels:
        if reel.kind != "segments":
            continue
        starts = list(_starts(reel, rules))
        for span in reel.spans:
            for activity, times in re.findall(r"(\w+)\s*\[([\d.]+ to [\d.]+)", said[span.clip]):
                if activity not in _ALIKE:
                    continue
                first, last = (float(time) for time in times.split(" to "))
                came = [
                    (event.label, event.timestamp - span.start - first)
                    for event, during in starts
                    if during == span and event.label in _ALIKE[activity]
                ]
                label, delay = came[0] if came else ("-", math.inf)
                row = {"clip": span.clip, "activity": activity, "from s": first, "to s": last}
                found.append({**row, "event": label, "delay": delay})
    return found


if __name__ == "__main__":
    sys.exit(main())
