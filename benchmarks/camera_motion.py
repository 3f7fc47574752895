"""How well the bundled model recognises camera moves on real pictures.

It was trained on drawn clips alone. Here it sees real ones:

- moves: each of ten known moves over each clip of ``clips`` and of ``gestures/test``, as a window
  that moves over the footage, at speeds and easings that take turns. Footage whose own camera
  moves, or that has cuts, is held on one picture meanwhile;
- backwards, mirrored: the same moves, reversed in time or in space, must be the opposite ones;
  backwards without their start, or they would end as good as still;
- one frame, shuffled: a move's last picture again and again, and a move's pictures in random order.
  Neither shows a move any more;
- followed: the same moves, with the memory cut at changes of scene, as is done for other models;
- beyond: moves slower and faster than those above, over every sixth clip of ``gestures/test``;
- fixed cameras: ``segments``, ``gestures/test`` and those of ``clips`` that were filmed so, from
  their first frame to their last, each after the other in one stream that is never reset.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.camera_moves import (
    BEYOND,
    EASES_S,
    FPS,
    MIRRORED,
    MOVES,
    OPPOSITE,
    OTHERS,
    SPEEDS,
    Picture,
    Trial,
    paced,
    read,
    render,
    trials,
)
from benchmarks.clips import rows, said
from benchmarks.report import arguments, table, write_json
from edgevid.models.load import load_model
from edgevid.runtime.events import events
from edgevid.runtime.model import Model
from edgevid.support.command import OK, guard

_IN_TIME_S = 1.0
_REPEATS = 12  # frames


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = arguments("benchmarks.camera_motion", __doc__)
    parser.add_argument("--model", default="camera-motion", help="a name or file")
    chosen = parser.parse_args(argv)

    def run() -> int:
        results = measure(load_model(chosen.model), quick=chosen.quick)
        for title, found in results.items():
            print(f"\n{title.replace('_', ' ')}\n\n{table(found)}")
        write_json(chosen.json, results)
        return OK

    return guard(run)


def measure(model: Model, *, quick: bool) -> dict[str, list[dict[str, Any]]]:
    """Measures everything; the tables by title."""
    every = 12 if quick else 1
    sets = {"clips": rows("clips")[::every]}
    sets["gestures"] = [one for one in rows("gestures") if one[1]["split"] == "test"][::every]
    found: list[dict[str, Any]] = []
    beyond: list[dict[str, Any]] = []
    fixed: dict[str, list[list[Picture]]] = {"segments": []}
    for name, files in sets.items():
        for number, (path, _) in enumerate(tqdm(files, name, unit="clip", leave=False)):
            footage = read(path)
            found += [tried(model, name, trial) for trial in trials(footage, number)]
            if name == "gestures" and number % 6 == 0:
                beyond += [
                    tried(model, name, render(footage, move, speed, 0.0, seed=number))
                    for move, speed in itertools.product(MOVES, BEYOND)
                ]
            if footage.fixed:
                fixed.setdefault(name, []).append(paced(footage))
    # All of them, always: somebody walks past in few, and what a few say is luck.
    fixed["segments"] = [paced(read(path)) for path, _ in rows("segments")]
    moves = [one for one in found if one["move"] in MOVES]
    return {
        "moves": [
            _summary("all", found),
            *(_summary(name, _where(found, set=name)) for name in sets),
            _summary("moving footage", _where(found, fixed=True)),
            _summary("one picture", _where(found, fixed=False)),
        ],
        "by_move": [_summary(move, _where(found, move=move)) for move in (*MOVES, *OTHERS)],
        "by_speed": [_summary(f"{v} widths/s", _where(moves, speed=v)) for v in SPEEDS],
        "beyond": [_summary(f"{v} widths/s", _where(beyond, speed=v)) for v in BEYOND],
        "by_easing": [_summary(f"{s} s", _where(moves, ease=s)) for s in EASES_S],
        "must_be_the_opposite": [_share(moves, test) for test in ("backwards", "mirrored")],
        "must_not_show_the_move": [_share(moves, test) for test in ("one frame", "shuffled")],
        "followed": [
            {"memory": "as it is", "top-1": _share(moves, "right")["share"]},
            {"memory": "cut at changes of scene", "top-1": _share(moves, "followed")["share"]},
        ],
        "fixed_cameras": [still(model, name, clips) for name, clips in fixed.items()],
        "mistaken_for": mistaken(found),
    }


def tried(model: Model, name: str, trial: Trial) -> dict[str, Any]:
    """Runs one trial; returns a record of what came out."""
    predictions = said(model.stream(), trial.pictures, FPS)
    starts = [e for e in events(predictions, model.manifest.events) if e.state == "start"]
    right = [e.timestamp - trial.start for e in starts if e.label == trial.move]
    wrong = [e for e in starts if e.label not in (trial.move, "still")]
    record = {
        "set": name, "clip": trial.clip, "move": trial.move, "speed": trial.speed,
        "ease": trial.ease, "fixed": trial.fixed, "said": predictions[-1].top.label,
        "delay": min((d for d in right if d >= 0), default=float("inf")),
        "false events": len(wrong),
    }  # fmt: skip
    if trial.move in MOVES:
        moving = trial.pictures[trial.first :]
        rng = np.random.default_rng(0)
        top = said(model.stream(), trial.pictures[trial.even :][::-1], FPS)[-1].top.label
        record["backwards"] = top == OPPOSITE[trial.move]
        if trial.move in MIRRORED:
            top = said(model.stream(), trial.pictures[:, :, ::-1], FPS)[-1].top.label
            record["mirrored"] = top == MIRRORED[trial.move]
        record["right"] = record["said"] == trial.move
        followed = said(model.stream(follow_scene=True), trial.pictures, FPS)
        record["followed"] = followed[-1].top.label == trial.move
        repeated = said(model.stream(), [moving[-1]] * _REPEATS, FPS)
        record["one frame"] = repeated[-1].top.label == trial.move
        mixed = moving[rng.permutation(len(moving))]
        record["shuffled"] = said(model.stream(), mixed, FPS)[-1].top.label == trial.move
    return record


def still(model: Model, name: str, clips: Sequence[Sequence[Picture]]) -> dict[str, Any]:
    """How often fixed cameras are called still, through one stream."""
    pictures = [picture for clip in clips for picture in clip]
    predictions = said(model.stream(), pictures, FPS)
    tops = Counter(prediction.top.label for prediction in predictions)
    frames = len(predictions)
    rules = model.manifest.events
    false = [e for e in events(predictions, rules) if e.state == "start" and e.label != "still"]
    others = ", ".join(f"{k} {n}" for k, n in tops.most_common(6) if k != "still")
    return {
        "set": name, "clips": len(clips), "minutes": round(frames / FPS / 60, 1),
        "still": tops["still"] / max(1, frames), "false events": len(false), "else": others,
    }  # fmt: skip


def mistaken(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Which moves are taken for which, most often first."""
    pairs = Counter((one["move"], one["said"]) for one in found if one["move"] != one["said"])
    return [
        {"move": move, "said": label, "times": count}
        for (move, label), count in pairs.most_common(12)
    ]


def _where(found: Sequence[dict[str, Any]], **values: Any) -> list[dict[str, Any]]:
    return [one for one in found if all(one.get(k) == v for k, v in values.items())]


def _share(found: Sequence[dict[str, Any]], test: str) -> dict[str, Any]:
    tried = [one[test] for one in found if test in one]
    return {"test": test, "clips": len(tried), "share": float(np.mean(tried))}


def _summary(name: str, found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    delays = np.array([one["delay"] for one in found] or [np.inf])
    return {
        "": name,
        "clips": len(found),
        "top-1": float(np.mean([one["said"] == one["move"] for one in found])) if found else None,
        "event within 1 s": float(np.mean(delays <= _IN_TIME_S)),
        "delay, median": float(np.median(delays)),
        "other events": int(sum(one["false events"] for one in found)),
    }


if __name__ == "__main__":
    sys.exit(main())
