"""``python -m edgevid.stream``: recognises actions in a camera or a video.

Arguments become objects, the loop runs over them, and the end becomes an exit code.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgevid.cli import clashes, options
from edgevid.cli.keeping import Keeper
from edgevid.cli.options import Options
from edgevid.errors import EdgevidError, OutputError, UsageError
from edgevid.models import locate
from edgevid.models.load import load_model
from edgevid.plain_text import readable
from edgevid.records import Event, Frame, Prediction, Problem, Summary
from edgevid.regions import follow
from edgevid.runtime.model import Model, Stream
from edgevid.runtime.rules import NAMED
from edgevid.runtime.watch import Watch
from edgevid.sinks import Sink, open_sinks
from edgevid.sources import Source, clips, freshest, open_camera, open_source
from edgevid.sources.address import without_secrets
from edgevid.support import command
from edgevid.support.orientation import oriented
from edgevid.support.percentiles import Percentiles

if TYPE_CHECKING:
    from edgevid.regions.following import FollowingWatch

    AnyWatch = Watch | FollowingWatch


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    chosen = options.parse(arguments)
    return command.guard(lambda: _Run(chosen).go(), debug=chosen.debug)


class _Run:
    """One run of the command, over one source or many.

    Whatever happens, what was computed is kept: a source that breaks off costs neither what was
    read of it nor the others, an output that fails does not cost the others.
    """

    def __init__(self, chosen: Options) -> None:
        self._options = chosen
        self._sinks: list[Sink] = []
        self._source: Source | None = None
        self._name = ""  # of what is watched
        self._stopping = False
        self._worth_keeping = False
        self._problems: list[Problem] = []
        self._code = command.OK
        self._frames = self._predictions = self._skipped = self._unreadable = self._saved = 0
        self._gated = False
        self._times = Percentiles()
        self._started = time.monotonic()
        self._keeper: Keeper | None = None
        self._turns = chosen.mirror or chosen.rotate != 0

    def go(self) -> int:
        chosen = self._options
        self._check_files()
        model = load_model(
            chosen.model, labels=chosen.labels, threads=chosen.threads, backend=chosen.backend
        )
        fps = chosen.fps or model.manifest.fps
        if fps != model.manifest.fps:
            command.complain(
                f"{fps:g} steps a second, though the model expects {model.manifest.fps:g}"
            )
        watch = self._new_watch(model, fps)
        with ExitStack() as cleanup:
            self._keeper = self._open_keeper(model)
            for number in _signals():
                cleanup.callback(signal.signal, number, signal.signal(number, self._on_signal))
            self._sinks = open_sinks(
                output=chosen.output,
                save=chosen.save,
                headless=chosen.headless,
                crop=chosen.crop,
                on_close=self._stop,
            )
            for sink in self._sinks:
                cleanup.callback(sink.abandon)
            try:
                self._watch_all(watch)
            except KeyboardInterrupt:
                self._note("interrupted")
                raise
            except Exception as error:
                self._note(str(error) or type(error).__name__)
                raise
            finally:
                if self._keeper is not None:
                    self._keeper.close()
                if self._worth_keeping:
                    self._finish()
        return self._code

    def _new_watch(self, model: Model, fps: float) -> AnyWatch:
        chosen = self._options
        rules = chosen.event_rules(model.manifest)

        def new_stream() -> Stream:
            return model.stream(
                memory=chosen.memory,
                top_k=max(chosen.top_k, options.FOLLOWED),
                allow=chosen.allow,
                deny=chosen.deny,
                fit=chosen.fit,
                crop=chosen.crop,
            )

        what = self._what_to_follow(model)
        if what == options.WHOLE:
            return Watch(new_stream(), rules, fps=fps)
        return follow(
            what,
            new_stream,
            rules=rules,
            fps=fps,
            tracks=chosen.tracks,
            detector=chosen.detector,
            threads=chosen.threads,
            zones=chosen.zones,
            dwell_s=chosen.dwell,
        )

    def _what_to_follow(self, model: Model) -> str:
        """Returns what is asked for, or else what the model was taught with."""
        chosen = self._options
        taught = model.manifest.follows or options.WHOLE
        elsewhere = chosen.crop is not None or chosen.keep_features is not None
        what = chosen.follow or (options.WHOLE if elsewhere else taught)
        if what != taught and model.manifest.head is not None:
            command.complain(
                f"{readable(chosen.model)} was taught with --follow {taught}, and is run with "
                f"--follow {what}: it sees other pictures than it knows"
            )
        return what

    def _check_files(self) -> None:
        chosen = self._options
        output = Path(chosen.output) if chosen.output not in (None, "-") else None
        outputs = {
            "--output": output,
            "--save": chosen.save,
            "--keep-features": chosen.keep_features,
        }
        model: Path | None = Path(chosen.model)
        if any(path is not None and path.suffix == ".tflite" for path in outputs.values()):
            with suppress(EdgevidError):  # to load it will say what is wrong
                model = locate.find(chosen.model) or model
        rules = None if chosen.rules is None or chosen.rules in NAMED else Path(chosen.rules)
        files = {"the model": model, "the labels' file": chosen.labels, "the rules": rules}
        clashes.check(outputs, files=files, sources=chosen.sources)

    def _watch_all(self, watch: AnyWatch) -> None:
        if self._options.camera is not None:
            with self._going_on():
                self._watch(self._options.camera, watch)
        found: list[str] = []
        for spec in self._options.sources:
            self._name = without_secrets(spec)
            with self._going_on():
                found += clips(spec)
        for number, clip in enumerate(found):
            if self._stopping:
                self._name = without_secrets(clip)
                more = len(found) - number - 1
                self._note("not begun" + (f", nor the {more} after it" if more else ""))
                return
            with self._going_on():
                self._watch(clip, watch)

    @contextmanager
    def _going_on(self) -> Iterator[None]:
        """What is wrong with one source must not cost the others."""
        try:
            yield
        except EdgevidError as error:
            if self._options.debug:
                raise
            self._complain(error)

    def _watch(self, spec: str, watch: AnyWatch) -> None:
        """Runs one source from its first frame to its last."""
        self._name = without_secrets(spec)
        before = watch.skipped
        with self._open(spec) as source:
            watch.gated = source.is_live and not self._options.always
            self._gated = self._gated or watch.gated
            self._source, self._name = source, source.name
            self._each(lambda sink: sink.start(source))
            try:
                for frame in self._frames_of(source):
                    self._tell(self._take(watch, frame))
                self._worth_keeping = True
            finally:
                self._tell(watch.end(reset=not self._options.continuous))
                if self._keeper is not None and not self._options.continuous:
                    self._keeper.end()
                self._skipped += watch.skipped - before
                self._saved = watch.saved
                self._unreadable += source.unreadable

    def _open_keeper(self, model: Model) -> Keeper | None:
        path = self._options.keep_features
        if path is None:
            return None

        def complain(error: EdgevidError) -> None:
            name, self._name = self._name, str(path)
            self._complain(error)
            self._name = name

        return Keeper(path, model, int(self._options.keep_features_mb * 1e6), complain)

    def _take(self, watch: AnyWatch, frame: Frame) -> list[Event]:
        """Gives one frame to the watch, and what comes of it to the sinks; returns the events."""
        if isinstance(watch, Watch):
            prediction, events = watch.take(frame)
            if prediction is not None and self._keeper is not None:
                self._keeper.add(watch, prediction)
            shown = self._counted(prediction) if prediction is not None else None
            self._each(lambda sink: sink.take(frame, shown))
            return events
        predictions, events = watch.take(frame)
        worth = None if predictions is None else [self._counted(one) for one in predictions]
        self._each(lambda sink: sink.take_tracks(frame, worth))
        return events

    def _counted(self, prediction: Prediction) -> Prediction:
        """Counts a prediction; returns what of it is worth saying."""
        self._predictions += 1
        if prediction.inference_ms:  # a step was taken
            self._times.add(prediction.inference_ms)
        self._worth_keeping = True
        return self._worth_saying(prediction)

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            self._each(lambda sink: sink.event(event))  # noqa: B023

    def _finish(self) -> None:
        # The console last, the video first: the others tell what became of it.
        self._sinks.reverse()
        self._each(lambda sink: sink.finish(self._summary()))

    def _each(self, give: Callable[[Sink], None]) -> None:
        """Gives every sink its turn. One that fails keeps what it can, and takes no more."""
        for sink in self._sinks:
            try:
                give(sink)
            except OutputError as error:
                self._complain(error)

    def _complain(self, error: EdgevidError) -> None:
        command.complain(str(error))
        self._note(str(error))
        wrong = command.WRONG_USAGE if isinstance(error, UsageError) else command.FAILED
        self._code = self._code or wrong

    def _note(self, problem: str) -> None:
        """Keeps for the summary what is missing."""
        name = readable(self._name)
        problem = readable(problem).removeprefix(f"{name}: ")
        self._problems.append(Problem(name, problem))

    def _is_heard(self) -> bool:
        """Whether what the run is for still takes anything; the console comes along."""
        return any(sink.is_open for sink in self._sinks[1:] or self._sinks)

    def _open(self, spec: str) -> Source:
        if self._options.camera is not None:
            source = open_camera(spec)
        else:
            source = open_source(spec, picture_fps=self._options.picture_fps)
        if self._options.realtime and not source.is_live:
            from edgevid.sources.realtime import RealtimeSource

            source = RealtimeSource(source)
        return freshest(source)

    def _frames_of(self, source: Source) -> Iterator[Frame]:
        end = None
        for frame in source:
            end = end or frame.timestamp + self._options.duration
            if not self._stopping and not self._is_heard():
                self._code = self._code or command.FAILED
                self._stop()
            if self._stopping and not source.is_live:
                self._note(f"stopped at {frame.timestamp:.1f} s")
            if self._stopping or frame.timestamp >= end:
                return
            self._frames += 1
            yield frame.changed(self._oriented) if self._turns else frame

    def _oriented(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return oriented(image, rotate=self._options.rotate, mirror=self._options.mirror)

    def _worth_saying(self, prediction: Prediction) -> Prediction:
        first = prediction.scores[: self._options.top_k]
        least = self._options.score_threshold
        return replace(prediction, scores=tuple(s for s in first if s.probability >= least))

    def _summary(self) -> Summary:
        return Summary(
            frames=self._frames,
            predictions=self._predictions,
            skipped_ticks=self._skipped,
            unreadable=self._unreadable,
            inference_ms={f"p{n}": round(self._times.at(n), 3) for n in (50, 95, 99)},
            wall_s=round(time.monotonic() - self._started, 3),
            problems=tuple(self._problems),
            saved=self._saved if self._gated else None,
        )

    def _stop(self) -> None:
        """Ends the run after the current frame."""
        self._stopping = True
        stop = getattr(self._source, "stop", None)
        if stop is not None:
            stop()

    def _on_signal(self, number: int, frame: object) -> None:
        self._stop()
        signal.signal(number, signal.default_int_handler)  # a second signal ends it at once


def _signals() -> list[signal.Signals]:
    """Returns the signals that end a run well: Ctrl-C, a polite kill, a terminal that closes."""
    ends = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        ends.append(signal.SIGHUP)
    return ends
