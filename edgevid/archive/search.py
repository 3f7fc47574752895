"""An archive is asked: by label, by example, by a head that was taught."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.archive import heads, libraries, nearest, processes, steps, windows
from edgevid.archive.steps import Steps
from edgevid.archive.store import Archive, Part
from edgevid.errors import LabelsError, UsageError
from edgevid.modelfile.head import Head
from edgevid.records import Box

_MEMORY = "256MB"  # of DuckDB
_SPARE = 20  # windows for each answer that is wanted: neighbours become one answer
_LEAST = 0.1  # probability of a label from which it is an answer
_SHOWN = "camera, source, content, epoch_us(time) as time, seconds, lasts, track, box"
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
    ordinary = nearest.ordinary(archive, parts)
    wanted = nearest.directions(examples, ordinary)
    holds = where.holds if where.since or where.until else None
    scan = partial(nearest.scan, archive, wanted=wanted, ordinary=ordinary, holds=holds)
    with ThreadPoolExecutor(processes.cores()) as pool:
        scores = list(pool.map(scan, parts))
    rows = _rows(archive, nearest.best(parts, scores, _SPARE * most))
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
        for recording in steps.read(archive, part, heads.weighted(head)):
            probabilities = heads.probabilities(head, recording)
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
    for recording in steps.read(archive, part):
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
        for recording in steps.read(archive, part):
            for number in wanted.get((recording.content, recording.track), ()):
                found[number] = _within(recording, answers[number])
    return found


def _within(recording: Steps, answer: Answer) -> Seen | None:
    # Files of marks tell times to a millisecond.
    inside = (recording.seconds >= answer.start - 1e-3) & (recording.seconds < answer.end + 1e-3)
    if not inside.any():
        return None
    breaks = recording.fresh[inside]
    breaks[0] = True
    return Seen(recording.seconds[inside], recording.values[inside], breaks)


def means(features: NDArray[np.float32], fps: float) -> NDArray[np.float32]:
    """Returns the means over windows of features ``[steps, features]``, as an archive has them."""
    count = max(1, round(windows.SECONDS * fps))
    bounds = windows.bounds(np.zeros(len(features), bool), count)
    return np.stack([features[a:b].mean(axis=0, dtype=np.float32) for a, b in bounds])


def _runs(
    recording: Steps,
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


def _rows(
    archive: Archive, found: Sequence[tuple[float, Part, int]]
) -> list[tuple[float, dict[str, Any], Part]]:
    """Returns what ``nearest.best`` found, with rows of windows, which have no labels."""
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
