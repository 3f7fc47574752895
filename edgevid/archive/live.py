"""An archive that is written while cameras are watched, bounded in bytes and days."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from contextlib import suppress
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

PERIOD_S = 600.0  # of one camera, in memory until they are written: 3 MB at five steps a second


class LiveArchive:
    """Takes what streams see, and writes ten minutes of a camera at a time.

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
        labels = model.manifest.labels
        if model.manifest.head is not None:
            # Of the same network: what is there goes on, and its labels are those of the archive.
            with suppress(SourceError):
                labels = Archive(folder).description.labels
        self._archive = Archive.create(folder, Description(network, name, labels))
        self._budget = budget_mb * 1e6
        self._days = timedelta(days=days)
        self._waiting: dict[str, list[dict[str, Any]]] = {}
        self._fresh: set[str] = set()  # cameras whose last step has nothing to do with the next
        self._merged = ""  # the day on which that was done last
        self._trim()

    def add(
        self,
        camera: str,
        features: NDArray[np.float32],
        prediction: Prediction,
        events: Sequence[Event],
        at: float | None = None,
    ) -> None:
        """Takes a camera's step, right after it.

        Args:
            camera: its name.
            features: its stream's, float32 ``[features]``.
            prediction: what it said.
            events: what started or ended with it.
            at: when its picture was taken, seconds since 1970; now when None.

        Raises:
            OutputError: what is waiting cannot be written, and is lost.
        """
        at = time.time() if at is None else at
        rows = self._waiting.setdefault(camera, [])
        if rows and not 0 <= at - rows[0]["time"].timestamp() < PERIOD_S:
            self.write(camera)
            rows = self._waiting.setdefault(camera, [])
        began = rows[0]["time"].timestamp() if rows else at
        rows.append(
            tables.row(
                prediction,
                events,
                features,
                began=datetime.fromtimestamp(began, UTC),
                seconds=round(at - began, 6),
                step=len(rows),
                fresh=not rows or camera in self._fresh,
            )
        )
        self._fresh.discard(camera)

    def end(self, camera: str) -> None:
        """What a camera shows next has nothing to do with what it showed before."""
        self._fresh.add(camera)

    def write(self, camera: str) -> None:
        """Writes what waits of a camera.

        Raises:
            OutputError: it cannot be written, and is lost.
        """
        rows = self._waiting.pop(camera, [])
        if not rows:
            return
        began = rows[0]["time"]
        content = sha256(f"{camera} {began.isoformat()}".encode()).hexdigest()[:32]
        for row in rows:
            row.update(content=content, source=f"camera:{camera}", clock="camera")
        steps, windowed = io.BytesIO(), io.BytesIO()
        tables.write_rows([rows], self._features, self._fps, steps, windowed)
        last = rows[-1]["seconds"] + 1 / self._fps
        indexed = Indexed(camera, began, content, len(rows), last, len(rows))
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
