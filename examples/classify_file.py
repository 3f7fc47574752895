"""Labels a video: one line for each prediction.

python examples/classify_file.py [VIDEO [MODEL]]
"""

import sys

import edgevid
from edgevid.cli.demo import CLIP  # comes with edgevid


def main(video: str = str(CLIP), model_name: str = "camera-motion") -> None:
    """Prints the most probable label, five times a second of the video."""
    model = edgevid.load_model(model_name)
    for prediction in edgevid.classify(video, model):
        top = prediction.top
        print(f"{prediction.timestamp:6.1f} s  {top.label}  {top.probability:.0%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
