"""A name or a file becomes a model that is ready to run."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgevid import cache, interface, label_files, manifest, model_files, tflite
from edgevid.backends import open_backend
from edgevid.errors import LabelsError, ModelError, OutputError
from edgevid.interface import Interface
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
        name_or_path: a name that ``python -m edgevid.models`` lists, a ``.tflite`` file, or
            ``auto``: MoViNet-A0 if it can be had, else the model that edgevid brings along.
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
    name_or_path = model_files.chosen(name_or_path)
    path = model_files.locate(name_or_path)
    data = tflite.load(path)
    asked = label_files.read(labels) if isinstance(labels, (str, Path)) else tuple(labels or ())
    try:
        # What is kept was checked when it was made, and so was the file that it was made from.
        loaded = _kept(data, asked) if prepare else None
        loaded = loaded or _parse(data, Path(name_or_path).stem)
        loaded = replace(loaded, manifest=_with_labels(loaded, asked))
        if prepare and loaded.interface.alpha is None:
            loaded = _prepared(path, data, asked, loaded)
    except (LabelsError, ModelError) as error:
        raise type(error)(f"{path}: {error}") from error
    running = open_backend(loaded.flatbuffer, name=backend, threads=threads)
    return Model(loaded.manifest, loaded.interface, running)


@dataclass(frozen=True)
class _Contents:
    """What a model file holds, checked."""

    flatbuffer: bytes
    interface: Interface
    manifest: Manifest


def _parse(data: bytes, name: str = "") -> _Contents:
    flatbuffer, _ = manifest.split(data)
    network = interface.of(tflite.read(flatbuffer))
    return _Contents(flatbuffer, network, manifest.read(data) or Manifest(name=name, labels=()))


def _with_labels(loaded: _Contents, asked: tuple[str, ...]) -> Manifest:
    classes = loaded.interface.classes
    labels = asked or loaded.manifest.labels or label_files.default(classes)
    if len(labels) != classes:
        raise LabelsError(f"it has {classes} classes, the labels name {len(labels)}")
    return replace(loaded.manifest, labels=labels)


def _place(data: bytes, asked: tuple[str, ...]) -> Path:
    """Returns where the prepared form of a file is kept, with the labels that it was given."""
    key = hashlib.sha256(data + "\n".join(asked).encode()).hexdigest()
    return cache.folder() / "prepared" / f"{key}-{REWRITE}.tflite"


def _kept(data: bytes, asked: tuple[str, ...]) -> _Contents | None:
    """Returns the prepared form of a file, None when it is not there or damaged."""
    try:
        return _parse(tflite.load(_place(data, asked)))
    except ModelError:
        return None


def _prepared(path: Path, data: bytes, asked: tuple[str, ...], published: _Contents) -> _Contents:
    """Returns the prepared form of a file and keeps it; the file itself when it has none."""
    try:
        # Here, as what it needs takes longer to load than all the rest.
        from edgevid.prepare import prepare

        described = published.manifest
        ready = prepare(data, name=described.name, labels=described.labels).data
    except (ModelError, ImportError) as error:
        _LOG.warning("%s runs as it is, slower and unable to forget: %s", path, error)
        return published
    try:
        with whole_file(_place(data, asked), make_folder=True) as file:
            file.write(ready)
    except (OutputError, ModelError) as error:
        _LOG.info("the prepared model is not kept: %s", error)
    return _parse(ready)
