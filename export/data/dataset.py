"""The clips of a training, each read and decoded once.

What is trained on is decoded generously, as variations are made of it, and kept in a cache; what
is measured on is decoded as the device would do it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import SourceError, UsageError
from export.data import clips
from export.data.clips import Clip
from export.data.followed import Follower
from export.data.frames import Frames, Pictures, Unreadable, Watched, gather, tell, watch

CALIBRATION_CLIPS = 64


@dataclass(frozen=True)
class EvaluationSet:
    """Labelled clips to measure on.

    Attributes:
        name: where they come from: ``test``, ``validation``, ``training`` or ``given``.
        clips: where each is; empty for synthetic ones.
        pictures: what a network sees of each.
        truth: the class of each, as an index in the labels, ``[clips]``.
    """

    name: str
    clips: tuple[Clip, ...] = ()
    pictures: tuple[Pictures, ...] = ()
    truth: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))

    def __len__(self) -> int:
        return len(self.pictures)


@dataclass(frozen=True)
class Partial:
    """A clip that is used in part, and why."""

    clip: Clip
    reason: str


@dataclass(frozen=True)
class Dataset:
    """Decoded clips.

    Attributes:
        labels: the classes, in order.
        size: of the network's input in pixels.
        fps: of the network.
        train: clips to train on and to calibrate with.
        validation: clips of the same source that are held out.
        test: clips of another source, to be measured on at the end.
        unreadable: clips that are left out.
        partial: clips that are used as far as they go.
        follow: what is followed in the clips, and is all that is shown of them; empty for the
            whole picture.
    """

    labels: tuple[str, ...]
    size: int
    fps: float
    train: tuple[tuple[Clip, Frames], ...]
    validation: EvaluationSet
    test: EvaluationSet
    unreadable: tuple[Unreadable, ...]
    partial: tuple[Partial, ...]
    follow: str = ""

    def calibration(self, count: int = CALIBRATION_CLIPS) -> list[Pictures]:
        """What a network sees of so many training clips, as many of each class as of any other."""
        frames = dict(self.train)
        return [
            frames[clip].pictures(size=self.size, fps=self.fps)
            for clip in choose(list(frames), count)
        ]

    def held_out(self) -> EvaluationSet:
        """The clips to verify on: the test; else the validation; else what was trained on.

        The name of what is returned says which. Training clips give figures that are too good.
        """
        for found in (self.test, self.validation):
            if len(found):
                return found
        seen = [(c, frames.pictures(size=self.size, fps=self.fps)) for c, frames in self.train]
        return _evaluation_set("training", seen, self.labels)


def load(
    data: Path,
    *,
    cache: Path,
    size: int,
    fps: float,
    test: Path | None = None,
    root: Path | None = None,
    names: Sequence[str] = (),
    group: str = "",
    validation: float = 0.2,
    seed: int = 0,
    follow: str = "",
) -> Dataset:
    """Reads and decodes clips; names on the console what is left out or used in part.

    Args:
        data: clips to train on, as ``clips.read`` takes them.
        cache: folder for the decoded frames of training clips.
        size: of the network's input in pixels.
        fps: of the network.
        test: clips to measure on.
        root: where the paths in a list start.
        names: of numeric labels, from 0.
        group: regular expression for what must not be on both sides of a split.
        validation: share of ``data``, or of its groups, to hold out; 0 for none.
        seed: of that choice.
        follow: as ``edgevid.follow`` takes it, to see of the clips what a stream sees that follows
            that; clips in which there is nothing to follow are left out, and named.

    Raises:
        SourceError: there are no clips, or none of a class or of the test that can be read.
        UsageError: a split that makes no sense.
    """
    found = clips.read(data, root=root, labels=names)
    to_test = clips.read(test, root=root, labels=names) if test else []
    if group:
        found, to_test = clips.with_groups(found, group), clips.with_groups(to_test, group)
    to_validate: list[Clip] = []
    if validation:
        found, to_validate = clips.hold_out(found, validation, seed)
    labels = clips.check(found, [*to_validate, *to_test], names)
    follower = _follower(follow, fps)
    train, lost = gather(found, cache, follow=follower)
    held, lost_of_held = watch(to_validate, size=size, fps=fps, follow=follower)
    tested, lost_of_test = watch(to_test, size=size, fps=fps, follow=follower)
    unreadable = [*lost, *lost_of_held, *lost_of_test]
    everything: list[tuple[Clip, Frames | Watched]] = [*train, *held, *tested]
    tell(everything, unreadable)
    _refuse_empty(train, labels, unreadable)
    if to_test and not tested:
        raise SourceError(f"none of the clips of {test} can be read, so there is no test")
    return Dataset(
        labels=labels,
        size=size,
        fps=fps,
        train=tuple(train),
        validation=_evaluation_set("validation", _pictures(held), labels),
        test=_evaluation_set("test", _pictures(tested), labels),
        unreadable=tuple(unreadable),
        partial=tuple(Partial(c, read.lacking) for c, read in everything if read.lacking),
        follow=follow,
    )


def _follower(what: str, fps: float) -> Follower | None:
    return Follower(what, fps) if what else None


def folds(data: Dataset, count: int, seed: int = 0) -> list[Dataset]:
    """Splits the clips to train on for cross-validation; whole groups where clips have one.

    Args:
        data: whose ``train`` is to be split.
        count: how many folds.
        seed: of the choice.

    Returns:
        For each fold the clips of the others to train on, and its own as ``validation``, decoded as
        the device would see them.

    Raises:
        UsageError: they cannot be split like that, or a class would be left without clips.
    """
    found = [clip for clip, _ in data.train]
    numbers = dict(zip(found, clips.deal(found, count, seed), strict=True))
    for fold in range(count):
        left = {clip.label for clip in found if numbers[clip] != fold}
        if missing := set(data.labels) - left:
            raise UsageError(f"fold {fold + 1} would be trained on no clip of {min(missing)!r}")
    follower = _follower(data.follow, data.fps)
    watched, _ = watch(found, size=data.size, fps=data.fps, follow=follower)
    seen = _pictures(watched)
    return [
        replace(
            data,
            train=tuple(each for each in data.train if numbers[each[0]] != fold),
            validation=_evaluation_set(
                "validation", [each for each in seen if numbers[each[0]] == fold], data.labels
            ),
            test=EvaluationSet("test"),
        )
        for fold in range(count)
    ]


def load_to_verify(
    data: Path,
    labels: Sequence[str],
    *,
    size: int,
    fps: float,
    root: Path | None = None,
    names: Sequence[str] = (),
    follow: str = "",
) -> EvaluationSet:
    """Reads and decodes clips to compare files on; names on the console what is left out.

    Args:
        data: clips, as ``clips.read`` takes them.
        labels: the classes of the network, in order.
        size: of the network's input in pixels.
        fps: of the network.
        root: where the paths in a list start.
        names: of numeric labels, from 0.
        follow: as in ``load``.

    Raises:
        SourceError: there are no clips.
        UsageError: one is of a class that the network lacks, or none can be read.
    """
    found = clips.read(data, root=root, labels=names)
    if unknown := {clip.label for clip in found} - set(labels):
        raise UsageError(f"a clip is of a class that the network lacks: {sorted(unknown)[0]!r}")
    watched, lost = watch(found, size=size, fps=fps, follow=_follower(follow, fps))
    tell(watched, lost)
    if not watched:
        raise UsageError("there is no clip to compare on that can be read")
    return _evaluation_set("given", _pictures(watched), labels)


def load_to_calibrate(
    data: Path,
    *,
    cache: Path,
    size: int,
    fps: float,
    root: Path | None = None,
    follow: str = "",
) -> list[Pictures]:
    """Reads and decodes clips to calibrate int8 on; names on the console what is left out.

    Args:
        data: clips, as ``clips.read`` takes them.
        cache: folder for the decoded frames.
        size: of the network's input in pixels.
        fps: of the network.
        root: where the paths in a list start.
        follow: as in ``load``.

    Raises:
        SourceError: there are no clips.
    """
    chosen = choose(clips.read(data, root=root), CALIBRATION_CLIPS)
    found, lost = gather(chosen, cache, follow=_follower(follow, fps))
    tell(found, lost)
    return [frames.pictures(size=size, fps=fps) for _, frames in found]


def choose(found: Sequence[Clip], count: int) -> list[Clip]:
    """Picks clips to calibrate on, as many of each class as of any other.

    Args:
        found: clips to pick from.
        count: how many to pick at most.
    """
    by_label: dict[str, list[Clip]] = {}
    for clip in found:
        by_label.setdefault(clip.label, []).append(clip)
    # Within a class spread over the list, which often goes by person or place.
    turns = []
    for members in by_label.values():
        each = -(-count // len(by_label))
        places = np.unique(np.linspace(0, len(members) - 1, min(each, len(members))).astype(int))
        turns.append([members[i] for i in places])
    mixed = [turn[i] for i in range(max(map(len, turns))) for turn in turns if i < len(turn)]
    return mixed[:count]


def _pictures(watched: Sequence[tuple[Clip, Watched]]) -> list[tuple[Clip, Pictures]]:
    return [(clip, seen.pictures) for clip, seen in watched]


def _evaluation_set(
    name: str, seen: Sequence[tuple[Clip, Pictures]], labels: Sequence[str]
) -> EvaluationSet:
    return EvaluationSet(
        name,
        tuple(clip for clip, _ in seen),
        tuple(pictures for _, pictures in seen),
        np.array([labels.index(clip.label) for clip, _ in seen], np.intp),
    )


def _refuse_empty(
    found: Sequence[tuple[Clip, Frames]], labels: Sequence[str], unreadable: Sequence[Unreadable]
) -> None:
    if not found and unreadable:
        raise SourceError(
            f"none of the {len(unreadable)} clips can be read, for one {unreadable[0].reason}; "
            "--root says where the paths of a list start"
        )
    for label in labels:
        if not any(clip.label == label for clip, _ in found):
            reason = next(u.reason for u in unreadable if u.clip.label == label)
            raise SourceError(f"class {label!r} has no clip that can be read ({reason})")
