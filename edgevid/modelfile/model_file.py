"""A model file, read and checked: the network, its signature and its manifest."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgevid.errors import LabelsError, ModelError
from edgevid.modelfile import flatbuffer, label_files, manifest, signature
from edgevid.modelfile.head import Head
from edgevid.modelfile.manifest import Manifest
from edgevid.modelfile.signature import Signature


@dataclass(frozen=True)
class ModelFile:
    """What a model file holds, checked as far as that is possible without running it.

    Attributes:
        data: the whole file.
        flatbuffer: the network alone, for the runtimes and the rewriter.
        signature: the tensors by which it is driven.
        manifest: what it expects and means; made up where the file has none.
        has_manifest: whether the file has one.
    """

    data: bytes
    flatbuffer: bytes
    signature: Signature
    manifest: Manifest
    has_manifest: bool = True


def read(data: bytes, *, name: str = "", labels: tuple[str, ...] = ()) -> ModelFile:
    """Reads a model file.

    Args:
        data: its bytes.
        name: the model's, for a file that has no manifest.
        labels: in place of those in the file; where there are none either, for 600 classes
            those of Kinetics-600.

    Raises:
        ModelError: it is damaged, or no MoViNet stream.
        LabelsError: more or fewer labels than logits.
    """
    content, _ = manifest.split(data)
    network = signature.of(flatbuffer.read(content))
    found = manifest.read(data)
    described = found or Manifest(name=name, labels=())
    classes = _classes(network, described.head)
    chosen = labels or described.labels or label_files.default(classes)
    if len(chosen) != classes:
        raise LabelsError(f"it has {classes} classes, the labels name {len(chosen)}")
    described = replace(described, labels=chosen)
    return ModelFile(data, content, network, described, has_manifest=found is not None)


def _classes(network: Signature, head: Head | None) -> int:
    """Returns how many labels a network tells, by itself or with a head that was taught."""
    if network.logits is not None:
        if head is not None:
            raise ModelError("it has a classifier as well as a head that was taught")
        return network.classes
    given = network.result.shape[-1]
    if head is None:
        raise ModelError("it ends at its features, and has no head that makes labels of them")
    if head.features != given:
        raise ModelError(f"its head takes {head.features} features, the network gives {given}")
    return head.labels
