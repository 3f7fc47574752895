"""Clips from whatever people keep them in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgevid.errors import SourceError
from edgevid.sources.folders import is_hidden
from export.data.clips import folders, lists
from export.data.clips.clip import Clip


def read(source: Path, *, root: Path | None = None, labels: Sequence[str] = ()) -> list[Clip]:
    """Reads clips from whatever ``source`` is.

    Args:
        source: a folder with a folder for each class; a list, as ``lists.read`` takes it; or a
            TFRecord file of SequenceExamples, or a folder of such files.
        root: where the paths of a list start; the list's own folder when None.
        labels: names for numeric labels, from 0.

    Raises:
        SourceError: nothing there, or a file that is none of these.
    """
    if source.is_dir():
        shards = sorted(path for path in source.iterdir() if _is_tfrecord(path))
        if not shards:
            return folders.read(source, labels)
        return [clip for shard in shards for clip in _tfrecord(shard, labels)]
    if not source.is_file():
        raise SourceError(f"{source}: no such folder or list of clips")
    if _is_tfrecord(source):
        found = _tfrecord(source, labels)
    else:
        found = lists.read(source, root or source.parent, labels)
    if not found:
        raise SourceError(f"{source}: names no clip")
    return found


def _is_tfrecord(path: Path) -> bool:
    """Whether a file's name says so; ``train.tfrecord-00003-of-00010`` is one of several."""
    return ".tfrecord" in path.name.lower() and path.is_file() and not is_hidden(path)


def _tfrecord(source: Path, labels: Sequence[str]) -> list[Clip]:
    from export.data import tfrecord  # here, for it needs TensorFlow, and other lists do not

    found = []
    for offset, example in tfrecord.records(source):
        try:
            label = tfrecord.label_of(example, labels)
        except SourceError as error:
            raise SourceError(f"{source} at byte {offset}: {error}") from error
        found.append(Clip(source, label, group=tfrecord.media_of(example), record=offset))
    return found
