"""``python -m benchmarks.exported.views CONFIG FOLDER``: other views of the clips held out.

The networks that a cross-validation left in a folder (``out/folds/base``) look at the people whom
they never saw: at the whole picture; at the first thing that moves, the largest of several, as a
stream of ``--follow motion`` sees it; at the part in which something moves in any frame of the
clip, which no camera knows beforehand; and at the whole and one of these, the logarithms of their
probabilities added. And with other memories. All views are of the cached frames, so that they
differ in nothing else: a few clips are named otherwise than when they are verified.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from benchmarks import report
from edgevid.records import Frame
from edgevid.runtime.preprocess import Preprocess
from edgevid.support.command import OK, guard
from export.config import read_config
from export.data.augment import Box, moving_part
from export.data.followed import Follower
from export.data.frames import Frames, Pictures
from export.model import checkpoint
from export.model.network import Network, alphas, in_frames
from export.pipeline import split
from export.training.folds import Validated, table

MEMORIES = (6.0, 15.0, 30.0)
_LEAST = 0.45  # of the shorter side: the narrowest that training shows
_ROOM = 1.15  # as in training
_PAD_TO = 8  # frames


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; returns its exit code."""
    parser = report.arguments("benchmarks.exported.views", __doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("folder", type=Path)
    return guard(lambda: _run(parser.parse_args(arguments)))


def _run(chosen: Any) -> int:
    plan = read_config(chosen.config, chosen.folder.parents[1])
    data = replace(plan.job, test=None).load()  # which is not for choosing
    memory = in_frames(plan.job.recipe.memory, data.fps)
    frames = {str(clip.path): frames for clip, frames in data.train}
    right: dict[str, list[dict[str, bool]]] = {}
    groups = {str(clip.path): clip.group for clip, _ in data.train}
    for number, part in enumerate(split(plan, data), 1):
        network, _ = checkpoint.load(chosen.folder / f"fold{number}" / "network.npz")
        clips = [str(clip.path) for clip in part.validation.clips]
        seen = {name: [view(frames[c], data.fps, data.size) for c in clips] for name, view in VIEWS}
        features = {
            name: [_features(network, clip) for clip in shown] for name, shown in seen.items()
        }
        said = {n: _logits(network, each, memory) for n, each in features.items()}
        for other in MEMORIES:
            if other != memory:
                said[f"whole, memory of {other:g} frames"] = _logits(
                    network, features["whole"], other
                )
        for name in ("followed", "moving part"):
            said[f"whole and {name}"] = said["whole"] + said[name]
        for name, logits in said.items():
            hits = logits.argmax(1) == part.validation.truth
            right.setdefault(name, []).append(dict(zip(clips, hits.tolist(), strict=True)))
    found = [Validated(name, tuple(folds), groups) for name, folds in right.items()]
    print(table(found))
    report.write_json(chosen.json, {each.name: each.top1 for each in found})
    return OK


def _whole(frames: Frames, fps: float, size: int) -> Pictures:
    return frames.pictures(size=size, fps=fps)


def _followed(frames: Frames, fps: float, size: int) -> Pictures:
    """What moves, as a stream that follows it is shown it; where nothing is, the whole picture."""
    preprocess = Preprocess(size, size)
    whole = [
        Frame(frames.picture(index), float(frames.timestamps[index]), index)
        for index in frames.paced(fps)
    ]
    followed = {frame.index: frame for frame in Follower("motion", fps)(whole)}
    return np.stack(
        [preprocess.fit(followed.get(frame.index, frame).image).copy() for frame in whole]
    )


def _moving(frames: Frames, fps: float, size: int) -> Pictures:
    """The part in which something moves in any frame."""
    preprocess, box = Preprocess(size, size), moving_part(frames, fps)
    return np.stack(
        [preprocess.fit(_square(frames.picture(i), box)).copy() for i in frames.paced(fps)]
    )


def _square(picture: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    left, top, right, bottom = np.multiply(box, (width, height, width, height))
    short = min(height, width)
    side = round(min(short, max(_LEAST * short, _ROOM * max(right - left, bottom - top))))
    x = round(min(max((left + right - side) / 2, 0), width - side))
    y = round(min(max((top + bottom - side) / 2, 0), height - side))
    return np.ascontiguousarray(picture[y : y + side, x : x + side])


VIEWS: tuple[tuple[str, Callable[[Frames, float, int], Pictures]], ...] = (
    ("whole", _whole),
    ("followed", _followed),
    ("moving part", _moving),
)


def _features(network: Network, clip: Pictures) -> NDArray[np.float32]:
    """Of each frame by itself, ``[frames, channels]``."""
    length = -(-len(clip) // _PAD_TO) * _PAD_TO
    image = np.zeros((1, length, *clip.shape[1:]), np.float32)
    image[0, : len(clip)] = clip / np.float32(255)
    alpha = tf.ones([1, length])  # the mean of one frame
    made, _ = network.pooled({"image": tf.constant(image), "alpha": alpha})
    found: NDArray[np.float32] = made[0, : len(clip)].numpy()
    return found


def _logits(
    network: Network, features: Sequence[NDArray[np.float32]], memory: float
) -> NDArray[np.float32]:
    """Log probabilities after each clip's last frame, ``[clips, classes]``."""
    means = []
    for clip in features:
        mean = np.zeros_like(clip[0])
        for frame, alpha in zip(clip, alphas(len(clip), memory), strict=True):
            mean += alpha * (frame - mean)
        means.append(mean)
    found: NDArray[np.float32] = tf.nn.log_softmax(network.classify(np.stack(means))).numpy()
    return found


if __name__ == "__main__":
    sys.exit(main())
