"""What a worker does, wherever it runs: one recording at a time through one model."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from edgevid.archive import tables
from edgevid.archive.recordings import Recording
from edgevid.archive.store import Archive
from edgevid.archive.tables import Follow, Indexed
from edgevid.models.load import load_model
from edgevid.runtime.model import Model
from edgevid.runtime.rules import RuleChanges, load_rules
from edgevid.support.atomic_file import atomic_file


@dataclass(frozen=True)
class Settings:
    """How recordings are watched.

    Attributes:
        model: a name or a path.
        labels: a file of labels; the model's own when None.
        backend: which runtime.
        rules: of events: a name or a file; the model's own when None.
        follow: what is followed besides the whole picture, ``edgevid.regions.Follow("motion")``
            for one; None for nothing.
    """

    model: str = "auto"
    labels: str | None = None
    backend: str = "auto"
    rules: str | None = None
    follow: Follow | None = None

    def load(self) -> Model:
        """Loads the model, once in a process."""
        return _loaded(self)


@dataclass(frozen=True)
class Task:
    """A recording to be indexed.

    Attributes:
        recording: which.
        content: ``recording.content()``.
    """

    recording: Recording
    content: str


@lru_cache(maxsize=1)
def _loaded(settings: Settings) -> Model:
    return load_model(settings.model, labels=settings.labels, threads=1, backend=settings.backend)


def into_memory(settings: Settings, task: Task) -> tuple[Indexed, bytes, bytes]:
    """Indexes a recording; returns what became of it, its steps and its windows as Parquet.

    Raises:
        EdgevidError: it cannot be.
    """
    model = settings.load()
    changes = load_rules(settings.rules) if settings.rules is not None else RuleChanges()
    rules = changes.over(model.manifest.events, model.manifest.labels)
    steps, windowed = io.BytesIO(), io.BytesIO()
    indexed = tables.write(
        task.recording, task.content, model, rules, steps, windowed, follow=settings.follow
    )
    return indexed, steps.getvalue(), windowed.getvalue()


def keep(folder: Path, indexed: Indexed, steps: bytes, windowed: bytes) -> None:
    """Puts what ``into_memory`` returned into an archive.

    Raises:
        OutputError: it cannot be written; then nothing of it is there.
    """
    places = Archive(folder).places(indexed)
    # Windows get their name first, so that steps always have theirs.
    with atomic_file(places[0]) as one, atomic_file(places[1]) as other:
        one.write(steps)
        other.write(windowed)


def into_archive(settings: Settings, folder: Path, task: Task) -> Indexed:
    """Indexes a recording into an archive on this machine; returns what became of it.

    Raises:
        EdgevidError: it cannot be; then nothing of it is there.
    """
    indexed, steps, windowed = into_memory(settings, task)
    keep(folder, indexed, steps, windowed)
    return indexed
