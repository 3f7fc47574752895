"""The effect of the memory's length: clips in random order in one stream that is never reset.

Twice: with a hard cut from clip to clip, and with each clip fading into the next over 2 seconds,
so that there is no cut to notice. What each column says, as a mean over all clips and orders:

- top-1, top-5: whether the clip's own label is first, or among five, at the clip's last frame;
- right after: median seconds from the clip's first frame (with fades: from where the fade
  begins) to the first one that has its label on top;
- false changes: how often a minute the top label becomes one that is not the clip's;
- half 1, half 2: top-1 of every other clip by name. The defaults were chosen on all of these
  clips: that a half alone chooses the same, and how the other half fares, shows how much of
  that is luck.

Then, how many scene changes are found where there are some, and where there are none.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.clips import Clip, labelled, published_path, read, rows, shuffled
from benchmarks.report import arguments, table, write_json
from edgevid.modelfile.manifest import Manifest
from edgevid.models.load import load_model
from edgevid.runtime.model import Model, Stream
from edgevid.runtime.scenes import CUT, SceneWatch
from edgevid.support.command import OK, guard

WINDOWS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 10.0, math.inf)  # seconds
FADE_S = 2.0
_FADE_SEEN_IN = 20  # frames: the fade, and as long again for the drift behind it

Pictures = NDArray[np.uint8]
Reel = list[tuple[Clip, Pictures]]  # clips in playing order, and what is shown of each


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = arguments("benchmarks.memory", __doc__)
    parser.add_argument("--orders", type=int, default=5, help="how many orders of the clips")
    parser.add_argument(
        "--windows",
        type=float,
        nargs="+",
        metavar="SECONDS",
        default=WINDOWS,
        help="memories to compare (default: all that were considered)",
    )
    chosen = parser.parse_args(argv)

    def run() -> int:
        quick = chosen.quick
        clips = labelled(4 if quick else None)
        orders = [shuffled(clips, chosen.seed + n) for n in range(1 if quick else chosen.orders)]
        setups = configurations((4.0, math.inf) if quick else chosen.windows)
        results: dict[str, Any] = {"orders": len(orders), "clips": len(clips)}
        for kind, join in (("cuts", cut), ("fades", fade)):
            reels = [join(order) for order in orders]
            results[kind] = compare(setups, reels)
            print(f"\n{kind}: {len(clips)} clips, {len(orders)} orders\n")
            print(table(results[kind]))
            results[f"{kind}_chosen_by_halves"] = chosen_by_halves(results[kind])
            print()
            print(table(results[f"{kind}_chosen_by_halves"]), flush=True)
            write_json(chosen.json, results)  # the other half takes as long again
        results["scene_changes"] = scene_changes(orders[0], quick=quick)
        print("\nscene changes found\n")
        print(table(results["scene_changes"]))
        write_json(chosen.json, results)
        return OK

    return guard(run)


@dataclass(frozen=True, slots=True)
class Setup:
    """One way to remember: a row of the table.

    Attributes:
        name: what the row is called.
        scenes: whether the memory ends with the scene; a word for the table.
        streams: starts the stream; where several, the mean of their logits counts.
    """

    name: str
    scenes: str
    streams: Callable[[], list[Stream]]


def configurations(windows: Sequence[float]) -> list[Setup]:
    """Returns the ways to remember that are compared."""
    path = published_path()
    published, prepared = load_model(path, prepare=False), load_model(path)
    setups = [Setup("as published", "-", lambda: [published.stream()])]
    for window in windows:
        for follow in (False, True) if window < math.inf else (False,):
            setups.append(_setup(prepared, [window], follow))
    setups.append(_setup(prepared, [1.0, 3.0], True))  # are two windows better than one?
    return setups


def _setup(model: Model, windows: Sequence[float], follow: bool) -> Setup:
    return Setup(
        " and ".join("inf" if window == math.inf else f"{window:g} s" for window in windows),
        "followed" if follow else "-",
        lambda: [model.stream(memory=window, follow_scene=follow) for window in windows],
    )


def cut(order: Sequence[Clip]) -> Reel:
    """Plays clips with a hard cut between each and the next."""
    return [(clip, clip.pictures) for clip in order]


def fade(order: Sequence[Clip]) -> Reel:
    """Plays clips of which each begins as the last picture of the one before, fading out."""
    reel = cut(order[:1])
    for before, clip in itertools.pairwise(order):
        pictures = clip.pictures.copy()
        count = min(len(pictures), round(FADE_S * Manifest.fps))
        share = (np.arange(1, count + 1) / (count + 1)).reshape(-1, 1, 1, 1)
        blend = share * pictures[:count] + (1 - share) * before.pictures[-1]
        pictures[:count] = blend.round()
        reel.append((clip, pictures))
    return reel


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one clip went.

    Attributes:
        clip: which.
        rank: of its label at its last frame, 0 for the top.
        right_after: seconds until its label was first on top, ``inf`` if never.
        false_changes: times that the top label became a wrong one.
    """

    clip: Clip
    rank: int
    right_after: float
    false_changes: int


def play(streams: Sequence[Stream], reel: Reel) -> list[Outcome]:
    """Plays a reel through streams that are never reset."""
    manifest = streams[0].model.manifest
    outcomes = []
    top = -1
    for clip, pictures in reel:
        truth = manifest.labels.index(clip.label)
        right_after, false_changes = math.inf, 0
        for number, picture in enumerate(pictures):
            logits = np.mean([stream.logits(picture) for stream in streams], axis=0)
            before, top = top, int(logits.argmax())
            if top == truth:
                right_after = min(right_after, number / manifest.fps)
            elif top != before:
                false_changes += 1
        rank = int((logits > logits[truth]).sum())
        outcomes.append(Outcome(clip, rank, right_after, false_changes))
    return outcomes


def compare(setups: Sequence[Setup], reels: Sequence[Reel]) -> list[dict[str, Any]]:
    """Plays all reels in all ways; returns a row of the table for each way."""
    found = []
    for setup in tqdm(setups, "ways to remember", unit="way", leave=False):
        outcomes = [outcome for reel in reels for outcome in play(setup.streams(), reel)]
        found.append({"memory": setup.name, "scenes": setup.scenes, **summary(outcomes)})
    return found


def summary(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Returns the figures of a row."""
    top1 = np.array([outcome.rank == 0 for outcome in outcomes])
    half = np.array([outcome.clip.half for outcome in outcomes])
    minutes = sum(len(outcome.clip.pictures) for outcome in outcomes) / Manifest.fps / 60
    return {
        "top-1": float(top1.mean()),
        "top-5": float(np.mean([outcome.rank < 5 for outcome in outcomes])),
        "right after, s": float(np.median([outcome.right_after for outcome in outcomes])),
        "false changes/min": sum(outcome.false_changes for outcome in outcomes) / minutes,
        "half 1": float(top1[half == 0].mean()),
        "half 2": float(top1[half == 1].mean()),
    }


def chosen_by_halves(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns what each half of the clips would choose, and how that does on the other half."""
    chosen = []
    for half, other in (("half 1", "half 2"), ("half 2", "half 1")):
        best = max(found, key=lambda row: (row[half], -row["right after, s"]))
        chosen.append(
            {
                "chosen on": half,
                "memory": best["memory"],
                "scenes": best["scenes"],
                "top-1 there": best[half],
                "top-1 on the other": best[other],
                "best there": max(row[other] for row in found),
            }
        )
    return chosen


def scene_changes(order: Sequence[Clip], *, quick: bool) -> list[dict[str, Any]]:
    """Counts the scene changes that are found, where there are some and where there are none."""
    segments = rows("segments")
    gestures = [(path, row) for path, row in rows("gestures") if row["split"] == "test"]
    every = 20 if quick else 1
    return [
        {"footage": "labelled clips, cuts", **_changes(cut(order), grace=1)},
        {"footage": "labelled clips, fades", **_changes(fade(order), grace=_FADE_SEEN_IN)},
        *(
            {"footage": f"fixed cameras: {name}", **_changes(cut(read(files)), joined=False)}
            for name, files in (("segments", segments[::every]), ("gestures", gestures[::every]))
        ),
    ]


def _changes(reel: Reel, *, grace: int = 0, joined: bool = True) -> dict[str, Any]:
    """Counts scene changes in a reel.

    Args:
        reel: what to play.
        grace: frames after each joint in which a change belongs to that joint.
        joined: whether clip follows clip; else each is looked at by itself.
    """
    watch = SceneWatch(fps=5.0)
    found = cuts = drifting = 0
    for number, (_, pictures) in enumerate(reel):
        watch = watch if joined else SceneWatch(fps=5.0)
        counts = np.array([watch.look(picture) for picture in pictures])
        found += bool(number and joined and (counts[:grace] < math.inf).any())
        cuts += int((counts[grace:] == CUT).sum())
        drifting += int(((counts[grace:] > CUT) & (counts[grace:] < math.inf)).sum())
    return {
        "clips": len(reel),
        "minutes": sum(len(pictures) for _, pictures in reel) / Manifest.fps / 60,
        "joints": len(reel) - 1 if joined else 0,
        "joints found": found,
        "cuts elsewhere": cuts,
        "drifting frames elsewhere": drifting,
    }


if __name__ == "__main__":
    sys.exit(main())
