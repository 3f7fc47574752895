"""Decoded frames of a clip, cached on disk so that a video is decoded once."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edgevid.errors import EdgevidError, SourceError
from edgevid.opencv import cv2
from edgevid.pace import Pace
from edgevid.records import Frame
from edgevid.sources import open_source
from edgevid.whole_file import whole_file
from export.clips import Clip

CACHE_FPS = 20.0  # four frames to choose from for each step of a 5 fps network
SHORT_SIDE = 256  # pixels: leaves room for crops of a 172 or 224 pixel input
_JPEG_QUALITY = 95
_MAX_SECONDS = 300.0  # a longer recording is no clip of one action


@dataclass(frozen=True)
class Frames:
    """A clip's frames, JPEG in memory.

    Attributes:
        jpegs: one compressed picture for each frame.
        timestamps: seconds from the clip's start, rising, ``[frames]``.
    """

    jpegs: tuple[NDArray[np.uint8], ...]
    timestamps: NDArray[np.float64]

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Decodes one frame: RGB, uint8, ``[height, width, 3]``."""
        image = cv2.imdecode(self.jpegs[index], cv2.IMREAD_COLOR)
        return np.ascontiguousarray(image[..., ::-1])

    def paced(self, fps: float) -> list[int]:
        """The frames that a stream at this rate would see."""
        pace = Pace(fps)
        return [i for i, timestamp in enumerate(self.timestamps) if pace.due(float(timestamp))]


@dataclass(frozen=True)
class Unreadable:
    """A clip that was left out, and why."""

    clip: Clip
    reason: str


def gather(
    clips: Sequence[Clip], cache: Path, *, workers: int = 2
) -> tuple[list[tuple[Clip, Frames]], list[Unreadable]]:
    """Decodes clips in parallel, or reads them from the cache.

    Args:
        clips: what to decode.
        cache: a folder for the decoded frames; made when missing.
        workers: clips decoded at a time.

    Returns:
        The clips that could be read, in order, and those that could not.
    """
    found: list[tuple[Clip, Frames]] = []
    unreadable: list[Unreadable] = []

    def one(clip: Clip) -> Frames | Unreadable:
        try:
            return _cached(clip, cache)
        except SourceError as error:
            return Unreadable(clip, str(error))

    with ThreadPoolExecutor(workers) as pool:
        results: Iterable[Frames | Unreadable] = pool.map(one, clips)
        progress = tqdm(results, total=len(clips), desc="decoding", unit="clip", leave=False)
        for clip, result in zip(clips, progress, strict=True):
            if isinstance(result, Unreadable):
                unreadable.append(result)
            else:
                found.append((clip, result))
    return found, unreadable


def _cached(clip: Clip, cache: Path) -> Frames:
    path = cache / f"{_key(clip)}.npz"
    if path.exists():
        try:
            return _load(path)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            path.unlink()  # half of it is lost: decode again
    frames = decode(clip)
    with whole_file(path, make_folder=True) as file:
        np.savez(
            file,
            data=np.concatenate(frames.jpegs),
            ends=np.cumsum([len(jpeg) for jpeg in frames.jpegs]),
            timestamps=frames.timestamps,
        )
    return frames


def _key(clip: Clip) -> str:
    """Names a clip by where it is and what it held when it was decoded."""
    stat = clip.path.stat() if clip.path.exists() else None
    facts = (
        *map(str, clip.place),
        clip.end,
        stat and (stat.st_size, stat.st_mtime_ns),
        (CACHE_FPS, SHORT_SIDE, _JPEG_QUALITY),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]


def _load(path: Path) -> Frames:
    with np.load(path, allow_pickle=False) as file:
        ends = file["ends"]
        jpegs = tuple(np.split(file["data"], ends[:-1]))
        return Frames(jpegs, file["timestamps"])


def decode(clip: Clip) -> Frames:
    """Decodes a clip.

    Raises:
        SourceError: it cannot be read, or holds no frame.
    """
    jpegs, timestamps = [], []
    try:
        for frame in _between(clip):
            encoded = cv2.imencode(
                ".jpg", _shrink(frame.image)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
            )[1]
            jpegs.append(encoded.reshape(-1))
            timestamps.append(frame.timestamp)
    except EdgevidError as error:
        raise SourceError(str(error)) from error
    if not jpegs:
        raise SourceError(f"{clip.path} holds no frame between {clip.start} s and {clip.end} s")
    times = np.array(timestamps)
    return Frames(tuple(jpegs), times - times[0])


def _between(clip: Clip) -> Iterator[Frame]:
    pace = Pace(CACHE_FPS)
    with _opened(clip) as source:
        for frame in source:
            if frame.timestamp >= min(clip.end, clip.start + _MAX_SECONDS):
                return
            if frame.timestamp >= clip.start and pace.due(frame.timestamp):
                yield frame


@contextmanager
def _opened(clip: Clip) -> Iterator[Iterable[Frame]]:
    if clip.record is None:
        with open_source(clip.path) as source:
            yield source
    else:
        from export import tfrecord  # here, for it needs TensorFlow, and videos do not

        yield tfrecord.frames(clip.path, clip.record)


def _shrink(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    scale = SHORT_SIDE / min(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
