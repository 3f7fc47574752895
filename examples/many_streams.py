"""Several streams of one model: the network is loaded once, and each stream has its own state.

python examples/many_streams.py [VIDEO [MODEL]]

The second stream sees the video mirrored, so a pan to the left is one to the right for it.
"""

import sys

import edgevid
from edgevid.cli.demo import CLIP  # comes with edgevid


def main(video: str = str(CLIP), model_name: str = "camera-motion") -> None:
    """Prints the most probable label of both streams."""
    model = edgevid.load_model(model_name)
    plain, mirrored = edgevid.Watch(model.stream()), edgevid.Watch(model.stream())
    with edgevid.open_source(video) as frames:
        for frame in frames:
            here = plain.take(frame).prediction
            there = mirrored.take(frame.changed(lambda image: image[:, ::-1])).prediction
            if here and there:
                print(f"{frame.timestamp:6.1f} s  {here.top.label:24}  {there.top.label}")


if __name__ == "__main__":
    main(*sys.argv[1:])
