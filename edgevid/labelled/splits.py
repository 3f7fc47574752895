"""Which clips are trained on, and which are held out."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from edgevid.errors import UsageError
from edgevid.labelled import labels as naming
from edgevid.labelled.clip import Clip


def with_groups(clips: Iterable[Clip], pattern: str) -> list[Clip]:
    """Groups clips by a part of their file's name; of a record's, by that of ``clip/media_id``.

    Args:
        clips: the clips.
        pattern: a regular expression with one group, such as ``^(S[0-9]+)_`` for a person.

    Raises:
        UsageError: the pattern is none, or does not fit a clip's name.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"group pattern {pattern!r}: {error}") from error
    if expression.groups != 1:
        raise UsageError(f"group pattern {pattern!r} needs one pair of parentheses")
    grouped = []
    for clip in clips:
        name = clip.path.name if clip.record is None else clip.group
        found = expression.search(name)
        if found is None:
            raise UsageError(f"group pattern {pattern!r} does not fit {name!r}")
        grouped.append(replace(clip, group=found[1]))
    return grouped


def hold_out(clips: Sequence[Clip], share: float, seed: int = 0) -> tuple[list[Clip], list[Clip]]:
    """Splits clips for training and validation; whole groups where clips have one.

    Args:
        clips: all clips.
        share: of the groups (or of each class's clips, where there are no groups) to hold out.
        seed: of the choice.

    Raises:
        UsageError: nothing would be left on one side.
    """
    chance = random.Random(seed)
    key: Callable[[Clip], str]
    if all(clip.group for clip in clips):
        key = lambda clip: clip.group  # noqa: E731
        names = sorted({clip.group for clip in clips})
        chance.shuffle(names)
        held = set(names[: max(1, round(share * len(names)))])
    else:
        key = lambda clip: str(clip.place)  # noqa: E731
        held = set()
        for label in sorted({clip.label for clip in clips}):
            names = sorted({key(clip) for clip in clips if clip.label == label})
            chance.shuffle(names)
            held |= set(names[: round(share * len(names))])
    train = [clip for clip in clips if key(clip) not in held]
    validation = [clip for clip in clips if key(clip) in held]
    if not train or not validation:
        raise UsageError(f"holding out {share:.0%} of {len(clips)} clips leaves one side empty")
    return train, validation


def deal(clips: Sequence[Clip], count: int, seed: int = 0) -> list[int]:
    """Splits clips for cross-validation; whole groups where clips have one.

    Args:
        clips: all clips.
        count: how many folds.
        seed: of the choice.

    Returns:
        The fold in which each clip is held out, from 0. Folds are as large as can be alike.

    Raises:
        UsageError: fewer than two folds, or fewer groups than folds.
    """
    grouped = all(clip.group for clip in clips)
    keys = [clip.group if grouped else str(clip.place) for clip in clips]
    sizes = Counter(keys)
    if not 2 <= count <= len(sizes):
        what = "groups" if grouped else "clips"
        raise UsageError(f"{len(sizes)} {what} cannot be dealt out to {count} folds")
    labels = dict(zip(keys, (clip.label for clip in clips), strict=True))
    order = sorted(sizes)
    random.Random(seed).shuffle(order)
    if not grouped:
        order.sort(key=labels.__getitem__)  # so that every fold has its share of each class
    fold_of: dict[str, int] = {}
    held = [0] * count
    for key in sorted(order, key=lambda key: -sizes[key]):
        fold = held.index(min(held))
        fold_of[key] = fold
        held[fold] += sizes[key]
    return [fold_of[key] for key in keys]


def check(
    train: Sequence[Clip], held: Sequence[Clip], names: Sequence[str] = ()
) -> tuple[str, ...]:
    """Checks a split, and returns the labels in order.

    Args:
        train: clips to train on.
        held: clips to measure on.
        names: of the classes, in the order that they are to have; by number or by the alphabet
            when empty.

    Raises:
        UsageError: one class only; a clip with two labels; a group or a clip on both sides; a
            class to be tested that is never trained.
    """
    labels = naming.in_order({clip.label for clip in train}, names)
    if len(labels) < 2:
        raise UsageError(f"two classes or more are needed, found {', '.join(labels) or 'none'}")
    for side in (train, held):
        _refuse_two_labels(side)
    if both := {clip.group for clip in train} & {clip.group for clip in held} - {""}:
        raise UsageError(
            f"group {sorted(both)[0]} is on both sides of the split: the result would be too good"
        )
    places = {clip.place for clip in train}
    if twice := [clip for clip in held if clip.place in places]:
        raise UsageError(f"{twice[0].path} is on both sides of the split")
    if unknown := {clip.label for clip in held} - set(labels):
        raise UsageError(f"class {sorted(unknown)[0]!r} is tested but never trained")
    return labels


def _refuse_two_labels(clips: Sequence[Clip]) -> None:
    known: dict[object, str] = {}
    for clip in clips:
        if known.setdefault(clip.place, clip.label) != clip.label:
            both = f"{known[clip.place]!r} and {clip.label!r}"
            raise UsageError(f"{clip.path} is in two classes, {both}: a clip has one label")
