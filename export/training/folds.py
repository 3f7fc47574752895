"""Cross-validation: every clip is judged by a network that was trained without its person."""

from __future__ import annotations

import gc
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras

from edgevid.errors import ModelError
from export import report
from export.data.clips import Clip
from export.data.dataset import Dataset
from export.training.finetune import Job, finetune

_RESULT = "folds.json"


@dataclass(frozen=True)
class Validated:
    """What a recipe brought in cross-validation.

    Attributes:
        name: of the variation; ``base`` is the recipe itself.
        right: of each fold, by the clip that was held out, whether it was named rightly.
        groups: by the clip, whose it is.
    """

    name: str
    right: tuple[dict[str, bool], ...]
    groups: dict[str, str]

    @property
    def top1(self) -> list[float]:
        """Of each fold."""
        return [float(np.mean(list(fold.values()))) for fold in self.right]

    @property
    def clips(self) -> dict[str, bool]:
        """Of all folds."""
        return {path: right for fold in self.right for path, right in fold.items()}


def cross_validate(job: Job, name: str, parts: Sequence[Dataset]) -> Validated:
    """Trains a network for each fold, and measures it on what is held out.

    Called again it goes on where it was interrupted; folds that are done are not trained again.

    Args:
        job: what to do; what each fold leaves is in a folder in ``out``.
        name: of the variation.
        parts: the folds, as ``dataset.folds`` gives them.

    Raises:
        ModelError: the folder holds another training's folds.
        EdgevidError: something else is in the way.
    """
    right = []
    for number, part in enumerate(parts, 1):
        print(f"{name}, fold {number} of {len(parts)}: {_held(part)} held out", flush=True)
        right.append(_fold(replace(job, out=job.out / f"fold{number}"), part))
        gc.collect()  # of a trainer and its clips, which are a cycle
    groups = {str(clip.path): clip.group for part in parts for clip in part.validation.clips}
    found = Validated(name, tuple(right), groups)
    report.write_json(
        job.out / _RESULT,
        {
            "name": name,
            "recipe": _plain(job),
            "top1": found.top1,
            "right": found.right,
            "groups": groups,
        },
    )
    return found


def done(job: Job) -> Validated | None:
    """What ``cross_validate`` left for such a job; None if it has not been through.

    Raises:
        ModelError: the file is damaged.
    """
    path = job.out / _RESULT
    if not path.exists():
        return None
    values = _read(path)
    try:
        if values["recipe"] != _plain(job):
            return None
        return Validated(values["name"], tuple(values["right"]), values["groups"])
    except (KeyError, TypeError) as error:
        raise ModelError(f"{path} is not what a cross-validation leaves") from error


def _fold(job: Job, part: Dataset) -> dict[str, bool]:
    result = job.out / "fold.json"
    of = _identity(job, part)
    if result.exists():
        values = _read(result)
        if values.get("of") != of:
            raise ModelError(f"{job.out} was trained by another recipe: choose another folder")
        found: dict[str, bool] = values["right"]
        return found
    tf_keras.backend.clear_session()
    figures = finetune(job, part).figures["validation"]
    right = {file["path"]: file["true"] == file["predicted"] for file in figures["files"]}
    print(f"top-1 {figures['top1']:.3f} on {figures['clips']} clips", flush=True)
    report.write_json(result, {"of": of, "right": right})
    return right


def _identity(job: Job, part: Dataset) -> dict[str, Any]:
    """What a fold's result follows from."""
    found = [clip for clip, _ in part.train]
    sides = [[_named(clip) for clip in side] for side in (found, part.validation.clips)]
    digest = hashlib.sha256(repr(sides).encode()).hexdigest()[:24]
    return {"size": job.size, "style": job.style, "recipe": _plain(job), "clips": digest}


def _plain(job: Job) -> Any:
    """Its recipe as JSON has it, and what the network is to see."""
    recipe: dict[str, Any] = json.loads(json.dumps(asdict(job.recipe)))
    return recipe | {"follow": job.follow, "fps": job.fps}


def _named(clip: Clip) -> tuple[Any, ...]:
    return clip.path.name, clip.label, clip.group, clip.start, clip.record


def _held(part: Dataset) -> str:
    groups = sorted({clip.group for clip in part.validation.clips} - {""})
    return ", ".join(groups) or f"{len(part.validation)} clips"


def _read(path: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    return values


def table(found: Sequence[Validated]) -> str:
    """What each variation brought, and how it differs from the first, as Markdown."""
    first = found[0]
    lines = [
        "| variation | folds | mean top-1 | difference | clips gained, lost |",
        "|---|---|---|---|---|",
    ]
    for each in found:
        folds = " / ".join(f"{value:.3f}" for value in each.top1)
        difference, changed = "", ""
        if each is not first:
            apart = [a - b for a, b in zip(each.top1, first.top1, strict=True)]
            difference = f"{np.mean(apart):+.3f} ± {standard_error(apart):.3f}"
            gained = Counter(each.clips[path] - right for path, right in first.clips.items())
            changed = f"{gained[1]}, {gained[-1]}"
        lines.append(
            f"| {each.name} | {folds} | {np.mean(each.top1):.3f} ± {standard_error(each.top1):.3f} "
            f"| {difference} | {changed} |"
        )
    lines += ["", "± is one standard error over the folds.", ""]
    groups = sorted(set(first.groups.values()) - {""})
    if groups:
        lines += [
            f"| variation | {' | '.join(groups)} |",
            "|---|" + "---|" * len(groups),
            *(
                f"| {each.name} | "
                + " | ".join(f"{_of_group(each, group):.3f}" for group in groups)
                + " |"
                for each in found
            ),
        ]
    return "\n".join(lines)


def standard_error(values: Sequence[float]) -> float:
    """Of the mean of two values or more."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def _of_group(found: Validated, group: str) -> float:
    return float(np.mean([r for path, r in found.clips.items() if found.groups[path] == group]))
