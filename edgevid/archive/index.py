"""Recordings become an archive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from edgevid.archive import cluster, processes, work
from edgevid.archive.recordings import Recording
from edgevid.archive.store import Archive, Description
from edgevid.archive.tables import Indexed
from edgevid.archive.work import Settings, Task
from edgevid.errors import EdgevidError, OutputError, SourceError
from edgevid.models.load import load_model
from edgevid.runtime.feature_file import Network

Progress = Callable[[Recording, Indexed | None], None]


@dataclass
class Report:
    """How an index run went.

    Attributes:
        indexed: recordings that came in.
        known: recordings that were there, by content.
        seconds: of video that came in.
        problems: a line for each recording that is missing, or whose end is.
    """

    indexed: int = 0
    known: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


def index(
    recordings: Sequence[Recording],
    to: Path,
    settings: Settings | None = None,
    *,
    workers: int | None = None,
    ray: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Takes recordings into an archive, which is made when there is none.

    Can be interrupted at any moment, and begun again: what is in the archive is not indexed again,
    whatever it is called by then.

    Args:
        recordings: from ``recordings.find``.
        to: the archive's folder.
        settings: how they are watched.
        workers: processes on this machine; as many as it has cores when None.
        ray: address of a Ray cluster to be used instead of processes; ``local`` starts one here.
        progress: is told of each recording that is done with, and what became of it.

    Raises:
        UsageError: the model gives no features, or the archive is of another.
        OutputError: the archive cannot be written, or another process writes to it.
        MissingDependencyError: PyArrow or Ray is not installed.

    Example:
        >>> from edgevid.archive import find, index
        >>> report = index(find(["recordings"]), Path("archive"))  # doctest: +SKIP
        >>> report.indexed  # doctest: +SKIP
        2
    """
    settings = settings or Settings()
    model = load_model(settings.model, labels=settings.labels, backend=settings.backend)
    if settings.follow is not None:
        settings.follow(model.stream, None)  # what is wrong with a detector is said once
    description = Description(
        Network.of(model),
        settings.model,
        model.manifest.labels,
        settings.follow.what if settings.follow is not None else "",
    )
    archive = Archive.create(to, description)
    report = Report()
    tell = progress or (lambda recording, indexed: None)
    with archive.locked():
        try:
            tasks = _new(recordings, archive, report, tell)
            for task, result in _run(tasks, to, settings, workers, ray):
                if isinstance(result, OutputError):
                    raise result
                if isinstance(result, EdgevidError):
                    name = task.recording.name
                    said = str(result).removeprefix(f"{name}: ")
                    report.problems.append(f"{name}: {said}")
                    tell(task.recording, None)
                else:
                    report.indexed += 1
                    report.seconds += result.seconds
                    report.problems += [result.problem] if result.problem else []
                    tell(task.recording, result)
        finally:
            archive.merge()
    return report


def _new(
    recordings: Iterable[Recording], archive: Archive, report: Report, tell: Progress
) -> Iterator[Task]:
    """Yields the recordings that are not in the archive yet."""
    known = set(archive.contents())
    for recording in recordings:
        try:
            content = recording.content()
        except SourceError as error:
            report.problems.append(str(error))
            tell(recording, None)
            continue
        if content in known:
            report.known += 1
            tell(recording, None)
            continue
        known.add(content)
        yield Task(recording, content)


def _run(
    tasks: Iterable[Task], to: Path, settings: Settings, workers: int | None, ray: str | None
) -> Iterator[tuple[Task, Indexed | EdgevidError]]:
    if ray is None:
        into = partial(work.into_archive, settings, to.absolute())
        yield from processes.run(into, tasks, workers or processes.cores())
        return
    for task, result in cluster.run(partial(work.into_memory, settings), tasks, ray):
        if isinstance(result, EdgevidError):
            yield task, result
        else:
            work.keep(to, *result)
            yield task, result[0]
