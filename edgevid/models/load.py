"""Loads a model by name or path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgevid.errors import LabelsError, ModelError, OutputError
from edgevid.modelfile import flatbuffer, label_files, manifest, model_file
from edgevid.modelfile.model_file import ModelFile
from edgevid.models import locate, tried
from edgevid.models.attempt import Wanted
from edgevid.models.catalog import BUNDLED
from edgevid.models.tried import Tried
from edgevid.plain_text import one_line, printable
from edgevid.runtime import backends
from edgevid.runtime.model import Model
from edgevid.support.target import this_machine

if TYPE_CHECKING:
    import logging

_LONGEST_NAME = 64  # characters of a file's name that become the model's


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

    A file that was never loaded before is tried out first, in a process of its own with little
    time and memory, as a damaged one can crash the runtime. Where no process can be started the
    file is checked and loaded all the same, with a warning.

    Args:
        name_or_path: a name that ``python -m edgevid.models`` lists, a ``.tflite`` file, or
            ``auto``: MoViNet-A0 if it is found or can be downloaded, else the bundled model.
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

    Example:
        >>> model = edgevid.load_model("camera-motion")
        >>> model.manifest.labels[:3]
        ('still', 'pan left', 'pan right')
    """
    asked = label_files.read(labels) if isinstance(labels, (str, Path)) else tuple(labels or ())
    file = load_file(name_or_path, labels=asked, backend=backend, prepare=prepare)
    described, network, content = file.manifest, file.signature, file.flatbuffer
    del file  # its other bytes need not lie beside those that the runtime makes of them
    return Model(described, network, backends.open_backend(content, name=backend, threads=threads))


def load_file(
    name_or_path: str | Path,
    *,
    labels: tuple[str, ...] = (),
    backend: str = "auto",
    prepare: bool = True,
) -> ModelFile:
    """Returns the file that ``load_model`` runs, prepared if that is wanted."""
    if name_or_path == locate.AUTO:
        name_or_path, path = locate.choose()
    else:
        path = locate.locate(name_or_path)
    data = flatbuffer.load(path)
    wanted = Wanted(
        name=printable(Path(name_or_path).stem)[:_LONGEST_NAME],
        labels=labels,
        prepare=prepare,
        target=this_machine(),
        backend=backend,
    )
    try:
        manifest.check_labels(labels)
        if path in [model.path for model in BUNDLED.values()]:
            return model_file.read(data, labels=labels)
        return _checked(path, data, wanted)
    except (LabelsError, ModelError) as error:
        raise type(error)(f"{path}: {one_line(str(error))}") from error


def _checked(path: Path, data: bytes, wanted: Wanted) -> ModelFile:
    """Returns what to run of a file that anybody may have made, prepared if that is wanted."""
    key = tried.key(data, wanted, backends.runtime(wanted.backend))
    known, read = tried.recall(key, data), None
    if known is None:
        from edgevid.models import trial  # here: a file is tried once

        read = model_file.read(data, name=wanted.name, labels=wanted.labels)
        taught = read.manifest.head is not None
        needed = wanted.prepare and read.signature.alpha is None and not taught
        done = trial.run(path, data, replace(wanted, prepare=needed))
        known = Tried(data if done.prepared is None else done.prepared, done.problem)
        try:
            tried.remember(key, done)
        except (OutputError, ModelError) as error:
            _log().info("what became of %s is not kept: %s", path, error)
    if known.problem:
        _log().warning("%s runs as it is, slower and unable to forget: %s", path, known.problem)
    if read is not None and known.data is data:
        return read
    return model_file.read(known.data, name=wanted.name, labels=wanted.labels)


def _log() -> logging.Logger:
    import logging  # here: it takes a megabyte, and there is seldom anything to say

    return logging.getLogger("edgevid")
