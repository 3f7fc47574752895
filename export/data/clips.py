"""Labelled clips from whatever people keep them in: folders, lists, TFRecord files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgevid import labelled
from edgevid.errors import SourceError
from edgevid.labelled import Clip, Part, check, deal, hold_out, with_groups
from edgevid.sources.folders import is_hidden

__all__ = ["Clip", "Part", "check", "deal", "hold_out", "read", "with_groups"]


def read(source: Path, *, root: Path | None = None, labels: Sequence[str] = ()) -> list[Clip]:
    """Reads clips from whatever ``source`` is.

    Args:
        source: what ``edgevid.labelled.read`` takes; or a TFRecord file of SequenceExamples, or
            a folder of such files.
        root: where the paths of a list start; the list's own folder when None.
        labels: names for numeric labels, from 0.

    Raises:
        SourceError: nothing there, or a file that is none of these.
    """
    if source.is_dir():
        shards = sorted(path for path in source.iterdir() if _is_tfrecord(path))
    else:
        shards = [source] if _is_tfrecord(source) else []
    if not shards:
        return labelled.read(source, root=root, labels=labels)
    found = [clip for shard in shards for clip in _tfrecord(shard, labels)]
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
