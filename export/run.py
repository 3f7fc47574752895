"""``python -m export.run config.toml``: from clips to a verified streaming file in one go.

    [data]
    train = "clips/train"           # a folder per class, or a list or CSV of clips
    test = "clips/test"             # other people, other places; measured at the end
    labels = "names.txt"            # optional: names of numeric labels, one a line, from 0
    group = "^(S[0-9]+)_"           # optional: what must not be on both sides

    [model]
    name = "gestures"
    init = "movinet_a0_stream_int8.tflite"
    size = "a0"
    style = "relu6"

    [train]                         # optional: any field of export.training.trainer.Recipe
    epochs = 45

    [augmentation]                  # optional: any field of export.data.augment.Augmentation
    hue = 0.0                       # where colours tell classes apart

    [export]                        # optional
    precision = ["int8", "float32"]
    quantization_aware = 3          # epochs of training with rounding, if int8 loses too much
    target = "pi5"                  # what is to run it: pi4, pi5, x86; default: this machine

Paths count from the config's own folder. What comes out is in the folder ``out`` beside it, or
the one that ``--out`` names. Called again, it goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from edgevid.errors import UsageError
from edgevid.prepare import TARGETS
from edgevid.support.atomic_file import atomic_file
from edgevid.support.command import OK, ArgumentParser, guard
from export.conversion.tflite_converter import PRECISIONS, Precision
from export.convert import CALIBRATION_CLIPS, choose, export
from export.data.augment import Augmentation
from export.data.frames import gather
from export.finetune import Job, finetune
from export.model import checkpoint
from export.model.network import FPS
from export.model.predict import pictures
from export.report import write_json
from export.training.trainer import Recipe
from export.verify import Limits, refuse, table, verify

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


def run(plan: Plan) -> dict[str, Any]:
    """Trains, converts and verifies; returns all figures.

    Raises:
        ModelError: an exported file is past a limit. All files and figures are there to see.
        EdgevidError: something else is in the way.
    """
    job = plan.job
    figures = finetune(job)
    cache = job.cache or job.out / "frames"
    network, labels = checkpoint.load(job.out / "network.npz")
    decoded, _ = gather(choose(job.clips(job.data), CALIBRATION_CLIPS), cache)
    size = network.architecture.input_size
    seen = [pictures(frames, size=size, fps=FPS) for _, frames in decoded]
    files = []
    for precision in plan.precisions:
        path = job.out / f"{plan.name}_{precision}.tflite"
        content = export(
            network,
            labels,
            seen,
            precision=precision,
            memory=job.recipe.memory,
            name=plan.name,
            target=plan.target,
        )
        with atomic_file(path, make_folder=True) as file:
            file.write(content)
        files.append(path)
    shown = job.clips(job.test or job.data)
    results = verify(job.out / "network.npz", files, shown, plan.limits, aloud=False)
    figures["verified"] = {name: asdict(result) for name, result in results.items()}
    write_json(job.out / "metrics.json", figures)
    with atomic_file(job.out / "verified.md", make_folder=True) as file:
        file.write((f"# The files against the network\n\n{table(results)}\n").encode())
    print(table(results))
    past_a_limit = any(result.failures(plan.limits) for result in results.values())
    if past_a_limit and "int8" in plan.precisions and plan.quantization_aware:
        print("too much is lost: training on with rounding")
        return run(_rounded(plan))
    refuse(results, plan.limits)
    return figures


def _rounded(plan: Plan) -> Plan:
    """The same from where it ended, with rounding, into a folder of its own."""
    job = plan.job
    recipe = replace(
        job.recipe,
        epochs=plan.quantization_aware,
        learning_rate=job.recipe.learning_rate / 7,  # it is to keep what it knows
        quantization_aware=True,
    )
    out = job.out / "quantization_aware"
    cache = job.cache or job.out / "frames"
    again = replace(job, init=str(job.out / "network.npz"), out=out, cache=cache, recipe=recipe)
    return replace(plan, job=again, quantization_aware=0)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = ArgumentParser(
        prog="python -m export.run", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, help="folder for all that comes out")
    options = parser.parse_args(arguments)
    return guard(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    run(read_config(options.config, options.out or options.config.parent / "out"))
    return OK


if __name__ == "__main__":
    sys.exit(main())
