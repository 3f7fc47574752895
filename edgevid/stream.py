"""``python -m edgevid.stream``: says what happens in front of a camera or in a video.

Arguments become objects, the loop runs over them, and the end becomes an exit code.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgevid import command, options
from edgevid.errors import SourceError
from edgevid.loading import load_model
from edgevid.loop import freshest
from edgevid.options import Options
from edgevid.orientation import oriented
from edgevid.percentiles import Percentiles
from edgevid.records import Frame, Prediction, Summary
from edgevid.sinks import Sink, open_sinks
from edgevid.sources import Source, clips, open_camera, open_source
from edgevid.watch import Watch

# Labels a step that events are made from, however few are to be said.
_FOLLOWED = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    chosen = options.parse(arguments)
    return command.guard(lambda: _Run(chosen).go(), debug=chosen.debug)


class _Run:
    """One run of the command, over one source or many."""

    def __init__(self, chosen: Options) -> None:
        self._options = chosen
        self._source: Source | None = None
        self._stopping = False
        self._worth_keeping = False
        self._frames = self._predictions = self._skipped = self._unreadable = 0
        self._times = Percentiles()
        self._started = time.monotonic()
        self._turns = chosen.mirror or chosen.rotate != 0

    def go(self) -> int:
        chosen = self._options
        model = load_model(
            chosen.model, labels=chosen.labels, threads=chosen.threads, backend=chosen.backend
        )
        fps = chosen.fps or model.manifest.fps
        if fps != model.manifest.fps:
            command.complain(
                f"{fps:g} steps a second, though the model expects {model.manifest.fps:g}"
            )
        stream = model.stream(
            memory=chosen.memory,
            top_k=max(chosen.top_k, _FOLLOWED),
            allow=chosen.allow,
            deny=chosen.deny,
            fit=chosen.fit,
            crop=chosen.crop,
        )
        watch = Watch(stream, chosen.event_rules(model.manifest.events), fps=fps)
        failures = 0
        with ExitStack() as cleanup:
            for number in (signal.SIGINT, signal.SIGTERM):
                cleanup.callback(signal.signal, number, signal.signal(number, self._on_signal))
            sinks = open_sinks(
                output=chosen.output,
                save=chosen.save,
                headless=chosen.headless,
                crop=chosen.crop,
                on_close=self._stop,
            )
            for sink in sinks:
                cleanup.callback(sink.abandon)
            for spec in self._specs():
                if self._stopping:
                    break
                try:
                    self._watch(spec, watch, sinks)
                except SourceError as error:
                    # One bad clip among many must not cost the others.
                    if chosen.debug:
                        raise
                    command.complain(str(error))
                    failures += 1
            if self._worth_keeping:
                summary = self._summary()
                for sink in sinks:
                    sink.finish(summary)
        return command.FAILED if failures else command.OK

    def _specs(self) -> list[str]:
        if self._options.camera is not None:
            return [self._options.camera]
        return [clip for spec in self._options.sources for clip in clips(spec)]

    def _watch(self, spec: str, watch: Watch, sinks: list[Sink]) -> None:
        """Runs one source from its first frame to its last."""
        before = watch.skipped
        with self._open(spec) as source:
            self._source = source
            for sink in sinks:
                sink.start(source)
            try:
                for frame in self._frames_of(source):
                    prediction, events = watch.take(frame)
                    if prediction is not None:
                        self._predictions += 1
                        self._times.add(prediction.inference_ms)
                        # What a camera has shown stays true even if it breaks off later.
                        self._worth_keeping |= source.is_live
                    shown = self._worth_saying(prediction) if prediction is not None else None
                    for sink in sinks:
                        sink.take(frame, shown)
                        for event in events:
                            sink.event(event)
                self._worth_keeping = True
            finally:
                for event in watch.end(reset=not self._options.continuous):
                    for sink in sinks:
                        sink.event(event)
                self._skipped += watch.skipped - before
                self._unreadable += source.unreadable

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
        )

    def _stop(self) -> None:
        """Ends the run after the frame at hand."""
        self._stopping = True
        stop = getattr(self._source, "stop", None)
        if stop is not None:
            stop()

    def _on_signal(self, number: int, frame: object) -> None:
        self._stop()
        signal.signal(number, signal.default_int_handler)  # whoever asks twice means at once


if __name__ == "__main__":
    sys.exit(main())
