"""An archive that is written while cameras are watched, bounded in bytes and days."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.archive import tables, work
from edgevid.archive.store import Archive, Description
from edgevid.archive.tables import Indexed
from edgevid.errors import OutputError, SourceError, UsageError
from edgevid.records import Event, Prediction
from edgevid.runtime.feature_file import Network
from edgevid.runtime.model import Model

PERIOD_S = 600.0  # of one camera, in memory until they are written: 6 MB at five steps a second

Row = dict[str, Any]


class LiveArchive:
    """Takes what streams see, and writes ten minutes of a camera at a time.

    Where several things are followed less than that: as many rows as one stream has in ten minutes.
    Belongs to one thread. A crash costs what was not written yet.

    Args:
        folder: of the archive; gone on with when there is one.
        model: whose streams they are.
        name: the model's, as it was asked for.
        budget_mb: megabytes, 10**6 bytes, that the archive may take up.
        days: that it reaches back.

    Raises:
        OutputError: the archive cannot be written.
        UsageError: it is of another model, or the model gives no features.
        MissingDependencyError: PyArrow is not installed.
    """

    def __init__(
        self, folder: Path, model: Model, name: str, *, budget_mb: float, days: float
    ) -> None:
        if not budget_mb > 0 or not days > 0:
            raise UsageError("an archive needs a budget and days over 0")
        self._fps = model.manifest.fps
        network = Network.of(model)
        self._features = network.features
        labels, follow = model.manifest.labels, ""
        with suppress(SourceError):  # there is none yet
            known = Archive(folder).description
            follow = known.follow  # which is how recordings come in: cameras follow what they will
            if model.manifest.head is not None:
                # Of the same network: what is there goes on, with the labels that it has.
                labels = known.labels
        self._archive = Archive.create(folder, Description(network, name, labels, follow))
        self._budget = budget_mb * 1e6
        self._days = timedelta(days=days)
        self._most = round(PERIOD_S * self._fps)  # rows
        self._waiting: dict[str, _Waiting] = {}
        self._merged = ""  # the day on which that was done last
        self._trim()

    def add(
        self,
        camera: str,
        seen: Sequence[tuple[Prediction, NDArray[np.float32]]],
        events: Sequence[Event],
        at: float | None = None,
    ) -> None:
        """Takes a camera's step, right after it.

        Args:
            camera: its name.
            seen: what its stream said and its features, float32 ``[features]``; the same of each
                track where things are followed, and nothing while there is none.
            events: what started or ended with it.
            at: when its picture was taken, seconds since 1970; now when None.

        Raises:
            OutputError: what is waiting cannot be written, and is lost.
        """
        at = time.time() if at is None else at
        of = {prediction.track: prediction.timestamp for prediction, _ in seen}
        now: list[Event] = []
        before: list[Event] = []
        for event in events:
            # What the end of a track, or a jump in time, has ended belongs to the step before.
            (now if event.timestamp >= of.get(event.track, np.inf) else before).append(event)
        if camera in self._waiting:
            waiting = self._waiting[camera]
            waiting.tell(before)
            passed = at - waiting.began.timestamp()
            if not 0 <= passed < PERIOD_S or len(waiting.rows) >= self._most:
                self.write(camera)
        if camera not in self._waiting:
            if not seen:
                return
            self._waiting[camera] = _Waiting(datetime.fromtimestamp(at, UTC))
        self._waiting[camera].add(seen, now, at)

    def end(self, camera: str, events: Sequence[Event] = ()) -> None:
        """What a camera shows next has nothing to do with what it showed before.

        Args:
            camera: its name.
            events: what ended with that.
        """
        if camera in self._waiting:
            self._waiting[camera].tell(events)
            self._waiting[camera].last = {}

    def write(self, camera: str) -> None:
        """Writes what waits of a camera; what comes next is another recording.

        Raises:
            OutputError: it cannot be written, and is lost.
        """
        waiting = self._waiting.pop(camera, None)
        if waiting is None:
            return
        began, rows = waiting.began, waiting.rows
        content = sha256(f"{camera} {began.isoformat()}".encode()).hexdigest()[:32]
        for row in rows:
            row.update(content=content, source=f"{tables.CAMERA}{camera}", clock="camera")
        last = rows[-1]["seconds"] + 1 / self._fps
        steps, windowed = io.BytesIO(), io.BytesIO()
        rows.sort(key=tables.of_track)
        tables.write_rows([rows], self._features, self._fps, steps, windowed)
        indexed = Indexed(camera, began, content, waiting.steps, last, waiting.steps)
        self._trim(len(steps.getvalue()) + len(windowed.getvalue()))
        work.keep(self._archive.folder, indexed, steps.getvalue(), windowed.getvalue())
        if self._merged != f"{began:%Y-%m-%d}":
            self._merged = f"{began:%Y-%m-%d}"
            with suppress(OutputError), self._archive.locked():  # another process may do it
                self._archive.merge()

    def close(self) -> None:
        """Writes what waits.

        Raises:
            OutputError: it cannot be written.
        """
        for camera in list(self._waiting):
            self.write(camera)

    def _trim(self, room: int = 0) -> None:
        """Takes away the oldest files, until there is room and none is too old."""
        archive = self._archive
        parts = sorted(archive.parts(), key=lambda part: (part.day, part.name))
        sizes = {
            part: sum(path.stat().st_size for path in (archive.steps(part), archive.windows(part)))
            for part in parts
        }
        total = sum(sizes.values()) + room
        oldest = f"{datetime.now(UTC) - self._days:%Y-%m-%d}"
        for part in parts:
            if total <= self._budget and part.day >= oldest:
                return
            archive.remove(part)
            total -= sizes[part]


@dataclass
class _Waiting:
    """What was seen of a camera and is not written yet.

    Attributes:
        began: when its first step was.
        rows: of its steps.
        steps: how many there were.
        last: the rows of the last one, by track, where the next belongs to it.
    """

    began: datetime
    rows: list[Row] = field(default_factory=list)
    steps: int = 0
    last: dict[int | None, Row] = field(default_factory=dict)

    def tell(self, events: Sequence[Event]) -> None:
        """Takes events of the last step."""
        tables.tell(events, self.last)

    def add(
        self,
        seen: Sequence[tuple[Prediction, NDArray[np.float32]]],
        events: Sequence[Event],
        at: float,
    ) -> None:
        """Takes the next step."""
        rows = {
            prediction.track: tables.row(
                prediction,
                features,
                began=self.began,
                seconds=max(0.0, round(at - self.began.timestamp(), 6)),  # which it rounds
                step=self.steps,
                fresh=prediction.track not in self.last,
            )
            for prediction, features in seen
        }
        tables.tell(events, rows)
        self.rows += rows.values()
        self.steps += bool(rows)
        self.last = rows
