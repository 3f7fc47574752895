"""Where the owner's word becomes a model: judgements, teaching, and which model runs."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from apps.raspberry_pi.cameras import drawing
from apps.raspberry_pi.cameras.drawing import Drawing
from apps.raspberry_pi.clips import kept
from apps.raspberry_pi.config import Config
from apps.raspberry_pi.review import lists
from apps.raspberry_pi.review.quiet import hours
from apps.raspberry_pi.review.store import (
    BACKGROUND,
    OTHER,
    RIGHT,
    VERDICTS,
    WRONG,
    Judgement,
    Mark,
    Quiet,
    Store,
    label_problem,
)
from apps.raspberry_pi.review.teaching import Teacher
from edgevid import EdgevidError, KeptFeatures, Model, UsageError, load_model, parse_zones
from edgevid.regions import finds_people
from edgevid.support.atomic_file import atomic_file

_LOG = logging.getLogger("edgevid.review")

_WEEK_S = 7 * 24 * 3600.0
_SHORTEST_S, _LONGEST_S = 0.2, 600.0  # of a stretch
_MOST_EVENTS = 300  # of last week that are looked at again
_FALSE_ALARMS = 1.0  # an hour that are allowed
_CHANGED = "another model"
_DRAWN = "other zones or masks"

Check = Callable[[Model], None]


class Watching(Protocol):
    """What the service does for the owner."""

    def use(self, model: Model, reason: str) -> None:
        """Has another model watch."""

    def draw(self, drawings: Mapping[str, Drawing], reason: str) -> None:
        """Has other zones and masks count, and what is followed."""

    def following(self) -> dict[str, str]:
        """Returns what each camera follows."""


class Review:
    """All that the page's review does. Thread-safe.

    Args:
        store: what was said; closed with this.
        config: the whole of it; clips are kept.
        check: whether a model goes with the config; raises ``EdgevidError`` where it does not.
        record: keeps the last seconds of every camera as clips.
    """

    def __init__(
        self,
        store: Store,
        config: Config,
        check: Check,
        record: Callable[[], None] = lambda: None,
    ) -> None:
        assert config.clips.folder is not None
        self._store = store
        self._config = config
        self._clips = config.clips.folder
        self._check = check
        self._record = record
        self._teacher = Teacher()
        self._watching: Watching | None = None
        self._untaught = self._configured
        self._changing = threading.Lock()
        self._said: dict[int, dict[str, Any]] = {}
        with suppress(EdgevidError):
            store.forget_models()  # what a crash left of one that was not whole

    # At the start

    def first_model(self) -> Model | None:
        """Returns the taught model that is to run; None for that of the config.

        One that cannot be loaded, or does not go with the config, gives way to that.
        """
        try:
            number = self._store.used()[0]
            return None if number is None else self._loaded(number)
        except EdgevidError as error:
            _LOG.error("the model that was taught does not run, that of [model] does: %s", error)
            return None

    def drawings(self) -> dict[str, Drawing]:
        """Returns what was drawn on the pictures of the config's cameras."""
        known = {camera.name for camera in self._config.cameras}
        found = {}
        for name, parts in self._store.drawings().items():
            if name in known:
                with suppress(UsageError):  # of another version
                    found[name] = drawing.read(parts)
        return found

    def begin(self, watching: Watching, untaught: Callable[[], Model] | None = None) -> None:
        """Has what is changed take effect from now on.

        Args:
            watching: the service.
            untaught: loads the model to go back to where none was taught; the config's unless told.
        """
        self._watching = watching
        self._untaught = untaught or self._configured

    def is_alive(self) -> bool:
        """Always: whatever becomes of it, the watching goes on."""
        return True

    def stop(self, within: float) -> None:
        """Ends the teaching; what was said is on the disk already."""
        self._teacher.stop()
        self._store.close()

    # What there is

    def listing(self) -> dict[str, Any]:
        """Returns the clips, newest first, and what was said of them."""
        judged = {(one.clip, one.place): one for one in self._store.judgements()}
        marks: dict[str, list[Mark]] = {}
        for mark in self._store.marks():
            marks.setdefault(mark.clip, []).append(mark)
        found = {clip["video"]: clip for clip in kept.listed(self._store.folder / "clips")}
        found |= {clip["video"]: clip for clip in kept.listed(self._clips)}
        clips = [
            {
                **{key: clip[key] for key in ("video", "camera", "began", "seconds")},
                "events": [
                    {**event, **_said_of(judged.get((name, event["place"])))}
                    for event in lists.starts(clip)
                ],
                "marks": [
                    {"number": m.number, "label": m.label, "start": m.start, "end": m.end}
                    for m in marks.get(name, ())
                ],
            }
            for name, clip in found.items()
        ]
        clips.sort(key=lambda clip: clip["began"], reverse=True)
        labels = {one.shows for one in judged.values() if one.shows}
        labels |= {m.label for many in marks.values() for m in many if m.label != BACKGROUND}
        return {"clips": clips, "labels": sorted(labels)}

    def find(self, name: str) -> Path | None:
        """Returns a clip's video; None when there is none of that name."""
        for folder in (self._store.folder / "clips", self._clips):
            found = kept.find(folder, name)
            if found is not None:
                return found[0]
        return None

    def progress(self) -> dict[str, Any]:
        """Returns how far the teaching is: a part of ``teaching`` that costs nothing."""
        return self._teacher.state()

    def teaching(self) -> dict[str, Any]:
        """Returns what can be taught, how far it is, what was taught, and what runs."""
        lessons = lists.lessons(self._store)
        models, used = self._store.models(), self._store.used()
        return {
            "lessons": {
                "shown": dict(lessons.shown),
                "clips": lessons.clips,
                "nothing": lessons.nothing,
                "quiet_hours": len(lessons.background),
                "unsaid": list(lessons.unsaid),
                "problem": lessons.problem,
            },
            "progress": self._teacher.state(),
            "runs": used[0],
            "before": used[1:],
            "models": [
                {
                    "number": model.number,
                    "made": datetime.fromtimestamp(model.made, UTC).isoformat(),
                    **_short(model.about),
                }
                for model in models
            ],
        }

    def quiet(self) -> dict[str, Any]:
        """Returns each camera's quiet hours: those that may be offered, and those that were."""
        offered = self._store.quiet()
        busy: dict[str, list[float]] = {}
        for clip in kept.listed(self._clips):
            began = _moment(clip["began"])
            for event in lists.starts(clip):
                busy.setdefault(clip["camera"], []).append(began + event["second"])
        cameras = []
        for camera in self._config.cameras:
            known = [one for one in offered if one.camera == camera.name]
            problem = "" if camera.features else "keeps no features: see features in edgevid.toml"
            found: list[tuple[float, float]] = []
            if camera.features:
                try:
                    found = hours(KeptFeatures(camera.features).spans, busy.get(camera.name, ()))
                except EdgevidError as error:
                    problem = str(error)
            taken = {(one.start, one.end) for one in known}
            cameras.append(
                {
                    "camera": camera.name,
                    "problem": problem,
                    "hours": [
                        {"start": start, "end": end}
                        for start, end in found
                        if (start, end) not in taken
                    ],
                    "offered": [
                        {"number": one.number, "start": one.start, "end": one.end} for one in known
                    ],
                }
            )
        return {"cameras": cameras}

    def zones(self) -> dict[str, Any]:
        """Returns what is drawn on each camera's picture; until something is, the config's zones.

        Beside it, ``follows`` is what it follows now, ``whole`` why it cannot follow anything.
        """
        drawn = self.drawings()
        follows = self._watching.following() if self._watching is not None else {}
        found = []
        for camera in self._config.cameras:
            of_file = Drawing(tuple(parse_zones(camera.zones, camera.zone_allow)))
            found.append(
                {
                    "name": camera.name,
                    "follows": follows.get(camera.name, ""),
                    "whole": "crop" if camera.crop else "features" if camera.features else "",
                    "in_file": len(of_file.zones) if camera.name not in drawn else 0,
                    **drawn.get(camera.name, of_file).as_json(),
                }
            )
        return {"cameras": found}

    # What the owner says

    def judge(self, asked: Mapping[str, Any]) -> None:
        """Keeps what is said of an event: ``clip``, ``place``, ``verdict``, ``label`` for other.

        Raises:
            UsageError: there is no such event, or it makes no sense.
            OutputError: it cannot be kept.
        """
        video, clip = self._clip(asked)
        place, verdict = asked.get("place"), asked.get("verdict")
        event = next((e for e in lists.starts(clip) if e["place"] == place), None)
        if event is None or isinstance(place, bool):
            raise UsageError("there is no such event")
        if verdict is None:
            self._store.forget_judgement(video.name, event["place"])
            return
        if verdict not in VERDICTS:
            raise UsageError("a verdict is right, wrong or other")
        shows = {RIGHT: event["label"], WRONG: "", OTHER: _label(asked)}[verdict]
        self._store.judge(
            Judgement(
                video.name,
                event["place"],
                event["id"],
                clip["camera"],
                event["label"],
                _moment(clip["began"]) + event["second"],
                verdict,
                shows,
                max(0.0, event["second"] - lists.EARLY_S),
                event["end"],
            ),
            video,
        )

    def mark(self, asked: Mapping[str, Any]) -> int:
        """Keeps what a stretch shows: ``clip``, ``start``, ``end``, ``label``; returns its number.

        Raises:
            UsageError: it makes no sense.
            OutputError: it cannot be kept.
        """
        video, clip = self._clip(asked)
        start, end = _seconds(asked.get("start")), _seconds(asked.get("end"))
        if not 0 <= start < end <= clip["seconds"] + 1 or end - start < _SHORTEST_S:
            raise UsageError("a stretch ends after it begins, within the clip")
        return self._store.mark(Mark(video.name, _label(asked), start, end), video)

    def nothing(self, asked: Mapping[str, Any]) -> int:
        """Keeps that nothing special happens in a ``clip``; returns the number of that."""
        video, clip = self._clip(asked)
        return self._store.mark(Mark(video.name, BACKGROUND, 0.0, clip["seconds"]), video)

    def unmark(self, asked: Mapping[str, Any]) -> None:
        """Takes a stretch back: ``number``."""
        self._store.forget_mark(_whole(asked.get("number")))

    def offer(self, asked: Mapping[str, Any]) -> None:
        """Keeps hours as background: ``camera``, ``start``, ``end``.

        Raises:
            UsageError: there are no such hours.
            EdgevidError: their features cannot be kept.
        """
        name = asked.get("camera")
        camera = next((c for c in self._config.cameras if c.name == name), None)
        if camera is None or camera.features is None:
            raise UsageError("that camera keeps no features")
        start, end = _seconds(asked.get("start")), _seconds(asked.get("end"))
        file = f"{camera.name}-{round(start)}-{round(end)}.features"
        copied = KeptFeatures(camera.features).copy(
            self._store.folder / "background" / file, start, end
        )
        if not copied:
            raise UsageError("nothing is kept of these hours any more")
        self._store.offer_quiet(Quiet(camera.name, start, end, file))

    def withdraw(self, asked: Mapping[str, Any]) -> None:
        """Takes back that hours are background: ``number``."""
        self._store.forget_quiet(_whole(asked.get("number")))

    def record(self) -> None:
        """Keeps the last seconds of every camera, and the next, as clips."""
        self._record()

    def draw(self, asked: Mapping[str, Any]) -> None:
        """Has zones and masks count from now on: ``camera``, ``zones``, ``masks``, ``follow``.

        Raises:
            UsageError: they make no sense.
            EdgevidError: they cannot be kept, or do not take effect.
        """
        name = asked.get("camera")
        camera = next((c for c in self._config.cameras if c.name == name), None)
        if camera is None:
            raise UsageError("there is no such camera")
        drawn = drawing.read(asked)
        with self._changing:
            if self._watching is not None:
                self._watching.draw({**self.drawings(), camera.name: drawn}, _DRAWN)
            self._store.draw(camera.name, drawn.as_json())

    # Models

    def teach(self) -> None:
        """Starts to teach.

        Raises:
            UsageError: there is nothing to learn from, or it is being taught already.
            OutputError: the disk is full.
        """
        lessons = lists.lessons(self._store)
        if lessons.problem:
            raise UsageError(lessons.problem)
        number = self._store.new_number()
        folder = self._store.folder
        listed = folder / "lessons.csv"
        with atomic_file(listed) as file:
            file.write(lessons.table(folder / "clips").encode())
        runs = self._store.used()[0]
        about = next((m.about for m in self._store.models() if m.number == runs), {})
        follow, detector, warnings = self._followed_in(lessons)
        job = {
            "follow": follow,
            "detector": detector,
            "warnings": warnings,
            "list": str(listed) if lessons.rows else "",
            "background": [str(path) for path in lessons.background],
            "output": str(self._store.model(number)),
            "features": str(folder / "features"),
            "model": self._config.model.name,
            "before": "" if runs is None else str(self._store.model(runs)),
            "false_alarms": _FALSE_ALARMS,
            "events": self._last_week(),
            "seen": about.get("clips", []),
        }

        def done(about: Mapping[str, Any]) -> None:
            self._store.add_model(number, about)
            self._store.forget_models()
            _LOG.info("taught model %d: %s", number, ", ".join(lessons.shown))

        self._teacher.start(job, done)

    def _followed_in(self, lessons: lists.Lessons) -> tuple[str, str, list[str]]:
        """Returns what is followed in what is taught, by which detector, and what is odd in that.

        A model knows such pictures as it was taught with: those that the cameras now watch.
        """
        now = self._watching.following() if self._watching is not None else {}
        ways = {
            (what, camera.detector if finds_people(what) else "")
            for camera in self._config.cameras
            if camera.name in lessons.cameras
            for what in (now.get(camera.name, ""),)
        }
        if lessons.background:
            ways.add(("", ""))
        if len(ways) > 1:
            return "", "", ["what is taught follows different things: taught with whole pictures"]
        what, detector = ways.pop() if ways else ("", "")
        return what, detector, []

    def stop_teaching(self) -> None:
        """Ends the teaching; the next one goes on where it was."""
        self._teacher.stop()

    @property
    def teacher(self) -> int | None:
        """The process that teaches; None when there is none."""
        return self._teacher.pid

    def use(self, asked: Mapping[str, Any]) -> None:
        """Has a taught model watch, now and after a restart: ``number``.

        Raises:
            UsageError: there is no such model, or it does not go with the config.
            EdgevidError: it cannot be loaded.
        """
        number = _whole(asked.get("number"))
        if number not in [model.number for model in self._store.models()]:
            raise UsageError("there is no such model")
        with self._changing:
            if self._store.used()[0] == number:
                return
            self._run(number)
            self._store.use(number)

    def give_way(self) -> None:
        """A model runs that was chosen elsewhere: no taught one does after a restart."""
        with self._changing:
            if self._store.used()[0] is not None:
                self._store.use(None)

    def undo(self) -> None:
        """Has the model watch again that did before.

        Raises:
            UsageError: there is none.
            EdgevidError: it cannot be loaded.
        """
        with self._changing:
            used = self._store.used()
            if len(used) < 2:
                raise UsageError("there is no model to go back to")
            self._run(used[1])
            self._store.undo()

    def week(self, number: int) -> list[dict[str, Any]]:
        """Returns which events of the week before a model was taught would have come with it."""
        model = next((m for m in self._store.models() if m.number == number), None)
        return list(model.about.get("week", ())) if model is not None else []

    def _run(self, number: int | None) -> None:
        model = self._untaught() if number is None else self._loaded(number)
        if self._watching is not None:
            self._watching.use(model, _CHANGED)
        _LOG.info("%s watches from now on", model.manifest.name)

    def _configured(self) -> Model:
        config = self._config.model
        model = load_model(config.name, labels=config.labels, threads=config.threads)
        self._check(model)
        return model

    def _loaded(self, number: int) -> Model:
        model = load_model(self._store.model(number), threads=self._config.model.threads)
        self._check(model)
        return model

    def _clip(self, asked: Mapping[str, Any]) -> tuple[Path, dict[str, Any]]:
        name = asked.get("clip")
        video = self.find(name) if isinstance(name, str) else None
        about = kept.described(video.with_suffix(".json")) if video is not None else None
        if video is None or about is None:
            raise UsageError("there is no such clip any more")
        return video, about

    def _last_week(self) -> list[dict[str, Any]]:
        found = []
        since = time.time() - _WEEK_S
        clips = {clip["video"]: clip for clip in kept.listed(self._clips)}
        clips |= {clip["video"]: clip for clip in kept.listed(self._store.folder / "clips")}
        for name, clip in clips.items():
            if _moment(clip["began"]) < since or (video := self.find(name)) is None:
                continue
            for event in lists.starts(clip):
                found.append(
                    {
                        "clip": name,
                        "place": event["place"],
                        "label": event["label"],
                        "second": event["second"],
                        "source": str(video),
                    }
                )
        return found[:_MOST_EVENTS]


def _said_of(judged: Judgement | None) -> dict[str, str]:
    if judged is None:
        return {"verdict": "", "shows": ""}
    return {"verdict": judged.verdict, "shows": judged.shows}


def _short(about: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what the page shows of a model."""
    week = about.get("week", ())
    return {
        **{key: about.get(key) for key in ("labels", "warnings", "held_out", "recordings",
                                           "minutes", "seen_before", "follows")},
        "week": len(week),
        "gone": [
            {"clip": one["clip"], "place": one["place"]} for one in week if not one["comes"]
        ],
    }  # fmt: skip


def _label(asked: Mapping[str, Any]) -> str:
    label = asked.get("label", "")
    label = label.strip() if isinstance(label, str) else ""
    if asked.get("verdict") in (RIGHT, WRONG):
        return label
    if problem := label_problem(label):
        raise UsageError(problem)
    return label


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e11:
        raise UsageError("times are seconds")
    return float(value)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError("a number is missing")
    return value


def _moment(text: str) -> float:
    """Returns an ISO 8601 moment as Unix seconds; 0 where it is none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def as_bytes(value: Mapping[str, Any]) -> bytes:
    """Returns JSON in ASCII: the name of a file may be no text that can be sent otherwise."""
    return json.dumps(value).encode()
