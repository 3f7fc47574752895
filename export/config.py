"""The config of ``python -m export.run``: a TOML file becomes a plan."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from edgevid.errors import UsageError
from edgevid.prepare import TARGETS
from export.conversion.tflite_converter import PRECISIONS, Precision
from export.data.augment import Augmentation
from export.training.finetune import Job
from export.training.trainer import Recipe
from export.verification.limits import Limits

_SECTIONS = {
    "data": ("train", "test", "root", "labels", "group", "validation"),
    "model": ("name", "init", "size", "style"),
    "train": tuple(f.name for f in fields(Recipe) if f.name != "augmentation"),
    "augmentation": tuple(f.name for f in fields(Augmentation)),
    "export": ("precision", "target", "quantization_aware", *(f.name for f in fields(Limits))),
}


@dataclass(frozen=True)
class Plan:
    """What a config asks for."""

    name: str
    job: Job
    precisions: tuple[Precision, ...]
    limits: Limits
    target: str | None
    quantization_aware: int


def read_config(path: Path, out: Path) -> Plan:
    """Reads a config.

    Raises:
        UsageError: it is missing, no TOML, or asks for something unknown.
    """
    try:
        config = tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    for section, values in config.items():
        if section not in _SECTIONS or not isinstance(values, dict):
            raise UsageError(f"{path}: unknown section [{section}]; known: {', '.join(_SECTIONS)}")
        for key in values:
            if key not in _SECTIONS[section]:
                known = ", ".join(_SECTIONS[section])
                raise UsageError(f"{path}: [{section}] has no {key!r}; it has {known}")
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
    folder = path.parent
    init = model.get("init", "none")
    varied: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in config.get("augmentation", {}).items()
    }
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
            validation=data.get("validation", 0.0 if "test" in data else 0.2),
            recipe=replace(
                Recipe(), augmentation=Augmentation(**varied), **config.get("train", {})
            ),
        )
        limits = replace(Limits(), **exported)
    except TypeError as error:
        raise UsageError(f"{path}: a value is of the wrong kind: {error}") from error
    name = model.get("name", path.stem)
    return Plan(name, job, tuple(precisions), limits, target, rounded_epochs)
