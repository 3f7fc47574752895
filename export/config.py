"""The config of ``python -m export.run``: a TOML file becomes a plan."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from edgevid.errors import UsageError
from edgevid.prepare import TARGETS
from export.conversion.tflite_converter import PRECISIONS, Precision
from export.data.augment import Augmentation
from export.model.network import FPS
from export.training.finetune import Job
from export.training.trainer import Recipe
from export.verification.limits import Limits

_SECTIONS = {
    "data": ("train", "test", "root", "labels", "group", "validation", "folds", "follow"),
    "model": ("name", "init", "size", "style", "fps"),
    "train": tuple(f.name for f in fields(Recipe) if f.name != "augmentation"),
    "augmentation": tuple(f.name for f in fields(Augmentation)),
    "export": ("precision", "target", "quantization_aware", *(f.name for f in fields(Limits))),
}
BASE = "base"  # among variations the recipe itself
_NAME = re.compile(r"[\w-]+")  # of a folder, on any system
_TRY = "try"  # its sections are variations, each with these sections of what differs
_VARIED = ("train", "augmentation")


@dataclass(frozen=True)
class Plan:
    """What a config asks for.

    Attributes:
        name: of the files to be.
        job: the training.
        precisions: of the files.
        limits: of what they may lose.
        target: the processor that they are prepared for.
        quantization_aware: epochs to train on with rounding, where int8 loses too much.
        folds: of the cross-validation; 0 for none.
        variations: recipes to try on the same folds, by name.
    """

    name: str
    job: Job
    precisions: tuple[Precision, ...]
    limits: Limits
    target: str | None
    quantization_aware: int
    folds: int = 0
    variations: dict[str, Recipe] = field(default_factory=dict)


def read_config(path: Path, out: Path) -> Plan:
    """Reads a config.

    Raises:
        UsageError: it is missing, no TOML, or asks for something unknown.
    """
    try:
        config = tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    variations = config.pop(_TRY, {})
    _check(path, config, _SECTIONS)
    if not isinstance(variations, dict):
        raise UsageError(f"{path}: [{_TRY}.NAME] needs a name")
    for name, differing in variations.items():
        if not isinstance(differing, dict) or not _NAME.fullmatch(name) or name == BASE:
            raise UsageError(
                f"{path}: [{_TRY}.{name}] needs another name, of letters, digits, - and _"
            )
        _check(path, differing, {name: _SECTIONS[name] for name in _VARIED}, f"{_TRY}.{name}.")
    data, model = config.get("data", {}), config.get("model", {})
    if "train" not in data:
        raise UsageError(f"{path}: [data] train is missing: where are the clips?")
    exported = dict(config.get("export", {}))
    precisions = exported.pop("precision", ["int8"])
    precisions = [precisions] if isinstance(precisions, str) else precisions
    if unknown := [p for p in precisions if p not in PRECISIONS]:
        raise UsageError(f"{path}: precision {unknown[0]!r}; known: {', '.join(PRECISIONS)}")
    target, rounded_epochs = exported.pop("target", None), exported.pop("quantization_aware", 0)
    if target not in (None, *TARGETS):
        raise UsageError(f"{path}: target {target!r}; known: {', '.join(TARGETS)}")
    folds = data.get("folds", 0)
    if not isinstance(folds, int) or folds < 0 or folds == 1 or (folds and data.get("validation")):
        raise UsageError(f"{path}: folds must be 2 or more, and then there is no validation")
    folder = path.parent
    init = model.get("init", "none")
    try:
        job = Job(
            data=folder / data["train"],
            out=out,
            init=init if init == "none" else str(folder / init),
            size=model.get("size", "a0"),
            style=model.get("style", "relu6"),
            test=folder / data["test"] if "test" in data else None,
            root=folder / data["root"] if "root" in data else None,
            names=folder / data["labels"] if "labels" in data else None,
            group=data.get("group", ""),
            validation=data.get("validation", 0.0 if "test" in data or folds else 0.2),
            follow=data.get("follow", ""),
            fps=model.get("fps", FPS),
            recipe=_varied(Recipe(), config),
        )
        recipes = {n: _varied(job.recipe, differing) for n, differing in variations.items()}
        limits = replace(Limits(), **exported)
    except TypeError as error:
        raise UsageError(f"{path}: a value is of the wrong kind: {error}") from error
    name = model.get("name", path.stem)
    return Plan(name, job, tuple(precisions), limits, target, rounded_epochs, folds, recipes)


def _check(
    path: Path, config: dict[str, Any], known: dict[str, tuple[str, ...]], within: str = ""
) -> None:
    """Refuses sections and keys that there are not."""
    for section, values in config.items():
        if section not in known or not isinstance(values, dict):
            raise UsageError(
                f"{path}: unknown section [{within}{section}]; known: {', '.join(known)}"
            )
        for key in values:
            if key not in known[section]:
                has = ", ".join(known[section])
                raise UsageError(f"{path}: [{within}{section}] has no {key!r}; it has {has}")


def _varied(recipe: Recipe, config: dict[str, Any]) -> Recipe:
    """A recipe with what a config says otherwise.

    Raises:
        TypeError: a value is of the wrong kind.
        UsageError: one that makes no sense.
    """
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in config.get("augmentation", {}).items()
    }
    augmentation = replace(recipe.augmentation, **values)
    return replace(recipe, augmentation=augmentation, **config.get("train", {}))
