"""A name or a file becomes a model that is ready to run."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgevid import cache, interface, label_files, manifest, model_files, tflite
from edgevid.backends import open_backend
from edgevid.errors import LabelsError, ModelError, OutputError
from edgevid.manifest import Manifest
from edgevid.model import Model
from edgevid.version import REWRITE
from edgevid.whole_file import whole_file

_LOG = logging.getLogger("edgevid")


def load_model(
    name_or_path: str | Path,
    *,
    labels: str | Path | Sequence[str] | None = None,
    threads: int = 1,
    backend: str = "auto",
    prepare: bool = True,
) -> Model:
    """Loads a MoViNet streaming model.

    A published file is prepared for the edge on the way, once: the result is kept in the cache.
    One that cannot be prepared runs as it is, and a warning says why.

    Args:
        name_or_path: a name that ``python -m edgevid.models`` lists, or a ``.tflite`` file.
        labels: a file with a label a line, or the labels themselves; from the model when None.
        threads: CPU threads for inference.
        backend: ``auto``, ``litert``, ``tflite-runtime`` or ``tensorflow``.
        prepare: whether to prepare a published file. As published it never forgets and takes
            twice as long.

    Raises:
        ModelError: no such model, or a file that is damaged or no MoViNet stream.
        LabelsError: the labels cannot be read, or are more or fewer than the logits.
        DownloadError: the model had to be fetched, and could not.
        MissingDependencyError: the backend's library is not installed.
    """
    path = model_files.locate(name_or_path)
    data = tflite.load(path)
    try:
        flatbuffer, network, described = _parse(data, Path(name_or_path).stem)
        chosen = _labels(labels, described, network.classes)
        if len(chosen) != network.classes:
            raise LabelsError(f"it has {network.classes} classes, the labels name {len(chosen)}")
        described = replace(described, labels=chosen)
        if prepare and network.alpha is None:
            ready = _prepared(path, data, described)
            if ready is not None:
                flatbuffer, network, prepared = _parse(ready, described.name)
                described = replace(prepared, name=described.name, labels=described.labels)
    except (LabelsError, ModelError) as error:
        raise type(error)(f"{path}: {error}") from error
    return Model(described, network, open_backend(flatbuffer, name=backend, threads=threads))


def _parse(data: bytes, name: str) -> tuple[bytes, interface.Interface, Manifest]:
    """Checks a model file; returns its flatbuffer, interface and manifest."""
    flatbuffer, _ = manifest.split(data)
    network = interface.of(tflite.read(flatbuffer))
    return flatbuffer, network, manifest.read(data) or Manifest(name=name, labels=())


def _labels(
    asked: str | Path | Sequence[str] | None, described: Manifest, classes: int
) -> tuple[str, ...]:
    if isinstance(asked, (str, Path)):
        return label_files.read(asked)
    if asked is not None:
        return tuple(asked)
    return described.labels or label_files.default(classes)


def _prepared(path: Path, data: bytes, described: Manifest) -> bytes | None:
    """Returns a published file as prepared for this machine, None when it cannot be."""
    kept = cache.folder() / "prepared" / f"{hashlib.sha256(data).hexdigest()}-{REWRITE}.tflite"
    try:
        ready = tflite.load(kept)
        _parse(ready, described.name)
        return ready
    except ModelError:
        pass  # not there yet, or damaged: make it
    try:
        # Here, as what it needs takes longer to load than all the rest.
        from edgevid.prepare import prepare

        ready = prepare(data, name=described.name, labels=described.labels).data
    except (ModelError, ImportError) as error:
        _LOG.warning("%s runs as it is, slower and unable to forget: %s", path, error)
        return None
    try:
        with whole_file(kept, make_folder=True) as file:
            file.write(ready)
    except OutputError as error:
        _LOG.info("the prepared model is not kept: %s", error)
    return ready
