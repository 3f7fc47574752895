"""Writes a taught model: the network up to its features, followed by a head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from edgevid.errors import ModelError
from edgevid.modelfile import manifest
from edgevid.modelfile.head import Head
from edgevid.modelfile.manifest import EventRules
from edgevid.prepare import cut


def taught(
    prepared: bytes,
    head: Head,
    *,
    name: str,
    labels: Sequence[str],
    events: EventRules,
    metrics: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> bytes:
    """Returns the content of a taught model's ``.tflite`` file.

    It forgets at once but for what its head remembers, and does not look for changes of scene: it
    is for cameras that stand still.

    Args:
        prepared: the content of a prepared model file, from ``edgevid.prepare``; or of a taught
            one, whose network it then has.
        head: of the same network's features.
        name: the model's short name.
        labels: one for each of the head's.
        events: when a label counts as started or ended.
        metrics: measured figures, by name.
        provenance: what the head was taught with, by name.

    Raises:
        ModelError: the features cannot be found, or the head is for others.
    """
    described = manifest.read(prepared)
    if described is None:
        raise ModelError("only a prepared model can be taught")
    network = cut(prepared) if described.head is None else manifest.split(prepared)[0]
    if len(labels) != head.labels:
        raise ModelError(f"the head tells {head.labels} labels, {len(labels)} are named")
    described = replace(
        described,
        name=name,
        labels=tuple(labels),
        memory_s=0.0,
        follow_scene=False,
        events=events,
        metrics=dict(metrics or {}),
        provenance={**described.provenance, **(provenance or {})},
        head=head,
    )
    return manifest.write(network, described)
