"""Prepares a published MoViNet stream for the edge: bounded memory, and less work a step.

``prepare`` rewrites the ``.tflite`` file with a list of passes. Each pass is a function from a
graph to a phrase that says what it changed, empty if nothing; what a pass does not recognise it
leaves as it is.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgevid.errors import ModelError
from edgevid.modelfile import flatbuffer, manifest, model_file, signature
from edgevid.modelfile.model_file import ModelFile
from edgevid.prepare.checks import check
from edgevid.prepare.graph import Graph
from edgevid.prepare.passes.broadcasts import drop_broadcasts
from edgevid.prepare.passes.channels import channels_last
from edgevid.prepare.passes.features import cut_at_features, give_features
from edgevid.prepare.passes.float_fallback import float_islands, narrow_convolutions
from edgevid.prepare.passes.float_logits import float_logits
from edgevid.prepare.passes.float_weights import narrow_weights, widen_weights
from edgevid.prepare.passes.folding import fold_multiplications
from edgevid.prepare.passes.logit_scale import keep_confidence
from edgevid.prepare.passes.pools import bound_memory
from edgevid.prepare.passes.space_to_depth import widen_stem
from edgevid.prepare.passes.squeeze_time import drop_time_axis
from edgevid.prepare.passes.states import (
    drop_idle_states,
    quantize_image,
    quantize_states,
    separate_results,
    split_float_frames,
    split_frames,
)
from edgevid.prepare.serialize import write
from edgevid.support.target import TARGETS, this_machine
from edgevid.version import REWRITE

# What comes of shapes, options and constants that no runtime would take either.
_CONTRADICTIONS = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError,
                   TypeError, ValueError)  # fmt: skip

# Processors with int8 dot products, on which int8 weights are the quicker ones.
_DOT_PRODUCTS = ("pi5", "x86", "amx")

# What a published file remembers by default, in seconds; from ``benchmarks/memory.py``.
_MEMORY_S = 4.0

__all__ = ["TARGETS", "Pass", "PreparedModel", "cut", "passes_for", "prepare", "this_machine"]

Pass = Callable[[Graph], str]


def passes_for(target: str) -> tuple[Pass, ...]:
    """Returns what is done to a graph, in order.

    Args:
        target: one of ``TARGETS``, the processor that is going to run it. The result runs on
            every processor, and computes the same but for rounding.
    """
    return (
        drop_idle_states,
        float_logits,
        channels_last,
        widen_weights,
        bound_memory,
        keep_confidence,
        quantize_states,
        quantize_image,
        fold_multiplications,
        drop_broadcasts,
        drop_time_axis,
        narrow_convolutions if target in ("pi4", "amx") else widen_stem,
        float_islands,
        *((narrow_weights,) if target in _DOT_PRODUCTS else ()),
        # Less work for the network, but more states to put into place; that pays where the
        # network's own work is least, or the states are large.
        *((split_frames,) if target == "amx" else ()),
        *((split_float_frames,) if target == "x86" else ()),
        give_features,
        *((separate_results,) if target == "web" else ()),
    )


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """A prepared model file.

    Attributes:
        file: the file.
        report: each pass and what it changed, empty where it found nothing to do. No pass at
            all when the file had been prepared before and stays as it is.
    """

    file: ModelFile
    report: tuple[tuple[str, str], ...]

    @property
    def data(self) -> bytes:
        """The content of the file."""
        return self.file.data


def prepare(
    data: bytes,
    *,
    name: str,
    labels: Sequence[str] = (),
    target: str | None = None,
    passes: Sequence[Pass] | None = None,
) -> PreparedModel:
    """Rewrites a published streaming network.

    Args:
        data: the content of a ``.tflite`` file, from anywhere.
        name: the model's short name, for a file that has no manifest.
        labels: one for each logit, in the logits' order; where empty, those in the file, or
            for 600 classes those of Kinetics-600.
        target: one of ``TARGETS``; this machine's when None. A file that had been prepared
            before is changed only for ``web``, where a result is another state's argument.
        passes: what to do, in order, in place of ``passes_for(target)``.

    Raises:
        ModelError: this file cannot be prepared; the message says why.
        LabelsError: more or fewer labels than logits.
    """
    file = model_file.read(data, name=name, labels=tuple(labels))
    return rewrite(file, target=target, passes=passes)


def rewrite(
    file: ModelFile, *, target: str | None = None, passes: Sequence[Pass] | None = None
) -> PreparedModel:
    """Rewrites a model file that was read; see ``prepare``.

    Raises:
        ModelError: this file cannot be prepared; the message says why.
    """
    before, described = file.signature, file.manifest
    target = target or this_machine()
    is_taught = described.head is not None
    is_prepared = (is_taught or before.alpha is not None) and "rewrite" in described.provenance
    if is_prepared and (target != "web" or not _moves_up(before)):
        if manifest.read(file.data) != described:  # other labels were given
            file = replace(file, data=manifest.write(file.flatbuffer, described))
        return PreparedModel(file, ())
    if is_prepared:  # for another runtime
        passes = (separate_results,)
    graph = Graph(file.flatbuffer)
    check(graph)
    steps = passes_for(target) if passes is None else passes
    try:
        with np.errstate(all="ignore"):  # a hostile file's scales and weights may be anything
            report = tuple((step.__name__, step(graph)) for step in steps)
    except ModelError:
        raise
    except _CONTRADICTIONS as error:
        raise ModelError(f"the graph contradicts itself ({error})") from error
    rewritten = write(graph, f"prepared by edgevid, rewrite {REWRITE}")
    after = signature.of(flatbuffer.read(rewritten))  # the rewriter's own mistakes stop here
    signature.check_steps(after)
    if (after.classes, after.height, after.width) != (before.classes, before.height, before.width):
        raise ModelError("the rewritten network takes another image or gives other logits")
    if not is_taught:
        if after.alpha is None:
            described = replace(described, memory_s=math.inf)
        elif not file.has_manifest:
            described = replace(described, memory_s=_MEMORY_S)
    provenance = {**described.provenance, "target": target}
    if is_prepared:  # what was done to it before still holds
        provenance[report[0][0]] = report[0][1]
    else:
        provenance |= {
            "source_sha256": hashlib.sha256(file.data).hexdigest(),
            "rewrite": REWRITE,
            "passes": {step: change for step, change in report if change},
        }
    described = replace(described, provenance=provenance)
    data = manifest.write(rewritten, described)
    return PreparedModel(ModelFile(data, rewritten, after, described), report)


def cut(data: bytes) -> bytes:
    """Returns the network of a prepared model as it is up to its features, without a manifest.

    Args:
        data: the content of a prepared model file, of this edgevid or an earlier one.

    Raises:
        ModelError: it is damaged, or its features cannot be found.
    """
    content, _ = manifest.split(data)
    signature.of(flatbuffer.read(content))
    graph = Graph(content)
    check(graph)
    if not cut_at_features(graph):
        raise ModelError("the features of this network cannot be found: it was not prepared")
    rewritten = write(graph, f"prepared by edgevid, rewrite {REWRITE}, up to its features")
    signature.of(flatbuffer.read(rewritten))  # the rewriter's own mistakes stop here
    return rewritten


def _moves_up(network: signature.Signature) -> bool:
    """Whether the result of a state is the very argument of another."""
    return bool(
        {state.output.index for state in network.states}
        & {state.input.index for state in network.states}
    )
