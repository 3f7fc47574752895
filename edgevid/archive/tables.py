"""One recording becomes rows of two Parquet tables: its steps, and windows of some seconds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from edgevid.archive import libraries, recordings, windows
from edgevid.archive.recordings import Recording
from edgevid.errors import SourceError
from edgevid.modelfile.manifest import EventRules
from edgevid.records import Event, Frame, Prediction
from edgevid.runtime.model import Model, Stream
from edgevid.runtime.ticks import LONGEST_GAP_S
from edgevid.runtime.watch import Watch
from edgevid.sources import open_source

CAMERA = "camera:"  # and its name: the source of what was never a recording
GROUP_STEPS = 18_000  # rows that a Parquet reader takes at once; an hour at five a second
_FLOAT16 = np.dtype("<f2")
_OF_FIRST = ("content", "source", "time", "seconds", "step")  # a window has its first step's


class Following(Protocol):
    """Watches several things in one picture: an ``edgevid.FollowingWatch``."""

    def take(self, frame: Frame) -> tuple[list[Prediction] | None, list[Event]]:
        """Takes the next frame; returns a prediction for each track, and events."""
        ...

    def features(self, track: int) -> NDArray[np.float32]:
        """Returns what the network saw of a track at its last step."""
        ...

    def end(self) -> list[Event]:
        """Ends what is going on, and returns it."""
        ...


class Follow(Protocol):
    """Says what is followed: an ``edgevid.regions.Follow``."""

    @property
    def what(self) -> str:
        """What it is called: an archive is of one kind."""
        ...

    def __call__(self, new_stream: Callable[[], Stream], rules: EventRules | None) -> Following:
        """Returns what watches a recording from its beginning."""
        ...


@dataclass(frozen=True)
class Indexed:
    """What became of a recording.

    Attributes:
        camera: its camera.
        began: when it begins, in UTC.
        content: what tells it from others.
        steps: rows.
        seconds: of video.
        frames: that were read.
        problem: why its end is missing; empty when it is whole.
    """

    camera: str
    began: datetime
    content: str
    steps: int
    seconds: float
    frames: int
    problem: str = ""

    @property
    def folder(self) -> str:
        """The partition that it belongs to."""
        return f"camera={quote(self.camera, safe='')}/day={self.began:%Y-%m-%d}"

    @property
    def file(self) -> str:
        """The name of its two files."""
        return f"{self.began:%H%M%S}-{self.content}.parquet"


def steps_schema(features: int) -> Any:
    """Returns the columns of the steps; ``features`` are float16, little-endian, in one piece."""
    pa = libraries.pyarrow()
    name = pa.dictionary(pa.int32(), pa.string())
    event = pa.struct(
        [
            ("state", pa.string()),
            ("label", pa.string()),
            ("probability", pa.float64()),
            ("zone", pa.string()),  # which older files have not
        ]
    )
    return pa.schema(
        [
            ("content", name),
            ("source", name),
            ("clock", name),
            ("time", pa.timestamp("us", "UTC")),
            ("seconds", pa.float64()),
            ("step", pa.int32()),
            ("fresh", pa.bool_()),
            ("track", pa.int32()),
            ("box", pa.list_(pa.int32())),
            ("labels", pa.list_(pa.string())),
            ("probabilities", pa.list_(pa.float64())),
            ("events", pa.list_(event)),
            ("features", pa.binary(features * _FLOAT16.itemsize)),
        ]
    )


def windows_schema(features: int) -> Any:
    """Returns the columns of the windows; ``features`` are those of ``windows.packed``."""
    pa = libraries.pyarrow()
    name = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [
            ("content", name),
            ("source", name),
            ("time", pa.timestamp("us", "UTC")),
            ("seconds", pa.float64()),
            ("lasts", pa.float64()),
            ("step", pa.int32()),
            ("steps", pa.int32()),
            ("track", pa.int32()),
            ("box", pa.list_(pa.int32())),
            ("labels", pa.list_(pa.string())),
            ("probabilities", pa.list_(pa.float64())),
            ("started", pa.list_(pa.string())),
            ("scale", pa.float32()),
            ("features", pa.binary(features)),
        ]
    )


def _columns(name: str, kind: Any) -> Iterator[str]:
    """Yields what Parquet calls the columns that a field becomes."""
    types = libraries.pyarrow().types
    if types.is_list(kind):
        yield from _columns(f"{name}.list.element", kind.value_type)
    elif types.is_struct(kind):
        for field in kind:
            yield from _columns(f"{name}.{field.name}", field.type)
    else:
        yield name


class TableWriter:
    """Writes rows of one schema as a Parquet file, in groups."""

    def __init__(self, file: BinaryIO | str, schema: Any) -> None:
        pq = libraries.pyarrow().parquet
        self._schema = schema
        columns = [column for field in schema for column in _columns(field.name, field.type)]
        named = [column for column in columns if column not in ("features", "seconds", "step")]
        few = [name for name in named if name not in ("time", "probabilities.list.element")]
        # Where every question reads all of a column, it is not compressed: features of windows
        # shrink by a tenth, and to read them would take three times as long.
        plain = ["features"] if "lasts" in columns else []
        self._writer = pq.ParquetWriter(
            file,
            schema,
            compression={name: "none" if name in plain else "zstd" for name in columns},
            use_dictionary=few,
            write_statistics=named,
        )

    def rows(self, rows: list[dict[str, Any]]) -> None:
        """Adds a group of rows."""
        self.table(libraries.pyarrow().Table.from_pylist(rows, schema=self._schema))

    def table(self, table: Any) -> None:
        """Adds a group."""
        if table.num_rows:
            self._writer.write_table(table, row_group_size=GROUP_STEPS)

    def close(self) -> None:
        """Makes the file whole."""
        self._writer.close()


def write(
    recording: Recording,
    content: str,
    model: Model,
    rules: EventRules | None,
    steps: BinaryIO,
    windowed: BinaryIO,
    *,
    follow: Follow | None = None,
) -> Indexed:
    """Watches a recording as ``edgevid.classify`` does, and writes what is seen.

    An hour's rows at a time are in memory.

    Args:
        recording: what to watch.
        content: ``recording.content()``.
        model: one that gives features.
        rules: of events; the model's when None.
        steps: takes a Parquet file.
        windowed: takes another.
        follow: what is followed besides; None for nothing.

    Raises:
        SourceError: nothing of it can be read.
    """
    with recording.at_hand() as path:
        run = _Run(recording, content, model, rules, path, follow)
        features = len(run.first["features"]) // _FLOAT16.itemsize
        write_rows(run.groups(), features, model.manifest.fps, steps, windowed)
    return run.indexed()


def row(
    prediction: Prediction,
    features: NDArray[np.float32],
    *,
    began: datetime,
    seconds: float,
    step: int,
    fresh: bool,
) -> dict[str, Any]:
    """Returns a row of the steps, without events, nor what says which recording it is of."""
    return {
        "time": began + timedelta(seconds=seconds),
        "seconds": seconds,
        "step": step,
        "fresh": fresh,
        "track": prediction.track,
        "box": prediction.box,
        "labels": [score.label for score in prediction.scores],
        "probabilities": [score.probability for score in prediction.scores],
        "events": [],
        "features": features.astype(_FLOAT16).tobytes(),
    }


def tell(events: Iterable[Event], rows: Mapping[int | None, dict[str, Any]]) -> None:
    """Adds events to the rows of a step, by track; those of no row are left out."""
    for event in events:
        if event.track in rows:
            rows[event.track]["events"].append(
                {
                    "state": event.state,
                    "label": event.label,
                    "probability": event.probability,
                    "zone": event.zone,
                }
            )


def of_track(row: dict[str, Any]) -> int:
    """Returns the place of a row's track: those of the whole picture come before all tracks."""
    return row["track"] or 0  # tracks count from 1


def write_rows(
    groups: Iterable[list[dict[str, Any]]],
    features: int,
    fps: float,
    steps: BinaryIO,
    windowed: BinaryIO,
) -> None:
    """Writes a recording's rows, in groups, each in the order of ``of_track``, and the windows."""
    one = TableWriter(steps, steps_schema(features))
    other = TableWriter(windowed, windows_schema(features))
    for rows in groups:
        one.rows(rows)
        other.rows(_windows(rows, fps))
    one.close()
    other.close()


class _Run:
    """One recording on its way through the model."""

    def __init__(
        self,
        recording: Recording,
        content: str,
        model: Model,
        rules: EventRules | None,
        path: Path,
        follow: Follow | None,
    ) -> None:
        self._recording = recording
        self._content = content
        self._watch = Watch(model.stream(), rules)
        self._following = follow(model.stream, rules) if follow is not None else None
        self._path = path
        self._fps = model.manifest.fps
        self._began, self._clock = datetime.fromtimestamp(0, UTC), ""
        self._frames = self._steps = 0
        self._last = 0.0
        self._tracks: set[int | None] = set()  # that were there at the last tick
        self._problem = ""
        self._rows = self._stepped()
        first = next(self._rows, None)
        if first is None:
            raise SourceError(self._problem or f"{recording.name}: holds no picture")
        self.first: dict[str, Any] = first

    def _stepped(self) -> Iterator[dict[str, Any]]:
        last: dict[int | None, dict[str, Any]] = {}  # the rows of the last step, by track
        try:
            with open_source(self._path) as source:
                length = (source.length or 0) / (source.fps or 25.0)
                self._began, self._clock = recordings.began(self._recording, self._path, length)
                before = -math.inf
                for frame in source:
                    fresh = frame.follows_jump or frame.timestamp - before > LONGEST_GAP_S
                    before = frame.timestamp
                    self._frames += 1
                    rows, events = self._seen(frame, fresh=fresh)
                    if not rows:
                        continue
                    # What a jump in time ended, or a track's end, ended with the step before.
                    for event in events:
                        earlier = event.timestamp < before or event.track not in rows
                        tell([event], last if earlier else rows)
                    yield from last.values()
                    last = rows
        except SourceError as error:
            said = str(error).removeprefix(f"{self._path}: ")
            self._problem = f"{self._recording.name}: {said}"
        tell(self._ended(), last)
        yield from last.values()

    def _seen(
        self, frame: Frame, *, fresh: bool
    ) -> tuple[dict[int | None, dict[str, Any]], list[Event]]:
        """Returns the rows that a frame brings, by track, and the events."""
        seen = self._watch.take(frame)
        rows: dict[int | None, dict[str, Any]] = {}
        events = seen.events
        if seen.prediction is not None:
            self._steps += 1
            self._last = seen.prediction.timestamp
            rows[None] = self._row(seen.prediction, self._watch.stream.features, fresh=fresh)
        if self._following is not None:
            predictions, ended = self._following.take(frame)
            events = [*events, *ended]
            for prediction in predictions or ():
                assert prediction.track is not None
                features = self._following.features(prediction.track)
                new = prediction.track not in self._tracks  # or back: with another stream then
                rows[prediction.track] = self._row(prediction, features, fresh=new)
            if predictions is not None:
                self._tracks = {prediction.track for prediction in predictions}
        return rows, events

    def _ended(self) -> list[Event]:
        return self._watch.end() + (self._following.end() if self._following is not None else [])

    def _row(
        self, prediction: Prediction, features: NDArray[np.float32], *, fresh: bool
    ) -> dict[str, Any]:
        made = row(
            prediction,
            features,
            began=self._began,
            seconds=prediction.timestamp,
            step=self._steps - 1,
            fresh=fresh,
        )
        made.update(content=self._content, source=self._recording.name, clock=self._clock)
        return made

    def groups(self) -> Iterator[list[dict[str, Any]]]:
        """Yields the rows, an hour at a time: of the whole picture, then track by track."""
        rows = [self.first]
        for row in self._rows:
            if len(rows) >= GROUP_STEPS and row["track"] is None:
                yield sorted(rows, key=of_track)
                rows = []
            rows.append(row)
        yield sorted(rows, key=of_track)

    def indexed(self) -> Indexed:
        return Indexed(
            self._recording.camera,
            self._began,
            self._content,
            self._steps,
            self._last + 1 / self._fps,
            self._frames,
            self._problem,
        )


def _windows(rows: list[dict[str, Any]], fps: float) -> list[dict[str, Any]]:
    """Returns the windows of some steps."""
    features = np.stack([np.frombuffer(row["features"], _FLOAT16) for row in rows])
    fresh = np.array([row["fresh"] for row in rows])
    tracks = np.array([of_track(row) for row in rows])
    fresh[1:] |= tracks[1:] != tracks[:-1]
    made = []
    for start, end in windows.bounds(fresh, max(1, round(windows.SECONDS * fps))):
        part = rows[start:end]
        mean = features[start:end].mean(axis=0, dtype=np.float32)
        values, scale = windows.packed(mean)
        labels, probabilities = windows.labels_of(part)
        events = [event for row in part for event in row["events"]]
        made.append(
            {
                **{
                    name: part[0][name]
                    for name in ("content", "source", "time", "seconds", "step", "track")
                },
                "box": windows.around(row["box"] for row in part if row["box"] is not None),
                "lasts": part[-1]["seconds"] - part[0]["seconds"] + 1 / fps,
                "steps": len(part),
                "labels": labels,
                "probabilities": probabilities,
                "started": [event["label"] for event in events if event["state"] == "start"],
                "scale": scale,
                "features": values.tobytes(),
            }
        )
    return made
