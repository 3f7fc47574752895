"""How many actions are announced, how soon, and how often for nothing?

Each clip is played by itself, as ``edgevid.stream`` plays it:

- labelled: clips that show a Kinetics-600 class. It is announced when an event of that label
  starts before the clip ends; the delay is from the first frame, and the median counts those that
  are never announced. A clip has a wrong start when an event of any other label starts in it;
- falls, gestures, fights: what fixed cameras saw: people who walk, sit and fall at home, people
  who gesture, streets in which nobody fights. Nobody was asked to do anything that Kinetics-600
  names, so every event counts as false. That is an upper bound: whoever lifts an arm may well get
  "stretching arm". Clips are short, and a stream's first seconds are its most unsure: a camera
  that runs for days has fewer. The clips of fights have 2 seconds: rules that wait so long can say
  nothing of them.

False starts an hour stand with between what the true rate is, 95 % sure on each side by itself.

Rules: ``quick`` and ``sure`` are those with the fewest false starts (mean of the rates at falls and
gestures) that announce at least so many of the actions that any rules announce, within so many
seconds (median); chosen on one half of all clips, they are tried on the other: nobody who is
filmed is in both.

Quieted: ``edgevid.quiet`` sees one half of a camera's footage, and the other half is counted; every
second clip, so that the same people are in both, or other people. What else happens there must
still be announced: since nobody at these cameras does what Kinetics-600 names, the labelled clips
are played under each camera's rules.

Taught: a head that ``edgevid.teach`` made of the falls, each person left out in turn; the falls
that it announced, how long after they began, and its false starts in all the rest
(``benchmarks.teach``).
"""

from __future__ import annotations

import itertools
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.clips import published_path, rows
from benchmarks.report import arguments, figure, logarithmic, save_figure, table, write_json
from benchmarks.teach import Extractor, falls
from edgevid.classify import classify
from edgevid.modelfile.manifest import EventRules
from edgevid.models.load import load_model
from edgevid.records import Prediction
from edgevid.runtime.events import events
from edgevid.runtime.model import Model
from edgevid.runtime.quiet import MARGIN, Levels, quieted
from edgevid.runtime.rules import NAMED, RuleChanges
from edgevid.support.command import OK, guard
from edgevid.teach.limits import poisson_limits

_SITES = {"falls": "segments", "gestures": "gestures", "fights": "fights"}  # and their folders
_JUDGED = ("falls", "gestures")  # by which rules are chosen
# What rules must do: the share of the actions that any rules announce, and the median delay, s.
_WANTED = {"quick": (0.98, 1.5), "sure": (0.8, 3.0)}
_BEFORE = EventRules(0.5, 0.25, 0.6, 0.0, 1.0)  # what was the default until there was a choice
_SHOWN = {"before": "without waiting"}
_MARGINS = (1.5, 3.0, 8.0, 20.0, 50.0)
_THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98)  # of the curve


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = arguments("benchmarks.events", __doc__)
    parser.add_argument("--picture", type=Path, metavar="FILE.png", help="draw the curves here")
    chosen = parser.parse_args(argv)

    def run() -> int:
        model = load_model(published_path())
        clips = footage(model, quick=chosen.quick)
        named = {name: changes.over(EventRules()) for name, changes in NAMED.items()}
        results: dict[str, Any] = {
            "rules": [
                row_of(clips, name, rules) for name, rules in {"before": _BEFORE, **named}.items()
            ],
            "taught": [] if chosen.quick else [taught()],
            "chosen": chosen_by_halves(clips, quick=chosen.quick),
            "quieted": [
                quieted_row(clips, site, split, name, rules)
                for name, rules in named.items()
                for site, split in _splits()
            ],
            "margins": [
                {"margin": margin}
                | quieted_row(clips, site, "same people", "quick", named["quick"], margin)
                for margin in _MARGINS
                for site in _JUDGED
            ],
            "most often false": most_often_false(clips, named["quick"]),
            "curves": curves(clips, named),
        }
        for title, found in results.items():
            if title != "curves":
                print(f"\n{title}\n\n{table(found)}")
        if chosen.picture is not None:
            draw(results["curves"], [*results["rules"], *results["taught"]], chosen.picture)
        write_json(chosen.json, results)
        return OK

    return guard(run)


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What the model said of one clip.

    Attributes:
        site: ``labelled``, or where a fixed camera was.
        label: its Kinetics-600 class, empty when none is known.
        half: 0 or 1; nobody who is filmed at a fixed camera is in both.
        number: of the clip at its site, from 0.
        predictions: one for each frame that the model saw.
    """

    site: str
    label: str
    half: int
    number: int
    predictions: list[Prediction]


@dataclass(slots=True)
class Tally:
    """What became of events.

    Attributes:
        delays: seconds, one for each clip with a label; ``inf`` where it was not announced.
        wrong: clips with a label in which another one started.
        false: how many false starts of each label, where there is no label.
        hours: how long those clips were.
    """

    delays: list[float] = field(default_factory=list)
    wrong: int = 0
    false: Counter[str] = field(default_factory=Counter)
    hours: float = 0.0

    @property
    def announced(self) -> float:
        """The share of clips whose label was announced."""
        return float(np.mean(np.isfinite(self.delays))) if self.delays else np.nan

    @property
    def delay(self) -> float:
        """The median delay in seconds."""
        return float(np.median(self.delays)) if self.delays else np.nan

    @property
    def rate(self) -> float:
        """False starts an hour."""
        return self.false.total() / self.hours if self.hours else np.nan

    @property
    def limits(self) -> tuple[float, float]:
        """Between what the true rate an hour is."""
        return poisson_limits(self.false.total(), self.hours)


def footage(model: Model, *, quick: bool) -> list[Played]:
    """Plays everything to the model; in the quick form, every 20th clip of a fixed camera."""
    files = [
        ("labelled", path, row["kinetics600_label"])
        for path, row in rows("clips")
        if row["kinetics600_label"]
    ][:: 6 if quick else 1]
    for site, folder in _SITES.items():
        found = [path for path, row in rows(folder) if row.get("label") != "fight"]
        files += [(site, path, "") for path in found[:: 20 if quick else 1]]
    numbers: Counter[str] = Counter()
    clips = []
    for site, path, label in tqdm(files, "playing", unit="clip", leave=False):
        person = re.match(r"S(\d+)_", path.name)
        half = (int(person[1]) if person else numbers[site]) % 2
        said = list(classify(path, model))
        clips.append(Played(site, label, half, numbers[site], said))
        numbers[site] += 1
    return clips


def judged(clips: Iterable[Played], rules: EventRules) -> Tally:
    """Plays what the model said past these rules."""
    tally = Tally()
    for clip in clips:
        first = clip.predictions[0].timestamp
        starts = [e for e in events(clip.predictions, rules) if e.state == "start"]
        if clip.label:
            right = [e.timestamp - first for e in starts if e.label == clip.label]
            tally.delays.append(min(right, default=np.inf))
            tally.wrong += any(e.label != clip.label for e in starts)
        else:
            tally.false.update(e.label for e in starts)
            tally.hours += _seconds(clip) / 3600
    return tally


def _seconds(clip: Played) -> float:
    times = [prediction.timestamp for prediction in clip.predictions]
    return (times[-1] - times[0]) * len(times) / max(1, len(times) - 1)


def _at(clips: Iterable[Played], site: str) -> list[Played]:
    return [clip for clip in clips if clip.site == site]


def row_of(clips: Sequence[Played], name: str, rules: EventRules) -> dict[str, Any]:
    """Returns what rules make of all clips."""
    tally = judged(_at(clips, "labelled"), rules)
    row: dict[str, Any] = {"rules": name, **_named(rules), **_announced(tally)}
    for site in _SITES:
        here = _at(clips, site)
        length = float(np.median([_seconds(clip) for clip in here]))
        if length > rules.min_duration + 0.5:  # else there is nothing to be seen
            row.update(_false(judged(here, rules), site))
        else:
            row.update({f"{site}: false/h": np.nan, f"{site}: 95 %": "-"})
    return row


def taught() -> dict[str, Any]:
    """Returns what a head that was taught falls makes of the falls, each person left out in turn.

    What it need not tell is what is false there: it was asked for falls alone.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = falls(Extractor(Path(folder))("segments"))
    hours = found["other_s"] / 3600
    lower, upper = poisson_limits(found["false_events"], hours)
    return {
        "rules": "taught falls",
        "shown": found["shown"],
        "announced": found["announced"] / found["shown"],
        "delay": found["median_delay_s"],
        "falls: false/h": found["false_events"] / hours,
        "falls: 95 %": f"{lower:.0f} to {upper:.0f}",
    }


def _announced(tally: Tally) -> dict[str, Any]:
    return {
        "announced": tally.announced,
        "delay": tally.delay,
        "wrong start in": tally.wrong / max(1, len(tally.delays)),
    }


def _false(tally: Tally, site: str) -> dict[str, Any]:
    lower, upper = tally.limits
    return {f"{site}: false/h": tally.rate, f"{site}: 95 %": f"{lower:.0f} to {upper:.0f}"}


def _named(rules: EventRules) -> dict[str, str]:
    values = astuple(rules)[:5]
    return {"on/off/smooth/least/cool": "/".join(f"{value:g}" for value in values)}


def grid(*, quick: bool) -> Iterator[EventRules]:
    """Yields the rules that are tried. Times lie between the model's ticks, 0.2 s apart."""
    thresholds, smoothing = [0.4, 0.5, 0.6, 0.7, 0.75, 0.8], [0.0, 0.3, 0.6]
    least = [0.0, 0.3, 0.5, 0.7, 0.9, 1.1, 1.5, 1.9]
    if quick:
        thresholds, smoothing, least = [0.5, 0.7], [0.0], [0.0, 0.9]
    for on, smooth, lasts in itertools.product(thresholds, smoothing, least):
        yield EventRules(on, round(on / 2, 3), smooth, lasts, 1.0)


def chosen_by_halves(clips: Sequence[Played], *, quick: bool) -> list[dict[str, Any]]:
    """Returns the rules that each half and both together choose, and how the other half fares."""
    sweep: dict[EventRules, dict[tuple[str, int], Tally]] = {}
    sites = ("labelled", *_JUDGED)
    for rules in tqdm(list(grid(quick=quick)), "choosing", unit="rules", leave=False):
        sweep[rules] = {
            (site, half): judged([c for c in _at(clips, site) if c.half == half], rules)
            for site in sites
            for half in (0, 1)
        }
    found = []
    for name, (share, delay) in _WANTED.items():
        for halves, others in (((0,), (1,)), ((1,), (0,)), ((0, 1), (0, 1))):
            best = _best(sweep, halves, share, delay)
            if best is None:
                continue
            tallies = {site: _joined(sweep[best], site, others) for site in sites}
            found.append(
                {
                    "rules": name,
                    "chosen on": "both halves" if len(halves) == 2 else f"half {halves[0] + 1}",
                    **_named(best),
                    "counted on": "both" if len(others) == 2 else f"half {others[0] + 1}",
                    **_announced(tallies["labelled"]),
                    **{f"{site}: false/h": tallies[site].rate for site in _JUDGED},
                }
            )
    return found


def _joined(tallies: Mapping[tuple[str, int], Tally], site: str, halves: Iterable[int]) -> Tally:
    joined = Tally()
    for half in halves:
        tally = tallies[site, half]
        joined.delays += tally.delays
        joined.wrong += tally.wrong
        joined.false += tally.false
        joined.hours += tally.hours
    return joined


def _best(
    sweep: Mapping[EventRules, Mapping[tuple[str, int], Tally]],
    halves: Sequence[int],
    share: float,
    delay: float,
) -> EventRules | None:
    """Returns the rules with the fewest false starts among those that do what is wanted."""
    known = {rules: _joined(tallies, "labelled", halves) for rules, tallies in sweep.items()}
    most = max(tally.announced for tally in known.values())
    allowed = []
    for rules, tally in known.items():
        if tally.announced >= share * most - 1e-9 and tally.delay <= delay + 1e-6:
            false = [_joined(sweep[rules], site, halves).rate for site in _JUDGED]
            allowed.append((float(np.mean(false)), tally.delay, astuple(rules)[:5], rules))
    return min(allowed, key=lambda one: one[:3])[3] if allowed else None


def _splits() -> Iterator[tuple[str, str]]:
    yield from itertools.product(_JUDGED, ("same people", "other people"))


def _split(clips: Sequence[Played], site: str, split: str) -> tuple[list[Played], list[Played]]:
    def side(clip: Played) -> int:
        return clip.number % 2 if split == "same people" else clip.half

    here = _at(clips, site)
    one, other = ([clip for clip in here if side(clip) == half] for half in (0, 1))
    return one, other


def quiet_rules(
    ordinary: Iterable[Played], rules: EventRules, margin: float = MARGIN
) -> EventRules:
    """Returns rules by which ordinary footage starts no event."""
    levels = Levels(rules)
    for clip in ordinary:
        levels.end()
        for prediction in clip.predictions:
            levels.update(prediction)
    return RuleChanges(by_label=quieted(levels.highest, rules, margin=margin)).over(rules)


def quieted_row(
    clips: Sequence[Played],
    site: str,
    split: str,
    name: str,
    rules: EventRules,
    margin: float = MARGIN,
) -> dict[str, Any]:
    """Returns what is left at one camera when one half of its footage silences the other."""
    halves = _split(clips, site, split)
    known = judged(_at(clips, "labelled"), rules).announced
    before, after, kept, labels = Tally(), Tally(), [], []
    for ordinary, counted in (halves, halves[::-1]):
        quiet = quiet_rules(ordinary, rules, margin)
        labels.append(len(quiet.by_label))
        kept.append(judged(_at(clips, "labelled"), quiet).announced / known)
        for tally, by in ((before, rules), (after, quiet)):
            found = judged(counted, by)
            tally.false += found.false
            tally.hours += found.hours
    lower, upper = after.limits
    return {
        "site": site,
        "the other half has": split,
        "rules": name,
        "minutes": 60 * after.hours,
        "labels raised": " and ".join(map(str, labels)),
        "false/h before": before.rate,
        "false/h quieted": after.rate,
        "95 %": f"{lower:.0f} to {upper:.0f}",
        "recall kept": min(kept),
    }


def most_often_false(clips: Sequence[Played], rules: EventRules) -> list[dict[str, Any]]:
    """Returns which labels start for nothing."""
    found = []
    for site in _SITES:
        tally = judged(_at(clips, site), rules)
        common = ", ".join(f"{label} {count}" for label, count in tally.false.most_common(6))
        found.append({"site": site, "minutes": 60 * tally.hours, "most often false": common})
    return found


def curves(clips: Sequence[Played], named: Mapping[str, EventRules]) -> list[dict[str, Any]]:
    """Returns, for thresholds from low to high, how much is announced and how much is false."""
    found = []
    for (name, rules), site in itertools.product(named.items(), _JUDGED):
        for on in _THRESHOLDS:
            moved = replace(rules, on_threshold=on, off_threshold=on / 2)
            known = judged(_at(clips, "labelled"), moved)
            plain = judged(_at(clips, site), moved)
            found.append(_point(name, site, on, known.announced, plain))
            silenced, shares = Tally(), []
            halves = _split(clips, site, "same people")
            for ordinary, counted in (halves, halves[::-1]):
                quiet = quiet_rules(ordinary, moved)
                tally = judged(counted, quiet)
                silenced.false += tally.false
                silenced.hours += tally.hours
                shares.append(judged(_at(clips, "labelled"), quiet).announced)
            found.append(_point(f"{name}, quieted", site, on, float(np.mean(shares)), silenced))
    return found


def _point(name: str, site: str, on: float, announced: float, tally: Tally) -> dict[str, Any]:
    lower, upper = tally.limits
    return {
        "rules": name,
        "site": site,
        "on": on,
        "announced": announced,
        "false/h": tally.rate,
        "lower": lower,
        "upper": upper,
    }


def draw(
    points: Sequence[Mapping[str, Any]], rules: Sequence[Mapping[str, Any]], path: Path
) -> None:
    """Draws the curves: actions announced against false starts an hour.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    drawn, axes = figure(8, 4.5)
    colours = {"falls": "tab:blue", "gestures": "tab:orange"}
    people = {"falls": "people at home", "gestures": "people who gesture"}
    least = 1.0  # an hour; what is never false is drawn here
    for site in _JUDGED:
        for name, style in (("quick", "-"), ("quick, quieted", "--")):
            line = [p for p in points if (p["rules"], p["site"]) == (name, site)]
            rates = [max(least, p["false/h"]) for p in line]
            shown = "" if name == "quick" else ", quieted"
            label = f"{people[site]}{shown}"
            known = [p["announced"] for p in line]
            axes.plot(rates, known, style, color=colours[site], label=label)
            lower = [max(least, p["lower"]) for p in line]
            upper = [max(least, p["upper"]) for p in line]
            axes.fill_betweenx(known, lower, upper, color=colours[site], alpha=0.12, linewidth=0)
        beside = (-12, 8) if site == "falls" else (-12, -16)
        for row in rules:
            if f"{site}: false/h" not in row:  # a taught head was asked about one site
                continue
            place = row[f"{site}: false/h"], row["announced"]
            axes.plot(*place, "o", color=colours[site])
            name = _SHOWN.get(row["rules"], row["rules"])
            axes.annotate(name, place, beside, textcoords="offset points", color=colours[site])
    logarithmic(axes, "false starts an hour")
    axes.set_ylabel("actions announced")
    axes.set_ylim(0, 1.1)
    axes.legend(frameon=False, loc="lower right")
    save_figure(drawn, path)


if __name__ == "__main__":
    sys.exit(main())
