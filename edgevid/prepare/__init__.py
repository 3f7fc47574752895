"""Prepares a published MoViNet stream for the edge: bounded memory, and less work a step.

``prepare`` rewrites the ``.tflite`` file with a list of passes. Each pass is a function from a
graph to a sentence that says what it changed, empty if nothing; what a pass does not recognise
it leaves as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from edgevid import interface, manifest, tflite
from edgevid.errors import LabelsError, ModelError
from edgevid.manifest import Manifest
from edgevid.prepare.axes import drop_time_axis
from edgevid.prepare.floats import float_islands, narrow_convolutions
from edgevid.prepare.folding import fold_multiplications
from edgevid.prepare.graph import Graph
from edgevid.prepare.pools import bound_memory
from edgevid.prepare.states import (
    drop_idle_states,
    quantize_image,
    quantize_states,
    split_frames,
)

REWRITE = 1  # goes up whenever the same file would be prepared to another result

Pass = Callable[[Graph], str]
PASSES: tuple[Pass, ...] = (
    drop_idle_states,
    bound_memory,
    quantize_states,
    quantize_image,
    fold_multiplications,
    drop_time_axis,
    narrow_convolutions,
    float_islands,
    split_frames,
)


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """A prepared model file.

    Attributes:
        data: the content of the file.
        report: each pass and what it changed, empty where it found nothing to do.
    """

    data: bytes
    report: tuple[tuple[str, str], ...]


def prepare(
    data: bytes, *, name: str, labels: Sequence[str] = (), passes: Sequence[Pass] = PASSES
) -> PreparedModel:
    """Rewrites a published streaming network.

    Args:
        data: the content of a ``.tflite`` file, from anywhere.
        name: the model's short name, for the manifest.
        labels: one for each logit, in the logits' order; the file's own where empty.
        passes: what to do, in order.

    Raises:
        ModelError: this file cannot be prepared; the message says why.
        LabelsError: more or fewer labels than logits.
    """
    flatbuffer, _ = manifest.split(data)
    found = manifest.read(data)
    network = tflite.read(flatbuffer)
    before = interface.of(network)
    described = found or Manifest(name=name, labels=tuple(labels))
    if labels:
        described = replace(described, labels=tuple(labels))
    if len(described.labels) != before.classes:
        raise LabelsError(
            f"the model has {before.classes} classes, the labels name {len(described.labels)}"
        )
    if "rewrite" in described.provenance:
        return PreparedModel(data, ())
    if len(network.signatures) != 1:
        raise ModelError(f"the model has {len(network.signatures)} signatures: 1 is expected")
    graph = Graph(flatbuffer)
    report = tuple((step.__name__, step(graph)) for step in passes)
    rewritten = graph.write(f"prepared by edgevid, rewrite {REWRITE}")
    interface.of(tflite.read(rewritten))  # the rewriter's own mistakes stop here
    provenance = {
        **described.provenance,
        "source_sha256": hashlib.sha256(data).hexdigest(),
        "rewrite": REWRITE,
        "passes": {step: change for step, change in report if change},
    }
    described = replace(described, provenance=provenance)
    return PreparedModel(manifest.write(rewritten, described), report)
