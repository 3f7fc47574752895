"""Teaches a label of one's own from a table, and watches with what came of it.

python examples/teach_own.py [TABLE [SOURCE [MODEL]]]

TABLE has columns path, start, end and label. Without one it is made here: where the camera pans in
the clip that comes with edgevid.
"""

import sys
from pathlib import Path

import edgevid
from edgevid.cli.demo import CLIP  # comes with edgevid
from edgevid.teach import teach

PANS = f"path,start,end,label\n{CLIP},1.6,3.6,pan\n{CLIP},5.2,7.2,pan\n"


def main(table: str = "", source: str = str(CLIP), model_name: str = "camera-motion") -> None:
    """Teaches, says how sure it is, and prints what it finds."""
    if not table:
        table = "pans.csv"
        Path(table).write_text(PANS)
    result = teach(table, "own.tflite", model=model_name)
    for warning in result.warnings:
        print(f"careful: {warning}")
    watch = edgevid.Watch(edgevid.load_model("own.tflite").stream())
    with edgevid.open_source(source) as frames:
        for frame in frames:
            for event in watch.take(frame).events:
                print(f"{event.timestamp:6.1f} s  {event.state:5}  {event.label}")


if __name__ == "__main__":
    main(*sys.argv[1:])
