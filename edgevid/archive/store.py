"""An archive on disk: which recordings it holds, how new ones come in, how small files are merged.

``steps/camera=NAME/day=YYYY-MM-DD/FILE.parquet`` holds the steps, ``windows/`` beside it a file of
the same name with the windows. A recording is in the archive when its file of steps is there;
windows without steps are not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from edgevid.archive import libraries
from edgevid.archive.tables import Indexed, TableWriter, steps_schema, windows_schema
from edgevid.errors import OutputError, SourceError, UsageError
from edgevid.runtime.feature_file import Network
from edgevid.support.atomic_file import atomic_file, is_unfinished, sweep
from edgevid.support.file_lock import lock

FORMAT = 2
_DESCRIPTION = "archive.json"
_MERGING = "merging.json"
STEPS, WINDOWS = "steps", "windows"
_LARGE = 64_000_000  # bytes of steps from which a file is left as it is: four hours


@dataclass(frozen=True)
class Description:
    """What an archive is of.

    Attributes:
        network: what its features are of.
        model: the model's name or path, as it was given.
        labels: the model's.
        follow: what is followed, besides the whole picture; empty for nothing.
    """

    network: Network
    model: str
    labels: tuple[str, ...]
    follow: str = ""


@dataclass(frozen=True)
class Part:
    """One file of an archive.

    Attributes:
        folder: its partition, ``camera=NAME/day=YYYY-MM-DD``.
        name: of both its files.
    """

    folder: str
    name: str

    @property
    def camera(self) -> str:
        """The camera's name."""
        return unquote(self.folder.split("/")[0].removeprefix("camera="))

    @property
    def day(self) -> str:
        """The day on which its recordings begin, ``YYYY-MM-DD`` in UTC."""
        return self.folder.rpartition("=")[2]


class Archive:
    """A folder of Parquet files.

    Args:
        folder: one that ``create`` has made.

    Attributes:
        folder: as given.
        description: what it is of.

    Raises:
        SourceError: it is no archive, or one of a later format.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            told = json.loads((folder / _DESCRIPTION).read_text("utf-8"))
            known = told["format"]
            if known == FORMAT:
                self.description = Description(
                    Network(**told["network"]), told["model"], tuple(told["labels"]), told["follow"]
                )
        except FileNotFoundError as error:
            raise SourceError(
                f"{folder}: is no archive: python -m edgevid.archive index RECORDINGS --to {folder}"
            ) from error
        except OSError as error:
            raise SourceError(f"{folder}: cannot be read: {error.strerror}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(f"{folder}: {_DESCRIPTION} is damaged") from error
        if known != FORMAT:
            raise SourceError(f"{folder}: is of format {known!r}, and this edgevid reads {FORMAT}")

    @classmethod
    def create(cls, folder: Path, description: Description) -> Archive:
        """Opens an archive to write to; makes it when there is none.

        Raises:
            OutputError: nothing can be written there.
            UsageError: it is of another model, or a folder of something else.
        """
        path = folder / _DESCRIPTION
        if not path.exists():
            with suppress(OSError):
                if any(not is_unfinished(entry) for entry in folder.iterdir()):
                    raise UsageError(f"{folder}: is no archive, and not empty: give a new folder")
            told = {"format": FORMAT, **asdict(description)}
            with atomic_file(path, make_folder=True) as file:
                file.write(json.dumps(told, indent=1).encode())
        archive = cls(folder)
        known = archive.description
        if known.network != description.network and not known.network.is_that_of(
            description.network
        ):
            raise UsageError(
                f"{folder}: holds what {known.network.model} saw: name that model, or another "
                "folder"
            )
        if known.labels != description.labels:
            raise UsageError(f"{folder}: holds other labels than the model has")
        if known.follow != description.follow:
            wanted = f"--follow {known.follow}" if known.follow else "without --follow"
            raise UsageError(f"{folder}: was begun {wanted}: go on so, or give another folder")
        return archive

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from writing to it, and tidies up what a killed one has left.

        Raises:
            OutputError: another process writes to it.
        """
        with (self.folder / _DESCRIPTION).open("rb") as file:
            lock(file, f"{self.folder}: another process writes to it")
            self._tidy()
            yield

    def parts(self) -> list[Part]:
        """Returns its files, by camera and day, without those that a merge has replaced."""
        replaced = self._replaced()
        found = [
            Part(str(path.parent.relative_to(self.folder / STEPS)), path.name)
            for path in (self.folder / STEPS).glob("camera=*/day=*/*.parquet")
            if not is_unfinished(path)
        ]
        return sorted((p for p in found if p not in replaced), key=lambda p: (p.folder, p.name))

    def steps(self, part: Part) -> Path:
        """Returns where a part's steps are."""
        return self.folder / STEPS / part.folder / part.name

    def windows(self, part: Part) -> Path:
        """Returns where a part's windows are."""
        return self.folder / WINDOWS / part.folder / part.name

    def contents(self) -> dict[str, Part]:
        """Returns what is in it: which recordings, by content, and in which file."""
        found: dict[str, Part] = {}
        for part in self.parts():
            for content in self._contents(part):
                found.setdefault(content, part)
        return found

    def places(self, indexed: Indexed) -> tuple[Path, Path]:
        """Returns where a recording's steps and windows are to be.

        Raises:
            OutputError: there can be no such folder.
        """
        part = Part(indexed.folder, indexed.file)
        paths = self.steps(part), self.windows(part)
        for path in paths:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
        return paths

    def merge(self) -> int:
        """Merges the small files of each camera and day; returns how many are no more.

        A reader that looks while files are exchanged sees either the old ones or the new one:
        ``merging.json`` says which old ones a new one replaces.

        Raises:
            OutputError: there is no room for the new ones.
        """
        by_folder: dict[str, list[Part]] = {}
        for part in self.parts():
            if self.steps(part).stat().st_size < _LARGE:
                by_folder.setdefault(part.folder, []).append(part)
        merged = 0
        for parts in by_folder.values():
            for some in self._batches(parts):
                self._merge(some)
                merged += len(some) - 1
        return merged

    def remove(self, part: Part) -> None:
        """Takes a file away."""
        self.steps(part).unlink(missing_ok=True)
        self.windows(part).unlink(missing_ok=True)
        for path in (self.steps(part), self.windows(part)):
            for folder in (path.parent, path.parent.parent):
                with suppress(OSError):
                    folder.rmdir()

    def _batches(self, parts: Sequence[Part]) -> Iterator[list[Part]]:
        batch: list[Part] = []
        size = 0
        for part in parts:
            batch.append(part)
            size += self.steps(part).stat().st_size
            if size >= _LARGE:
                yield batch
                batch, size = [], 0
        if len(batch) > 1:
            yield batch

    def _merge(self, parts: Sequence[Part]) -> None:
        if len(parts) < 2:
            return
        names = "".join(part.name for part in parts)
        prefix = parts[0].name.split("-")[0]
        new = Part(parts[0].folder, f"{prefix}-m{sha256(names.encode()).hexdigest()[:31]}.parquet")
        features = self.description.network.features
        with (
            atomic_file(self.steps(new)) as steps,
            atomic_file(self.windows(new)) as windowed,
        ):
            _join([self.steps(part) for part in parts], steps, steps_schema(features))
            _join([self.windows(part) for part in parts], windowed, windows_schema(features))
            told = {"new": asdict(new), "old": [asdict(part) for part in parts]}
            with atomic_file(self.folder / _MERGING) as file:
                file.write(json.dumps(told).encode())
        self._tidy_merge()

    def _replaced(self) -> set[Part]:
        """Returns the files that a merge has replaced and not yet taken away."""
        try:
            told = json.loads((self.folder / _MERGING).read_text("utf-8"))
            new = Part(**told["new"])
            old = {Part(**part) for part in told["old"]}
        except (OSError, ValueError, KeyError, TypeError):
            return set()
        return old if self.steps(new).exists() else set()

    def _tidy_merge(self) -> None:
        for part in self._replaced():
            self.remove(part)
        (self.folder / _MERGING).unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Takes away what killed processes have left."""
        self._tidy_merge()
        whole = {part.folder + part.name for part in self.parts()}
        for table in (STEPS, WINDOWS):
            for folder in (self.folder / table).glob("camera=*/day=*"):
                sweep(folder)
        sweep(self.folder)
        for path in (self.folder / WINDOWS).glob("camera=*/day=*/*.parquet"):
            part = Part(str(path.parent.relative_to(self.folder / WINDOWS)), path.name)
            if part.folder + part.name not in whole and not is_unfinished(path):
                path.unlink(missing_ok=True)
        self._tidy_doubles()

    def _tidy_doubles(self) -> None:
        """Takes away a recording's own file where a merged one holds it as well."""
        seen: dict[str, Part] = {}
        for part in sorted(self.parts(), key=lambda part: "-m" not in part.name):
            contents = self._contents(part)
            if len(contents) == 1 and contents[0] in seen:
                self.remove(part)
            for content in contents:
                seen.setdefault(content, part)

    def _contents(self, part: Part) -> list[str]:
        name = part.name.rpartition(".")[0].rpartition("-")[2]
        if len(name) == 32 and not name.startswith("m"):
            return [name]
        pq = libraries.pyarrow().parquet
        try:
            table = pq.read_table(self.windows(part), columns=["content"], partitioning=None)
        except OSError as error:
            raise SourceError(f"{self.windows(part)}: cannot be read: {error}") from error
        return [str(value) for value in table["content"].unique().to_pylist()]


def _join(paths: Sequence[Path], file: Any, schema: Any) -> None:
    """Writes the rows of some files into one, an hour at a time."""
    pa = libraries.pyarrow()
    writer = TableWriter(file, schema)
    waiting: list[Any] = []
    rows = 0
    for path in paths:
        with pa.parquet.ParquetFile(path) as parquet:
            for batch in parquet.iter_batches(batch_size=4096):
                waiting.append(pa.Table.from_batches([batch]).cast(schema))
                rows += batch.num_rows
                if rows >= 16384:
                    writer.table(pa.concat_tables(waiting).combine_chunks())
                    waiting, rows = [], 0
    if waiting:
        writer.table(pa.concat_tables(waiting).combine_chunks())
    writer.close()
