"""Writes a video with the labels drawn into each frame.

python examples/labelled_video.py [VIDEO [LABELLED.mp4 [MODEL]]]
"""

import sys
from pathlib import Path

import edgevid
from edgevid.cli.demo import CLIP  # comes with edgevid


def main(
    video: str = str(CLIP), labelled: str = "labelled.mp4", model_name: str = "camera-motion"
) -> None:
    """Draws the latest prediction into each frame, at the frame's own time."""
    model = edgevid.load_model(model_name)
    watch = edgevid.Watch(model.stream(top_k=3))
    output = edgevid.open_video(Path(labelled))
    try:
        with edgevid.open_source(video) as source:
            output.start(source.fps)
            latest = None
            for frame in source:
                latest = watch.take(frame).prediction or latest
                output.show(edgevid.draw(frame, latest), frame.timestamp)
        output.finish()  # now the file gets its name
    finally:
        output.abandon()  # after an error there is no half-written file; else without effect
    print(labelled)


if __name__ == "__main__":
    main(*sys.argv[1:])
