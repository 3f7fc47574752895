"""Messages that wait on disk until the broker has them: bounded, in order, through any crash.

SQLite does the work. Its write-ahead log makes each call whole or not done at all, whenever the
process is killed, and ``add`` returns when the message is on the disk, so a power cut takes none.
While the disk is full, messages wait in memory, and go to the disk when there is room again.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path

_LOG = logging.getLogger("edgevid.mqtt")


@dataclass(frozen=True, slots=True)
class Message:
    """One message that waits; each has the number after that of the one before."""

    number: int
    camera: str
    payload: bytes


class Outbox:
    """A queue on disk. Any thread may use it.

    Args:
        path: the file; made if it is not there, put aside if it is damaged.
        keep: how many messages may wait; beyond that the oldest are dropped.

    Attributes:
        dropped: how many were dropped since it was opened.
    """

    def __init__(self, path: Path, keep: int) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._disk = _open(path)
        self._disk_is_well = True
        self._unsaved: deque[Message] = deque()  # newer than all that is on the disk
        oldest, newest = self._disk.execute(
            "SELECT coalesce(min(number), 1), coalesce(max(number), 0) FROM message"
        ).fetchone()
        # The numbers have no gaps: what waits is what lies between these two.
        self._gone: int = oldest - 1
        self._newest: int = newest
        self.dropped = 0

    def __len__(self) -> int:
        with self._lock:
            return self._newest - self._gone

    def add(self, camera: str, payload: bytes) -> None:
        """Puts a message at the end. It is on the disk when this returns, if the disk is well."""
        with self._lock:
            self._newest += 1
            self._unsaved.append(Message(self._newest, camera, payload))
            excess = self._newest - self._gone - self._keep
            if excess > 0:
                self._drop(excess)
            self._save()

    def first(self) -> Message | None:
        """Returns the oldest message, which stays; None when there is none."""
        with self._lock:
            try:
                row = self._disk.execute(
                    "SELECT number, camera, payload FROM message WHERE number > ? "
                    "ORDER BY number LIMIT 1",
                    (self._gone,),
                ).fetchone()
            except sqlite3.Error as error:
                self._complain(error)
                return None
            if row:
                return Message(*row)
            return self._unsaved[0] if self._unsaved else None

    def done(self, message: Message) -> None:
        """Takes the oldest message out. Harmless when it has been dropped meanwhile."""
        with self._lock:
            self._gone = max(self._gone, message.number)
            self._save()

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._save()
            if self._unsaved:
                _LOG.error("%d events are lost: the disk does not take them", len(self._unsaved))
            self._disk.close()

    def _drop(self, count: int) -> None:
        if not self.dropped:
            _LOG.error("%d events wait, which is all that may: the oldest are dropped", self._keep)
        self._gone += count
        self.dropped += count

    def _save(self) -> None:
        """Brings the disk up to what is known. What fails is tried again with the next call."""
        while self._unsaved and self._unsaved[0].number <= self._gone:
            self._unsaved.popleft()
        try:
            with self._disk:  # both or neither
                self._disk.execute("BEGIN")
                self._disk.execute("DELETE FROM message WHERE number <= ?", (self._gone,))
                self._disk.executemany(
                    "INSERT INTO message VALUES (?, ?, ?)",
                    [(m.number, m.camera, m.payload) for m in self._unsaved],
                )
        except sqlite3.Error as error:
            self._complain(error)
            return
        if not self._disk_is_well:
            _LOG.info("events wait on the disk again")
        self._disk_is_well = True
        self._unsaved.clear()

    def _complain(self, error: sqlite3.Error) -> None:
        if self._disk_is_well:
            _LOG.error("events wait in memory, since the disk does not take them: %s", error)
        self._disk_is_well = False


def _open(path: Path) -> sqlite3.Connection:
    try:
        try:
            return _connect(str(path))
        except sqlite3.OperationalError:
            raise  # it cannot be read or written, which does not mean that it is damaged
        except sqlite3.DatabaseError as error:
            aside = path.with_name(path.name + ".damaged")
            _LOG.error("%s: %s: it is put aside as %s", path, error, aside.name)
            path.replace(aside)
            for left_over in ("-wal", "-shm"):
                path.with_name(path.name + left_over).unlink(missing_ok=True)
            return _connect(str(path))
    except (sqlite3.Error, OSError) as error:
        _LOG.error("%s: %s: events that wait will not survive a restart", path, error)
        return _connect(":memory:")


def _connect(path: str) -> sqlite3.Connection:
    disk = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        disk.execute("PRAGMA locking_mode = EXCLUSIVE")  # a second service would send all twice
        disk.execute("PRAGMA journal_mode = WAL")
        disk.execute("PRAGMA synchronous = FULL")  # each commit reaches the disk
        disk.execute(
            "CREATE TABLE IF NOT EXISTS message "
            "(number INTEGER PRIMARY KEY, camera TEXT NOT NULL, payload BLOB NOT NULL)"
        )
        if disk.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("it is damaged")
    except sqlite3.Error:
        disk.close()
        raise
    return disk
