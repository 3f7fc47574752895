"""An archive is asked: by label, by example, by a head that was taught."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.archive import libraries, processes, windows
from edgevid.archive.store import Archive, Part
from edgevid.errors import LabelsError, SourceError, UsageError
from edgevid.modelfile.head import Head
from edgevid.records import Box
from edgevid.runtime.head import rooted

_BATCH = 2048  # windows that are read at once
_PRODUCTS = 1 << 18  # multiplications at once, for which BLAS starts no threads
_MEMORY = "256MB"  # of DuckDB
_SAMPLED = 16  # parts that tell what is ordinary in an archive
_SPARE = 20  # windows for each answer that is wanted: neighbours become one answer
_LEAST = 0.1  # probability of a label from which it is an answer
_SHOWN = "camera, source, content, epoch_us(time) as time, seconds, lasts, track, box"
_PIECE = 512  # steps
_FEW = 8  # columns
_TOUCH_S = 0.5  # between two windows of one answer


@dataclass(frozen=True, slots=True)
class Answer:
    """Some seconds of a recording.

    Attributes:
        camera: its camera.
        source: the recording's path or address.
        content: what tells its content from any other's.
        time: when it begins, in UTC.
        start: seconds from the recording's beginning.
        end: the same of its end.
        score: how well it fits: a probability, or for an example the cosine, -1 to 1.
        label: what is seen: the most probable label there is.
        track: number of the track that was followed; None for the whole picture.
        box: what holds all of where that was, x, y, width, height in pixels of the picture.
    """

    camera: str
    source: str
    content: str
    time: datetime
    start: float
    end: float
    score: float
    label: str
    track: int | None = None
    box: Box | None = None


@dataclass(frozen=True)
class Where:
    """Which part of an archive is asked.

    Attributes:
        since: not before; UTC.
        until: not after; UTC.
        cameras: of these only; all when empty.
    """

    since: datetime | None = None
    until: datetime | None = None
    cameras: tuple[str, ...] = ()

    def parts(self, archive: Archive) -> list[Part]:
        """Returns the files that can hold answers.

        Raises:
            UsageError: a camera is named that the archive has not.
        """
        parts = archive.parts()
        known = {part.camera for part in parts}
        for camera in self.cameras:
            if camera not in known:
                raise UsageError(
                    f"no camera {camera!r} in {archive.folder}: "
                    f"{', '.join(sorted(known)[:20]) or 'it is empty'}"
                )
        # A recording belongs to the day on which it begins.
        first = f"{self.since - timedelta(days=1):%Y-%m-%d}" if self.since else ""
        last = f"{self.until:%Y-%m-%d}" if self.until else "9999"
        return [
            part
            for part in parts
            if first <= part.day <= last and (not self.cameras or part.camera in self.cameras)
        ]

    def condition(self) -> tuple[str, list[Any]]:
        """Returns the rest of it in SQL, over the column ``time``, and the values in it."""
        conditions, values = ["true"], []
        for compared, value in ((">=", self.since), ("<=", self.until)):
            if value is not None:
                conditions.append(f"time {compared} make_timestamptz(?)")
                values.append(round(value.timestamp() * 1e6))
        return " and ".join(conditions), values

    def holds(self, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Returns which times, in microseconds since 1970, lie in it."""
        inside = np.ones(len(times), bool)
        if self.since is not None:
            inside &= times >= round(self.since.timestamp() * 1e6)
        if self.until is not None:
            inside &= times <= round(self.until.timestamp() * 1e6)
        return inside


def by_label(
    archive: Archive, text: str, where: Where | None = None, *, most: int = 20
) -> list[Answer]:
    """Returns where labels with these words were most probable, the most probable first.

    Args:
        archive: what to ask.
        text: words; a label must hold words that begin as each of them does.
        where: which part of it.
        most: answers.

    Raises:
        LabelsError: no label has these words.
    """
    where = where or Where()
    labels = matching(text, archive.description.labels)
    condition, values = where.condition()
    rows = _query(
        archive,
        where.parts(archive),
        f"select {_SHOWN}, probability, label from (select *, "
        "unnest(labels) as label, unnest(probabilities) as probability from windows where "
        f"{condition}) where probability >= ? and label in (select unnest(?)) "
        "order by probability desc, time, content limit ?",
        [*values, _LEAST, labels, _SPARE * most],
    )
    return _joined([_answer(row) for row in rows])[:most]


def matching(text: str, labels: Sequence[str]) -> list[str]:
    """Returns the labels that hold each word of a text, or at least its beginning.

    Raises:
        LabelsError: none does.

    Example:
        >>> matching("fall", ["falling off bike", "waterfall", "carving ice"])
        ['falling off bike']
    """
    words = text.lower().split()
    found = [
        label
        for label in labels
        if words and all(f" {word}" in f" {label.lower()}" for word in words)
    ]
    if not found:
        near = get_close_matches(text.lower(), labels, n=5, cutoff=0.5)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise LabelsError(f"no label has the words {text!r}{hint}")
    return found


def by_example(
    archive: Archive,
    examples: NDArray[np.float32],
    where: Where | None = None,
    *,
    most: int = 20,
    without: str | None = None,
) -> list[Answer]:
    """Returns the windows whose features are nearest to an example's, the nearest first.

    The measure is the cosine between the square roots of features, less what is ordinary in the
    archive.

    Args:
        archive: what to ask.
        examples: float32 ``[windows, features]``, means over windows; the nearest counts.
        where: which part of it.
        most: answers.
        without: content of a recording that is no answer: the example itself.
    """
    where = where or Where()
    parts = where.parts(archive)
    ordinary = _ordinary(archive, parts)
    wanted = np.sqrt(np.maximum(examples, 0))
    wanted *= 255 / np.sqrt(np.maximum(examples.max(axis=1, keepdims=True), 1e-12))
    wanted = _unit(wanted - ordinary)
    scan = partial(_scan, archive, where=where, wanted=wanted, ordinary=ordinary)
    with ThreadPoolExecutor(processes.cores()) as pool:
        scores = list(pool.map(scan, parts))
    rows = _rows(archive, _best(parts, scores, _SPARE * most))
    found = [
        replace(_answer(row), score=score) for score, row, _ in rows if row["content"] != without
    ]
    answers = _joined(found)[:most]
    contents = {answer.content for answer in answers}
    where_they_are = dict.fromkeys(part for _, row, part in rows if row["content"] in contents)
    return _labelled(archive, list(where_they_are), answers)


def by_head(
    archive: Archive,
    head: Head,
    labels: Sequence[str],
    where: Where | None = None,
    *,
    thresholds: Sequence[float],
    most: int = 20,
    wanted: Sequence[str] = (),
) -> list[Answer]:
    """Returns where a taught head says that something is the case, the surest first.

    Each step is looked at, as a stream of the taught model would; no video is read.

    Args:
        archive: what to ask.
        head: of the archive's network.
        labels: the head's.
        where: which part of it.
        thresholds: probability from which each label is an answer.
        most: answers.
        wanted: these labels only; all when empty.

    Raises:
        UsageError: the head is for other features.
    """
    if head.features != archive.description.network.features:
        raise UsageError(
            f"the head is for {head.features} features, the archive has "
            f"{archive.description.network.features}"
        )
    where = where or Where()
    kept = [i for i, label in enumerate(labels) if not wanted or label in wanted]
    found: list[Answer] = []
    for part in where.parts(archive):
        for recording in _recordings(archive, part, _weighted(head)):
            probabilities = _probabilities(head, recording)
            for number in kept:
                above = probabilities[:, number] >= thresholds[number]
                found += _runs(recording, probabilities[:, number], above, labels[number], part)
        if len(found) > 100 * most:
            found = _best_of(found, most)
    since, until = where.since, where.until
    found = [
        answer
        for answer in found
        if (since is None or answer.time >= since) and (until is None or answer.time <= until)
    ]
    return _best_of(found, most)


def stored(archive: Archive, content: str, start: float, end: float) -> NDArray[np.float32] | None:
    """Returns the features of some seconds of a recording in the archive; None if it is not there.

    Returns:
        float32 ``[windows, features]``, means over windows.
    """
    part = archive.contents().get(content)
    if part is None:
        return None
    for recording in _recordings(archive, part):
        if recording.content == content and recording.track is None:
            inside = (recording.seconds >= start) & (recording.seconds <= end)
            if not inside.any():
                raise UsageError(f"nothing of it lies between {start:g} s and {end:g} s")
            return means(recording.values[inside], archive.description.network.fps)
    return None


@dataclass(frozen=True, eq=False)
class Seen:
    """What the network knew in some seconds of a recording.

    Attributes:
        seconds: float64 ``[steps]``, from the recording's beginning.
        features: float32 ``[steps, features]``.
        breaks: bool ``[steps]``: where nothing before belongs to it; the first is one.
    """

    seconds: NDArray[np.float64]
    features: NDArray[np.float32]
    breaks: NDArray[np.bool_]


def seen(archive: Archive, answers: Sequence[Answer]) -> list[Seen | None]:
    """Returns the steps of answers, in their order; None for what is not in the archive."""
    contents = archive.contents()
    by_part: dict[Part, list[int]] = {}
    for number, answer in enumerate(answers):
        if answer.content in contents:
            by_part.setdefault(contents[answer.content], []).append(number)
    found: list[Seen | None] = [None] * len(answers)
    for part, numbers in by_part.items():
        wanted: dict[tuple[str, int | None], list[int]] = {}
        for number in numbers:
            key = answers[number].content, answers[number].track
            wanted.setdefault(key, []).append(number)
        for recording in _recordings(archive, part):
            for number in wanted.get((recording.content, recording.track), ()):
                found[number] = _within(recording, answers[number])
    return found


def _within(recording: _Recording, answer: Answer) -> Seen | None:
    # Files of marks tell times to a millisecond.
    inside = (recording.seconds >= answer.start - 1e-3) & (recording.seconds < answer.end + 1e-3)
    if not inside.any():
        return None
    breaks = recording.fresh[inside]
    breaks[0] = True
    return Seen(recording.seconds[inside], recording.values[inside], breaks)


def means(features: NDArray[np.float32], fps: float) -> NDArray[np.float32]:
    """Returns the means over windows of features ``[steps, features]``, as an archive has them."""
    steps = max(1, round(windows.SECONDS * fps))
    bounds = windows.bounds(np.zeros(len(features), bool), steps)
    return np.stack([features[a:b].mean(axis=0, dtype=np.float32) for a, b in bounds])


@dataclass(frozen=True, eq=False)
class _Recording:
    """The steps of one recording, or of one track in it, from the archive."""

    content: str
    source: str
    track: int | None
    time: NDArray[np.int64]  # of each step, microseconds since 1970
    seconds: NDArray[np.float64]
    fresh: NDArray[np.bool_]
    box: NDArray[np.int32]  # ``[steps, 4]``; of the whole picture nothing that counts
    values: NDArray[np.float32]  # what was made of the features, ``[steps, values]``

    def joined(self, more: _Recording) -> _Recording:
        pairs = (
            (getattr(self, name), getattr(more, name))
            for name in ("time", "seconds", "fresh", "box", "values")
        )
        return _Recording(
            self.content, self.source, self.track, *(np.concatenate(pair) for pair in pairs)
        )


def _recordings(
    archive: Archive,
    part: Part,
    make: Callable[[NDArray[np.float32]], NDArray[np.float32]] = lambda features: features,
) -> Iterator[_Recording]:
    """Yields the recordings of a part, and the tracks in each, one after the other.

    Args:
        archive: it is in.
        part: one of its files.
        make: makes of features ``[steps, features]`` what is wanted of them, many steps at a time.
    """
    pa = libraries.pyarrow()
    columns = ["content", "source", "time", "seconds", "fresh", "track", "box", "features"]
    content = ""
    waiting: dict[int | None, _Recording] = {}  # of one recording, by track
    try:
        with pa.parquet.ParquetFile(archive.steps(part)) as file:
            for batch in file.iter_batches(batch_size=8192, columns=columns):
                for recording in _of_batch(batch, make):
                    if recording.content != content:
                        yield from waiting.values()
                        content, waiting = recording.content, {}
                    known = waiting.get(recording.track)
                    waiting[recording.track] = known.joined(recording) if known else recording
    except OSError as error:
        raise SourceError(f"{archive.steps(part)}: cannot be read: {error}") from error
    yield from waiting.values()


def _of_batch(
    batch: Any, make: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> Iterator[_Recording]:
    """Yields the stretches of some steps that are of one recording, and of one track."""
    content, source = batch.column("content"), batch.column("source")
    contents, sources = content.dictionary.to_pylist(), source.dictionary.to_pylist()
    codes, source_codes = content.indices.to_numpy(), source.indices.to_numpy()
    time = batch.column("time").cast("int64").to_numpy()
    seconds = batch.column("seconds").to_numpy()
    fresh = batch.column("fresh").to_numpy(zero_copy_only=False)
    tracks = batch.column("track").fill_null(0).to_numpy()  # which count from 1
    box = np.zeros((len(tracks), 4), np.int32)
    box[tracks > 0] = batch.column("box").flatten().to_numpy().reshape(-1, 4)
    features = _bytes_of(batch.column("features"), np.dtype("<f2"))
    # Little at a time, so that it stays in the processor's cache.
    starts = range(0, len(features), _PIECE)
    pieces = (features[start : start + _PIECE].astype(np.float32) for start in starts)
    values = np.concatenate([make(piece) for piece in pieces])
    other = (np.diff(codes) != 0) | (np.diff(tracks) != 0)
    changes = [0, *(np.flatnonzero(other) + 1).tolist(), len(codes)]
    for start, end in itertools.pairwise(changes):
        yield _Recording(
            contents[codes[start]],
            sources[source_codes[start]],
            int(tracks[start]) or None,
            time[start:end],
            seconds[start:end],
            fresh[start:end],
            box[start:end],
            values[start:end],
        )


def _bytes_of(column: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Returns a column of rows of equal length as ``[rows, values]``, without a copy."""
    array = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    array = array.chunk(0) if hasattr(array, "chunk") else array
    width = array.type.byte_width
    start = array.offset * width
    data = np.frombuffer(array.buffers()[1], np.uint8)[start : start + len(array) * width]
    return data.view(dtype).reshape(len(array), -1)


def _products(rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns ``rows @ columns``; of few without BLAS, whose threads cost more than that."""
    if columns.shape[1] > _FEW:
        return rows @ columns
    found = np.empty((len(rows), columns.shape[1]), np.float32)
    for number, column in enumerate(np.ascontiguousarray(columns.T)):
        np.einsum("ij,j->i", rows, column, out=found[:, number])
    return found


def _weighted(head: Head) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Returns what makes weighted sums of features: float32 ``[steps, windows * labels]``.

    A mean over steps of a weighted sum is the weighted sum of the mean: so each step is weighted
    once, and the means go over few numbers.
    """
    weights = head.weights.reshape(head.labels, len(head.windows), head.features)
    columns = np.ascontiguousarray(weights.transpose(2, 1, 0).reshape(head.features, -1))
    return lambda features: _products(rooted(features, head.roots), columns)


def _probabilities(head: Head, recording: _Recording) -> NDArray[np.float64]:
    """Returns what a stream through the head gives at each step: ``[steps, labels]``.

    Args:
        head: as taught.
        recording: its values are those of ``_weighted``.
    """
    steps = len(recording.values)
    found = np.empty((steps, head.labels))
    starts = [*np.flatnonzero(recording.fresh).tolist(), steps]
    all_sums = recording.values.reshape(steps, len(head.windows), head.labels)
    for start, end in itertools.pairwise(starts):
        logits = np.tile(head.bias.astype(np.float64), (end - start, 1))
        for number, window in enumerate(head.windows):
            sums = np.cumsum(all_sums[start:end, number], axis=0, dtype=np.float64)
            sums[window:] -= sums[:-window].copy()
            counts = np.minimum(np.arange(1, end - start + 1), window)
            logits += sums / counts[:, None]
        found[start:end] = 1 / (1 + np.exp(-logits))
    return found


def _runs(
    recording: _Recording,
    probabilities: NDArray[np.float64],
    above: NDArray[np.bool_],
    label: str,
    part: Part,
) -> Iterator[Answer]:
    """Yields an answer for each run of steps that are above the threshold."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], above, [False])).astype(np.int8)))
    for start, end in edges.reshape(-1, 2).tolist():
        yield Answer(
            part.camera,
            recording.source,
            recording.content,
            datetime.fromtimestamp(int(recording.time[start]) / 1e6, UTC),
            float(recording.seconds[start]),
            float(recording.seconds[end - 1]),
            float(probabilities[start:end].max()),
            label,
            recording.track,
            windows.around(recording.box[start:end].tolist()) if recording.track else None,
        )


def _best_of(answers: list[Answer], most: int) -> list[Answer]:
    return sorted(answers, key=lambda answer: (-answer.score, answer.time, answer.source))[:most]


def _query(archive: Archive, parts: Sequence[Part], sql: str, values: list[Any]) -> list[Any]:
    """Runs a query over ``windows``; returns its rows as dictionaries."""
    if not parts:
        return []
    with _connected() as connection:
        _view(connection, archive, parts)
        found = connection.execute(sql, values)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _connected() -> Any:
    duckdb = libraries.duckdb()
    return duckdb.connect(config={"memory_limit": _MEMORY, "autoinstall_known_extensions": "false"})


def _view(connection: Any, archive: Archive, parts: Sequence[Part]) -> None:
    files = ", ".join("'" + str(archive.windows(p)).replace("'", "''") + "'" for p in parts)
    connection.execute(
        "create or replace temp view windows as select * from read_parquet("
        f"[{files}], hive_partitioning = true, filename = true, file_row_number = true, "
        "hive_types = {'camera': VARCHAR, 'day': DATE})"
    )


def _scan(
    archive: Archive,
    part: Part,
    *,
    where: Where,
    wanted: NDArray[np.float32],
    ordinary: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Returns how near each window of a part is to the nearest example; -inf outside ``where``."""
    pa = libraries.pyarrow()
    found = []
    columns = ["features", *(["time"] if where.since or where.until else [])]
    examples = np.ascontiguousarray(wanted.T)
    rows = max(16, min(512, _PRODUCTS // examples.size))  # and what the processor's cache holds
    values = np.empty((rows, len(ordinary)), np.float32)
    path = archive.windows(part)
    try:
        with pa.parquet.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=_BATCH, columns=columns, use_threads=False):
                packed = _bytes_of(batch.column("features"), np.dtype(np.uint8))
                scores = np.empty(len(packed), np.float32)
                for start in range(0, len(packed), rows):
                    piece = values[: len(packed) - start]
                    np.copyto(piece, packed[start : start + rows])
                    piece -= ordinary
                    norms = np.sqrt(np.einsum("ij,ij->i", piece, piece))
                    nearest = (piece @ examples).max(axis=1)
                    scores[start : start + rows] = nearest / np.maximum(norms, 1e-6)
                if len(columns) > 1:
                    scores[~where.holds(batch.column("time").cast("int64").to_numpy())] = -np.inf
                found.append(scores)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error}") from error
    return np.concatenate(found) if found else np.empty(0, np.float32)


def _ordinary(archive: Archive, parts: Sequence[Part]) -> NDArray[np.float32]:
    """Returns the mean of packed features over a sample: float32 ``[features]``."""
    pa = libraries.pyarrow()
    total = np.zeros(archive.description.network.features)
    count = 0
    for part in parts[:: max(1, len(parts) // _SAMPLED)]:
        with pa.parquet.ParquetFile(archive.windows(part), pre_buffer=False) as file:
            for batch in file.iter_batches(1024, columns=["features"], use_threads=False):
                values = _bytes_of(batch.column(0), np.dtype(np.uint8))
                total += values.astype(np.float32).sum(axis=0)  # whole numbers: exact
                count += len(values)
                break
    return (total / max(1, count)).astype(np.float32)


def _unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(norms, 1e-6), np.float32)


def _best(
    parts: Sequence[Part], scores: Sequence[NDArray[np.float32]], most: int
) -> list[tuple[float, Part, int]]:
    """Returns the best scores, the best first, with the part and the row that each is of."""
    every = np.concatenate([*scores, np.empty(0, np.float32)])
    places = np.flatnonzero(every > -np.inf)
    if len(places) > most:
        places = places[np.argpartition(-every[places], most - 1)[:most]]
    places = places[np.lexsort((places, -every[places]))]
    firsts = np.cumsum([0, *map(len, scores)])
    of = np.searchsorted(firsts, places, side="right") - 1
    return [
        (float(every[place]), parts[number], place - int(firsts[number]))
        for place, number in zip(places.tolist(), of.tolist(), strict=True)
    ]


def _rows(
    archive: Archive, found: Sequence[tuple[float, Part, int]]
) -> list[tuple[float, dict[str, Any], Part]]:
    """Returns the scores of ``_best`` and the rows of windows that they are of, without labels."""
    parts = list(dict.fromkeys(part for _, part, _ in found))
    names = [str(archive.windows(part)) for _, part, _ in found]
    rows = _query(
        archive,
        parts,
        f"select {_SHOWN}, '' as label, 0.0 as probability, filename, file_row_number "
        "from windows join (select unnest(?) as file, unnest(?) as row) "
        "on filename = file and file_row_number = row",
        [names, [row for _, _, row in found]],
    )
    by_place = {(row["filename"], row["file_row_number"]): row for row in rows}
    return [
        (score, by_place[name, row], part)
        for (score, part, row), name in zip(found, names, strict=True)
    ]


def _labelled(archive: Archive, parts: Sequence[Part], answers: list[Answer]) -> list[Answer]:
    """Returns answers with the most probable label in each; only few are looked up."""
    rows = _query(
        archive,
        parts,
        "select number, arg_max(labels[1], probabilities[1]) as label from windows join (select "
        "unnest(?) as one, unnest(?) as start, unnest(?) as stop, unnest(?) as of, "
        "unnest(range(?)) as number) on content = one and seconds >= start and seconds < stop "
        "and track is not distinct from of group by number",
        [
            *(
                [getattr(answer, name) for answer in answers]
                for name in ("content", "start", "end", "track")
            ),
            len(answers),
        ],
    )
    labels = {row["number"]: row["label"] for row in rows}
    return [replace(one, label=labels[number]) for number, one in enumerate(answers)]


def _answer(row: dict[str, Any]) -> Answer:
    return Answer(
        row["camera"],
        row["source"],
        row["content"],
        datetime.fromtimestamp(row["time"] / 1e6, UTC),
        row["seconds"],
        row["seconds"] + row["lasts"],
        row["probability"],
        row["label"],
        row["track"],
        tuple(row["box"]) if row["box"] is not None else None,
    )


def _joined(answers: Sequence[Answer]) -> list[Answer]:
    """Returns answers, best first, in which windows that touch are one."""
    found: list[Answer] = []
    by_source: dict[tuple[str, int | None], list[Answer]] = {}
    for answer in answers:
        by_source.setdefault((answer.content, answer.track), []).append(answer)
    for those in by_source.values():
        those.sort(key=lambda answer: answer.start)
        run = those[0]
        for answer in those[1:]:
            if answer.start - run.end > _TOUCH_S:
                found.append(run)
                run = answer
                continue
            best = max(run, answer, key=lambda one: one.score)
            box = windows.around([one.box for one in (run, answer) if one.box is not None])
            run = replace(
                run, end=max(run.end, answer.end), score=best.score, label=best.label, box=box
            )
        found.append(run)
    return sorted(found, key=lambda answer: (-answer.score, answer.time, answer.source))
