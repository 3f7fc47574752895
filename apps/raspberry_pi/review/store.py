"""What the owner has said, in a SQLite database: once a call has returned, no crash takes it.

The videos that something was said of are linked into a folder beside it, since the folder of clips
makes room for new ones.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.raspberry_pi import in_use
from edgevid import OutputError, UsageError

RIGHT, WRONG, OTHER = "right", "wrong", "other"
VERDICTS = (RIGHT, WRONG, OTHER)
BACKGROUND = "background"  # the label of a clip in which nothing special happens
KEPT_MODELS = 5  # that can be gone back to

_DATABASE = "review.sqlite"
_VERSION = 1
_BUSY_S = 10.0
_LONGEST_LABEL = 64  # characters
# A commit is on the disk when it returns: synchronous = FULL also in WAL mode, where a power cut
# could else take the last ones.
_SETTINGS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON")
_TABLES = """
CREATE TABLE judgements (
    clip TEXT NOT NULL,             -- its video's name
    place INTEGER NOT NULL,         -- of the event among the clip's
    id TEXT NOT NULL,               -- the event's own, empty in old clips
    camera TEXT NOT NULL,
    label TEXT NOT NULL,            -- what was announced
    at REAL NOT NULL,               -- Unix seconds
    verdict TEXT NOT NULL CHECK (verdict IN ('right', 'wrong', 'other')),
    shows TEXT NOT NULL,            -- what it was: a label; empty where it was wrong
    start REAL NOT NULL,            -- seconds in the clip
    end REAL NOT NULL,
    said REAL NOT NULL,
    PRIMARY KEY (clip, place)
);
CREATE TABLE marks (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    clip TEXT NOT NULL,
    label TEXT NOT NULL,            -- 'background': nothing special happens in the clip
    start REAL NOT NULL,
    end REAL NOT NULL,
    said REAL NOT NULL
);
CREATE TABLE quiet (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    camera TEXT NOT NULL,
    start REAL NOT NULL,            -- Unix seconds
    end REAL NOT NULL,
    file TEXT NOT NULL,             -- its features
    said REAL NOT NULL,
    UNIQUE (camera, start, end)
);
CREATE TABLE models (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    made REAL NOT NULL,
    about TEXT NOT NULL             -- JSON: what it was taught, before and after
);
CREATE TABLE used (                 -- the last row is the model that runs
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    model INTEGER REFERENCES models (number),  -- null: that of edgevid.toml
    since REAL NOT NULL
);
CREATE TABLE drawings (
    camera TEXT PRIMARY KEY,
    parts TEXT NOT NULL             -- JSON: zones and masks
);
"""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the owner says of an event.

    Attributes:
        clip: the name of its video.
        place: which of the clip's events, from 0.
        id: the event's own; empty in clips that have none.
        camera: whose.
        label: what was announced.
        at: when, Unix seconds.
        verdict: one of ``VERDICTS``.
        shows: what it was; empty where it was wrong.
        start: of what it was, seconds in the clip.
        end: the same.
    """

    clip: str
    place: int
    id: str
    camera: str
    label: str
    at: float
    verdict: str
    shows: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of a clip, and what it shows; ``background``: nothing special, the whole clip."""

    clip: str
    label: str
    start: float
    end: float
    number: int = 0


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours in which nothing special happened before a camera, and the file of its features."""

    camera: str
    start: float
    end: float
    file: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Taught:
    """A model that was taught here.

    Attributes:
        number: also in the name of its file.
        made: when, Unix seconds.
        about: what it was taught, and what was measured.
    """

    number: int
    made: float
    about: Mapping[str, Any] = field(default_factory=dict)


class Store:
    """The database and its folders. Thread-safe.

    Args:
        folder: made if it is not there.

    Attributes:
        folder: as given.

    Raises:
        UsageError: another service has it.
        OutputError: it cannot be used.
    """

    def __init__(self, folder: Path, *, held: bool = True) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._held: int | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("clips", "models", "background", "features"):
                (folder / name).mkdir(exist_ok=True)
            if held:
                self._held = in_use.hold(folder, "state_folder in [service]")
        except OSError as error:
            raise OutputError(f"{folder}: cannot be used: {error.strerror}") from error
        with self._told():
            self._database = sqlite3.connect(
                folder / _DATABASE, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            for setting in _SETTINGS:
                self._database.execute(f"PRAGMA {setting}")
            self._make_tables()

    def _make_tables(self) -> None:
        with self._writing() as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version > _VERSION:
                raise UsageError(f"{self.folder / _DATABASE}: of a later version: upgrade edgevid")
            if not version:
                for statement in _TABLES.split(";\n"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {_VERSION}")

    def close(self) -> None:
        """Lets another service have it."""
        with self._lock:
            self._database.close()
        if self._held is not None:
            os.close(self._held)
            self._held = None

    # Clips

    def clip(self, name: str) -> Path:
        """Returns where a clip is that something was said of."""
        return self.folder / "clips" / name

    def _keep_clip(self, video: Path) -> None:
        """Has a clip stay, with its JSON file, whatever the budget of the clips' folder."""
        for source in (video.with_suffix(".json"), video):
            target = self.clip(source.name)
            if target.exists():
                continue
            try:
                os.link(source, target)
            except FileExistsError:
                continue
            except OSError:  # another file system
                waiting = target.with_name(f".{target.name}")
                try:
                    shutil.copy2(source, waiting)
                    with waiting.open("rb") as copied:
                        os.fsync(copied.fileno())
                    waiting.rename(target)
                except OSError as error:
                    raise OutputError(f"{target}: cannot be kept: {error.strerror}") from error
        folder = os.open(self.folder / "clips", os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    # What the owner says

    def judge(self, said: Judgement, video: Path) -> None:
        """Keeps what is said of an event, in place of what was said before.

        Args:
            said: it.
            video: where the clip is now.

        Raises:
            OutputError: it cannot be kept.
        """
        self._keep_clip(video)
        values = (
            *(said.clip, said.place, said.id, said.camera, said.label, said.at),
            *(said.verdict, said.shows, said.start, said.end, time.time()),
        )
        with self._writing() as database:
            database.execute(
                f"INSERT OR REPLACE INTO judgements VALUES ({','.join('?' * len(values))})", values
            )

    def forget_judgement(self, clip: str, place: int) -> None:
        """Takes back what was said of an event."""
        with self._writing() as database:
            database.execute("DELETE FROM judgements WHERE clip = ? AND place = ?", (clip, place))

    def mark(self, said: Mark, video: Path) -> int:
        """Keeps what a stretch of a clip shows; returns its number."""
        self._keep_clip(video)
        with self._writing() as database:
            same = (said.clip, said.label, said.start, said.end)
            database.execute(
                "DELETE FROM marks WHERE clip = ? AND label = ? AND start = ? AND end = ?", same
            )
            if said.label == BACKGROUND:  # it is all or nothing
                database.execute("DELETE FROM marks WHERE clip = ?", (said.clip,))
            else:
                gone = (said.clip, BACKGROUND)
                database.execute("DELETE FROM marks WHERE clip = ? AND label = ?", gone)
            done = database.execute(
                "INSERT INTO marks (clip, label, start, end, said) VALUES (?, ?, ?, ?, ?)",
                (*same, time.time()),
            )
            return int(done.lastrowid or 0)

    def forget_mark(self, number: int) -> None:
        """Takes back what was said of a stretch."""
        with self._writing() as database:
            database.execute("DELETE FROM marks WHERE number = ?", (number,))

    def offer_quiet(self, said: Quiet) -> None:
        """Keeps hours as background."""
        with self._writing() as database:
            database.execute(
                "INSERT OR REPLACE INTO quiet (camera, start, end, file, said) "
                "VALUES (?, ?, ?, ?, ?)",
                (said.camera, said.start, said.end, said.file, time.time()),
            )

    def forget_quiet(self, number: int) -> None:
        """Takes back that hours are background."""
        with self._writing() as database:
            database.execute("DELETE FROM quiet WHERE number = ?", (number,))
        self._tidy("background", {quiet.file for quiet in self.quiet()})

    def judgements(self) -> list[Judgement]:
        """Returns all that was said of events."""
        rows = self._read(
            "SELECT clip, place, id, camera, label, at, verdict, shows, start, end FROM judgements "
            "ORDER BY clip, place"
        )
        return [Judgement(*row) for row in rows]

    def marks(self) -> list[Mark]:
        """Returns all stretches."""
        rows = self._read("SELECT clip, label, start, end, number FROM marks ORDER BY clip, start")
        return [Mark(*row) for row in rows]

    def quiet(self) -> list[Quiet]:
        """Returns all hours that are background."""
        rows = self._read("SELECT camera, start, end, file, number FROM quiet ORDER BY start")
        return [Quiet(*row) for row in rows]

    # Models

    def model(self, number: int) -> Path:
        """Returns where the file of a taught model is."""
        return self.folder / "models" / f"taught-{number}.tflite"

    def new_number(self) -> int:
        """Returns the number of the model that is to be made next."""
        (row,) = self._read("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name='models'")
        return int(row[0]) + 1

    def add_model(self, number: int, about: Mapping[str, Any]) -> None:
        """Notes a model whose file is whole."""
        with self._writing() as database:
            database.execute(
                "INSERT INTO models VALUES (?, ?, ?)", (number, time.time(), json.dumps(about))
            )

    def models(self) -> list[Taught]:
        """Returns what was taught, newest first."""
        rows = self._read("SELECT number, made, about FROM models ORDER BY number DESC")
        return [Taught(number, made, json.loads(about)) for number, made, about in rows]

    def used(self) -> list[int | None]:
        """Returns which models ran, the one that runs first; None is that of edgevid.toml."""
        return [n for (n,) in self._read("SELECT model FROM used ORDER BY place DESC")] or [None]

    def use(self, number: int | None) -> None:
        """Has a model run from the next start on, and be gone back from."""
        with self._writing() as database:
            if not database.execute("SELECT 1 FROM used").fetchone():
                database.execute("INSERT INTO used (model, since) VALUES (NULL, ?)", (0.0,))
            database.execute("INSERT INTO used (model, since) VALUES (?, ?)", (number, time.time()))
            database.execute(
                "DELETE FROM used WHERE place NOT IN "
                "(SELECT place FROM used ORDER BY place DESC LIMIT ?)",
                (KEPT_MODELS + 1,),
            )
        self.forget_models()

    def undo(self) -> None:
        """Has the model run that ran before.

        Raises:
            UsageError: there was none.
        """
        with self._writing() as database:
            rows = database.execute("SELECT place FROM used ORDER BY place DESC LIMIT 2").fetchall()
            if len(rows) < 2:
                raise UsageError("there is no model to go back to")
            database.execute("DELETE FROM used WHERE place = ?", rows[0])

    def forget_models(self) -> None:
        """Deletes models that neither run, nor can be gone back to, nor are the last made."""
        kept = {number for number in self.used() if number is not None}
        kept |= {model.number for model in self.models()[:KEPT_MODELS]}
        with self._writing() as database:
            marks = ",".join("?" * len(kept))
            database.execute(f"DELETE FROM models WHERE number NOT IN ({marks})", tuple(kept))
        self._tidy("models", {self.model(number).stem for number in kept})

    def _tidy(self, name: str, kept: set[str]) -> None:
        """Deletes files of a folder whose names, or stems, are not among some."""
        with suppress(OSError):
            for path in (self.folder / name).iterdir():
                known = path.name in kept or path.stem in kept
                if known or path.name.removesuffix("-report") in kept or path.name.startswith("."):
                    continue
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    # Zones and masks

    def draw(self, camera: str, parts: Mapping[str, Any]) -> None:
        """Keeps a camera's zones and masks."""
        with self._writing() as database:
            database.execute(
                "INSERT OR REPLACE INTO drawings VALUES (?, ?)", (camera, json.dumps(parts))
            )

    def drawings(self) -> dict[str, Any]:
        """Returns each camera's zones and masks."""
        rows = self._read("SELECT camera, parts FROM drawings")
        return {camera: json.loads(parts) for camera, parts in rows}

    # SQLite

    def _read(self, query: str) -> list[tuple[Any, ...]]:
        with self._told(), self._lock:
            return self._database.execute(query).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing; on the disk when it ends."""
        with self._told(), self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise OutputError(f"{self.folder / _DATABASE}: {error}") from error


def label_problem(label: str) -> str:
    """Returns what is wrong with a label that somebody typed; empty when nothing is."""
    if not label:
        return "a label is missing"
    if len(label) > _LONGEST_LABEL:
        return f"a label has {_LONGEST_LABEL} characters at most"
    if not label.isprintable():
        return "a label is a line of plain text"
    if label.casefold() in (BACKGROUND, "none"):
        return f"{label} is what is nothing special: say that of the whole clip"
    return ""
