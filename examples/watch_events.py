"""A loop of one's own: the events of a camera or a video, as they happen.

python examples/watch_events.py [SOURCE [MODEL]]

SOURCE is a video, a camera's number, ``picamera`` or an address.
"""

import sys

import edgevid
from edgevid.cli.demo import CLIP  # comes with edgevid


def main(source: str = str(CLIP), model_name: str = "camera-motion") -> None:
    """Prints a line whenever an action starts or ends."""
    model = edgevid.load_model(model_name)
    watch = edgevid.Watch(model.stream())
    # Of a camera, ``freshest`` gives the newest frame: it drops frames if the model is too slow.
    with edgevid.freshest(edgevid.open_source(source)) as frames:
        try:
            for frame in frames:
                report(watch.take(frame).events)
        except KeyboardInterrupt:
            pass  # Ctrl-C ends the watch of a camera
    report(watch.end())  # what was still going on


def report(events: list[edgevid.Event]) -> None:
    """Prints events."""
    for event in events:
        print(f"{event.timestamp:6.1f} s  {event.state:5}  {event.label}  {event.probability:.0%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
