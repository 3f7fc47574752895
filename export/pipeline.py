"""From clips to verified files: trains, converts and compares, on clips that are decoded once."""

from __future__ import annotations

import gc
from dataclasses import asdict, replace
from typing import Any

from edgevid.support.atomic_file import atomic_file
from export import report
from export.config import Plan
from export.conversion.export import export_tflite
from export.data.dataset import Dataset
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
            memory=job.recipe.memory,
            name=plan.name,
            target=plan.target,
        )
        with atomic_file(path, make_folder=True) as file:
            file.write(content)
        files.append(path)
    results = verify(trained.network, trained.labels, files, held_out, plan.limits)
    verified = {name: asdict(result) for name, result in results.items()}
    figures = {**trained.figures, "verified": verified}
    report.write_training(job.out, figures, table(results))
    print(table(results))
    past_a_limit = any(result.failures(plan.limits) for result in results.values())
    if past_a_limit and "int8" in plan.precisions and plan.quantization_aware:
        print("too much is lost: training on with rounding")
        return {**run(_rounded(plan), data), "before_rounding": figures}
    refuse(results, plan.limits)
    return figures


def _rounded(plan: Plan) -> Plan:
    """The same from where it ended, with rounding, into a folder of its own."""
    job = plan.job
    recipe = replace(
        job.recipe,
        epochs=plan.quantization_aware,
        learning_rate=job.recipe.learning_rate / _SLOWER,
        quantization_aware=True,
    )
    again = replace(
        job, init=str(job.out / "network.npz"), out=job.out / "quantization_aware", recipe=recipe
    )
    return replace(plan, job=again, quantization_aware=0)
