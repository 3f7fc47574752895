"""From clips to verified files: trains, converts and compares, on clips that are decoded once."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from edgevid.errors import UsageError
from edgevid.support.atomic_file import atomic_file
from export import report
from export.config import BASE, Plan
from export.conversion.export import export_tflite
from export.data import dataset
from export.data.dataset import Dataset
from export.model.network import in_frames
from export.training import folds
from export.training.finetune import finetune
from export.verification.limits import refuse
from export.verification.table import table
from export.verification.verify import verify

_SLOWER = 7  # times the learning rate when training on: it is to keep what it knows


def run(plan: Plan, data: Dataset | None = None) -> dict[str, Any]:
    """Trains, converts and verifies; returns all figures.

    Verified is on the test; where there is none, on the validation; where there is neither, on the
    clips that were trained on, and the report and the manifest say so.

    Args:
        plan: what to do.
        data: its clips, where they are decoded already.

    Raises:
        ModelError: an exported file is past a limit. All files and figures are there to see.
        EdgevidError: something else is in the way.
    """
    job = plan.job
    data = data or job.load()
    validated = validate(plan, split(plan, data), BASE) if plan.folds else ""
    trained = finetune(job, data)
    calibration, held_out = data.calibration(), data.held_out()
    if not plan.quantization_aware:  # then nothing is trained any more
        data = None
        gc.collect()  # of hundreds of megabytes: the trainer, which holds them too, is a cycle
    files = []
    for precision in plan.precisions:
        path = job.out / f"{plan.name}_{precision}.tflite"
        content = export_tflite(
            trained.network,
            trained.labels,
            calibration,
            precision=precision,
            memory=in_frames(job.recipe.memory, job.fps),
            fps=job.fps,
            name=plan.name,
            target=plan.target,
            follow=job.follow,
        )
        with atomic_file(path, make_folder=True) as file:
            file.write(content)
        files.append(path)
    results = verify(trained.network, trained.labels, files, held_out, plan.limits)
    verified = {name: asdict(result) for name, result in results.items()}
    figures = {**trained.figures, "verified": verified}
    report.write_training(job.out, figures, table(results), validated)
    print(table(results))
    past_a_limit = any(result.failures(plan.limits) for result in results.values())
    if past_a_limit and "int8" in plan.precisions and plan.quantization_aware:
        print("too much is lost: training on with rounding")
        return {**run(_rounded(plan), data), "before_rounding": figures}
    refuse(results, plan.limits)
    return figures


def try_variations(plan: Plan, names: Sequence[str]) -> None:
    """Tries variations of the recipe, each on the same folds; nothing is exported.

    Args:
        plan: with folds and variations.
        names: of the variations.

    Raises:
        UsageError: no folds, or a variation that the config does not have.
        EdgevidError: something else is in the way.
    """
    if not plan.folds:
        raise UsageError("to try variations, say in [data] how many folds")
    if unknown := set(names) - {BASE, *plan.variations}:
        known = ", ".join(plan.variations) or "none"
        raise UsageError(f"the config has no [try.{min(unknown)}]; it has {known}")
    data = replace(plan.job, test=None).load()  # the test is not for choosing
    parts = split(plan, data)
    for name in names:
        validate(plan, parts, name)


def split(plan: Plan, data: Dataset) -> list[Dataset]:
    """The plan's folds: the same for all its variations."""
    return dataset.folds(data, plan.folds, plan.job.recipe.seed)


def validate(plan: Plan, parts: Sequence[Dataset], name: str) -> str:
    """Cross-validates a variation; returns, writes and prints the table of all that are done."""
    folder = plan.job.out / "folds"
    jobs = {
        each: replace(plan.job, out=folder / each, cache=plan.job.decoded, recipe=recipe)
        for each, recipe in {BASE: plan.job.recipe, **plan.variations}.items()
    }
    folds.cross_validate(jobs[name], name, parts)
    found = folds.table([each for each in map(folds.done, jobs.values()) if each])
    report.write_text(folder / "report.md", found)
    print(found)
    return found


def _rounded(plan: Plan) -> Plan:
    """The same from where it ended, with rounding, into a folder of its own."""
    job = plan.job
    recipe = replace(
        job.recipe,
        epochs=plan.quantization_aware,
        learning_rate=job.recipe.learning_rate / _SLOWER,
        quantization_aware=True,
        variations=0,  # made without rounding
    )
    again = replace(
        job, init=str(job.out / "network.npz"), out=job.out / "quantization_aware", recipe=recipe
    )
    return replace(plan, job=again, quantization_aware=0, folds=0)
