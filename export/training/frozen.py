"""What the frozen stages make of a clip, computed once for several variations of it.

Frozen stages give the same for the same pictures. So a training whose variations of the clips are
made beforehand, a few of each clip, needs neither pictures nor those stages in its epochs. A file
holds what they make of one variation of a clip; what is there already is not made again, be it from
an interrupted run or from another fold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from edgevid.support.atomic_file import atomic_file
from export.data.augment import Augmentation, Box, vary
from export.data.frames import Frames
from export.data.prefetch import prefetched
from export.model.network import Network

_AHEAD = 8  # variations prepared while one goes through the stages
_CHUNK = 16  # frames at a time at most, so that one graph does for all clips
_STRENGTH = (0.1, 0.35)  # of another clip's first frame that shines through

Features = NDArray[np.float16]
"""What goes into the first stage that is trained: ``[frames, height, width, channels]``."""


class Filmed(Protocol):
    """A clip to be varied."""

    @property
    def frames(self) -> Frames:
        """Its frames."""
        ...

    @property
    def box(self) -> Box:
        """What to keep in view."""
        ...


class FrozenFeatures:
    """Features of variations of clips, in files."""

    def __init__(
        self,
        network: Network,
        frozen: int,
        clips: Sequence[Filmed],
        folder: Path,
        *,
        variations: int,
        size: int,
        fps: float,
        augmentation: Augmentation,
        seed: int,
    ) -> None:
        """Computes what is not there yet.

        Args:
            network: whose first stages are frozen.
            frozen: how many of them.
            clips: to be varied.
            folder: for the files.
            variations: of each clip.
            size: of the network's input in pixels.
            fps: of the network.
            augmentation: how far variations differ. Other clips do not shine through: that is left
                to ``shown``, as what is held out must not be seen in what is trained on.
            seed: of the variations.

        Raises:
            OutputError: they cannot be written.
        """
        self._overlay = augmentation.overlay
        self._variations = variations
        plain = replace(augmentation, overlay=0.0)
        stages = [v.numpy().tobytes() for s in network.stages[:frozen] for v in s.variables]
        made_by = repr((frozen, size, fps, asdict(plain), seed)).encode()
        common = _digest(made_by, *stages).encode()
        self._paths = [
            [folder / f"{name}-{number}.npy" for number in range(variations)]
            for name in (_digest(common, *clip.frames.jpegs) for clip in clips)
        ]
        lacking = [
            (path, place, number)
            for place, paths in enumerate(self._paths)
            for number, path in enumerate(paths)
            if not path.exists()
        ]

        def picture(task: tuple[Path, int, int]) -> NDArray[np.uint8]:
            path, place, number = task
            frames, box = clips[place].frames, clips[place].box
            chance = np.random.default_rng([seed, number, int(path.name[:12], 16)])
            return vary(
                frames, box, frames.picture(0), size=size, fps=fps, augmentation=plain, rng=chance
            )

        through = _through(network, frozen)
        made = prefetched(picture, lacking, _AHEAD)
        progress = tqdm(lacking, "frozen stages", unit="clip", leave=False, mininterval=1)
        for (path, _, _), clip in zip(progress, made, strict=True):
            with atomic_file(path, make_folder=True) as file:
                np.save(file, through(clip))

    def shown(self, place: int, other: int, rng: np.random.Generator) -> Features:
        """A variation of a clip, with the beginning of another shining through where it is drawn.

        Args:
            place: of the clip among those that were given.
            other: that of the other.
            rng: decides.
        """
        features = self._one(place, rng)
        if rng.random() < self._overlay:
            strength = rng.uniform(*_STRENGTH)
            still = self._one(other, rng)[:1].astype(np.float32)
            return (features * (1 - strength) + still * strength).astype(np.float16)
        return features

    def _one(self, place: int, rng: np.random.Generator) -> Features:
        found: Features = np.load(self._paths[place][int(rng.integers(self._variations))])
        return found


def _through(network: Network, frozen: int) -> Callable[[NDArray[np.uint8]], Features]:
    @tf.function
    def run(image: Any) -> Any:
        return network.before(tf.cast(image, tf.float32) / 255, frozen)

    def through(clip: NDArray[np.uint8]) -> Features:
        length = -(-len(clip) // _CHUNK) * _CHUNK  # the stages are causal: padding changes nothing
        padded = np.zeros((1, length, *clip.shape[1:]), np.uint8)
        padded[0, : len(clip)] = clip
        made: Features = run(tf.constant(padded))[0, : len(clip)].numpy().astype(np.float16)
        return made

    return through


def _digest(*parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:24]
