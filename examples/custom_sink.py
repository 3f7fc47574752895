"""A sink of one's own: how long each action went on, as a CSV file.

python examples/custom_sink.py [VIDEO [OUT.csv [MODEL]]]
"""

import csv
import sys
import time
from collections import defaultdict
from pathlib import Path

import edgevid
from edgevid.cli.demo import CLIP  # comes with edgevid
from edgevid.records import Summary
from edgevid.sinks import Sink


class DurationsSink(Sink):
    """Adds up the seconds of each action, and writes them at the end.

    Args:
        path: the CSV file.
    """

    def __init__(self, path: Path) -> None:
        self.is_open = True
        self._path = path
        self._started: dict[str, float] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def start(self, source: edgevid.Source) -> None:
        """A clip or camera begins; its time has nothing to do with the last one's."""
        self._started.clear()

    def take(self, frame: edgevid.Frame, prediction: edgevid.Prediction | None) -> None:
        """Frames do not matter here, only events."""

    def event(self, event: edgevid.Event) -> None:
        """Notes a start; adds what went by until the end."""
        if event.state == "start":
            self._started[event.label] = event.timestamp
        else:
            self._seconds[event.label] += event.timestamp - self._started.pop(event.label)

    def finish(self, summary: Summary) -> None:
        """Writes the file."""
        with self._path.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["label", "seconds"])
            longest_first = sorted(self._seconds.items(), key=lambda row: -row[1])
            table.writerows((label, f"{seconds:.1f}") for label, seconds in longest_first)

    def abandon(self) -> None:
        """Nothing has been written yet."""


def main(
    video: str = str(CLIP), table: str = "durations.csv", model_name: str = "camera-motion"
) -> None:
    """Feeds the sink in the way that ``python -m edgevid.stream`` feeds its own."""
    watch = edgevid.Watch(edgevid.load_model(model_name).stream())
    sink = DurationsSink(Path(table))
    frames = predictions = 0
    started = time.monotonic()
    with edgevid.open_source(video) as source:
        sink.start(source)
        for frame in source:
            prediction, events = watch.take(frame)
            frames += 1
            predictions += prediction is not None
            sink.take(frame, prediction)
            for event in events:
                sink.event(event)
        for event in watch.end():
            sink.event(event)
    sink.finish(
        Summary(
            frames=frames,
            predictions=predictions,
            skipped_ticks=watch.skipped,
            unreadable=source.unreadable,
            inference_ms={},
            wall_s=time.monotonic() - started,
        )
    )
    print(table)


if __name__ == "__main__":
    main(*sys.argv[1:])
