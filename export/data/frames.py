"""Decoded frames of a clip, cached on disk so that a video is decoded once.

What cannot be read whole is used as far as it can be, and what cannot be read at all is left out;
``tell`` names both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edgevid.errors import EdgevidError, SourceError, UsageError
from edgevid.records import Frame
from edgevid.runtime.pace import Pace
from edgevid.runtime.preprocess import Preprocess
from edgevid.sources import open_source
from edgevid.sources.pictures import PicturesSource
from edgevid.support.atomic_file import atomic_file, sweep
from edgevid.support.command import complain
from edgevid.support.opencv import cv2
from export.data import npz
from export.data.clips import Clip
from export.data.followed import Follower
from export.data.raw_frames import pictures_of

CACHE_FPS = 20.0  # four frames to choose from for each step of a 5 fps network
SHORT_SIDE = 256  # pixels: leaves room for crops of a 172 or 224 pixel input
_JPEG_QUALITY = 95
_MAX_SECONDS = 300.0  # a longer recording is no clip of one action

T = TypeVar("T")

Pictures = NDArray[np.uint8]
"""What a network sees of a clip: RGB, ``[frames, size, size, 3]``."""


def check_fps(fps: float) -> None:
    """Refuses more frames a second of a network than are kept of a clip, or none.

    Raises:
        UsageError: it is so.
    """
    if not 0 < fps <= CACHE_FPS:
        raise UsageError(f"fps must be above 0 and at most {CACHE_FPS:g}, not {fps:g}")


@dataclass(frozen=True)
class Frames:
    """A clip's frames, JPEG in memory.

    Attributes:
        jpegs: one compressed picture for each frame.
        timestamps: seconds from the clip's start, rising, ``[frames]``.
        lacking: why they are not the whole clip; empty when they are.
    """

    jpegs: tuple[NDArray[np.uint8], ...]
    timestamps: NDArray[np.float64]
    lacking: str = ""

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Decodes one frame: RGB, uint8, ``[height, width, 3]``."""
        image = cv2.imdecode(self.jpegs[index], cv2.IMREAD_COLOR)
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)

    def at(self, indices: Iterable[int]) -> list[NDArray[np.uint8]]:
        """Decodes several frames, as many as memory holds."""
        return [self.picture(index) for index in indices]

    def paced(self, fps: float) -> list[int]:
        """The frames that a stream at this rate would see."""
        pace = Pace(fps)
        return [i for i, timestamp in enumerate(self.timestamps) if pace.due(float(timestamp))]

    def pictures(self, *, size: int, fps: float) -> Pictures:
        """What a network of this input size sees at this rate, as the device prepares it."""
        preprocess = Preprocess(size, size)
        return np.stack([preprocess.fit(self.picture(i)).copy() for i in self.paced(fps)])


@dataclass(frozen=True)
class Unreadable:
    """A clip that was left out, and why."""

    clip: Clip
    reason: str


@dataclass(frozen=True)
class Watched:
    """A clip as the device sees it.

    Attributes:
        pictures: what the network is shown, ``[frames, size, size, 3]``.
        lacking: why they are not the whole clip; empty when they are.
    """

    pictures: Pictures
    lacking: str = ""


def gather(
    clips: Sequence[Clip], cache: Path, *, workers: int = 2, follow: Follower | None = None
) -> tuple[list[tuple[Clip, Frames]], list[Unreadable]]:
    """Decodes clips in parallel, or reads them from the cache.

    Args:
        clips: what to decode.
        cache: a folder for the decoded frames; made when missing.
        workers: clips decoded at a time.
        follow: shows only what is followed, one clip at a time; the whole picture when None.

    Returns:
        The clips that could be read, in order, and those that could not.
    """
    sweep(cache)
    return _in_parallel(lambda clip: _cached(clip, cache, follow), clips, 1 if follow else workers)


def watch(
    clips: Sequence[Clip],
    *,
    size: int,
    fps: float,
    workers: int = 2,
    follow: Follower | None = None,
) -> tuple[list[tuple[Clip, Watched]], list[Unreadable]]:
    """Decodes clips as the device would see them.

    To measure on, not to train on: the cache holds shrunken JPEGs, and an int8 network answers
    their few levels of grey with a divergence of 0.02 to 0.05, which can be another class.

    Args:
        clips: what to decode.
        size: of the network's input, in pixels.
        fps: of the network.
        workers: clips decoded at a time.
        follow: as in ``gather``.

    Returns:
        The clips that could be read, in order, and those that could not.
    """

    def one(clip: Clip) -> Watched:
        preprocess = Preprocess(size, size)

        def seen(frame: Frame) -> NDArray[np.uint8]:
            return preprocess.fit(frame.image).copy()

        pictures, _, lacking = _collect(clip, fps, seen, follow)
        return Watched(np.stack(pictures), lacking)

    return _in_parallel(one, clips, 1 if follow else workers)


def _in_parallel(
    one: Callable[[Clip], T], clips: Sequence[Clip], workers: int
) -> tuple[list[tuple[Clip, T]], list[Unreadable]]:
    found: list[tuple[Clip, T]] = []
    unreadable: list[Unreadable] = []

    def tried(clip: Clip) -> T | Unreadable:
        try:
            return one(clip)
        except SourceError as error:
            return Unreadable(clip, str(error))
        except (OSError, ValueError) as error:  # a name that the system does not take
            return Unreadable(clip, f"{clip.path}: {getattr(error, 'strerror', None) or error}")

    with ThreadPoolExecutor(workers) as pool:
        results = pool.map(tried, clips)
        progress = tqdm(results, total=len(clips), desc="decoding", unit="clip", leave=False)
        for clip, result in zip(clips, progress, strict=True):
            if isinstance(result, Unreadable):
                unreadable.append(result)
            else:
                found.append((clip, result))
    return found, unreadable


def tell(found: Sequence[tuple[Clip, Frames | Watched]], lost: Sequence[Unreadable]) -> None:
    """Names on the console the clips that are left out or used in part, each with the reason."""
    partial = [frames.lacking for _, frames in found if frames.lacking]
    for unreadable in lost:
        complain(f"left out: {unreadable.reason}")
    for lacking in partial:
        complain(f"used in part: {lacking}")
    if lost or partial:
        of = len(found) + len(lost)
        complain(f"{len(lost)} of {of} clips are left out, {len(partial)} used in part")


def _cached(clip: Clip, cache: Path, follow: Follower | None) -> Frames:
    path = cache / f"{_key(clip, follow)}.npz"
    if path.exists():
        try:
            return _load(path)
        except (ValueError, KeyError):
            path.unlink()  # half of it is lost: decode again
    frames = decode(clip, follow)
    with atomic_file(path, make_folder=True) as file:
        np.savez(
            file,
            data=np.concatenate(frames.jpegs),
            ends=np.cumsum([len(jpeg) for jpeg in frames.jpegs]),
            timestamps=frames.timestamps,
            lacking=np.array(frames.lacking.encode(errors="surrogateescape")),
        )
    return frames


def _key(clip: Clip, follow: Follower | None) -> str:
    """Names a clip by where it is, what it held when it was decoded, and what is shown of it."""
    stat = clip.path.stat() if clip.path.exists() else None
    facts = (
        *map(str, clip.place),
        (clip.end, clip.part),
        stat and (stat.st_size, stat.st_mtime_ns),
        (CACHE_FPS, SHORT_SIDE, _JPEG_QUALITY),
        *([(follow.what, follow.fps)] if follow else []),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]


def _load(path: Path) -> Frames:
    arrays = npz.read(path)
    jpegs = tuple(np.split(arrays["data"], arrays["ends"][:-1]))
    lacking = bytes(arrays["lacking"].item()).decode(errors="surrogateescape")
    return Frames(jpegs, arrays["timestamps"], lacking)


def decode(clip: Clip, follow: Follower | None = None) -> Frames:
    """Decodes a clip; one that breaks off as far as it goes.

    Raises:
        SourceError: it cannot be read, or holds no frame, or nothing that could be followed.
    """
    jpegs, timestamps, lacking = _collect(clip, CACHE_FPS, _jpeg, follow)
    return Frames(tuple(jpegs), timestamps - timestamps[0], lacking)


def _jpeg(frame: Frame) -> NDArray[np.uint8]:
    picture = cv2.cvtColor(_shrink(frame.image), cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
    return encoded.reshape(-1)


def _collect(
    clip: Clip, fps: float, keep: Callable[[Frame], T], follow: Follower | None
) -> tuple[list[T], NDArray[np.float64], str]:
    """Returns what is kept of a clip's frames, their times, and why that is not all of it."""
    kept, timestamps, lacking = list[T](), list[float](), _lacking(clip)
    try:
        frames = _between(clip, fps)
        for frame in follow(frames) if follow else frames:
            kept.append(keep(frame))
            timestamps.append(frame.timestamp)
    except _TooLongError:
        lacking = f"{clip.path}: over {_MAX_SECONDS:g} s, of which it is the first"
    except EdgevidError as error:
        if not kept:
            raise SourceError(str(error)) from error
        lacking = str(error)
    if not kept and follow:
        raise SourceError(f"{clip.path}: there is nothing to follow ({follow.what})")
    if not kept:
        raise SourceError(f"{clip.path} holds no frame between {clip.start} s and {clip.end} s")
    return kept, np.array(timestamps), lacking


class _TooLongError(Exception):
    """A clip goes on where what is used of it ends."""


def _lacking(clip: Clip) -> str:
    """What a list names of a folder of pictures and is not there."""
    if clip.part is None or not clip.path.is_dir():
        return ""
    lacking = pictures_of(clip.path, clip.part).lacking
    return f"{clip.path}: {lacking} of {clip.part.count} pictures are not there" if lacking else ""


def _between(clip: Clip, fps: float) -> Iterator[Frame]:
    pace = Pace(fps)
    with _opened(clip) as source:
        for frame in source:
            if frame.timestamp >= clip.end:
                return
            if frame.timestamp >= clip.start + _MAX_SECONDS:
                raise _TooLongError
            if frame.timestamp >= clip.start and pace.due(frame.timestamp):
                yield frame


@contextmanager
def _opened(clip: Clip) -> Iterator[Iterable[Frame]]:
    if clip.record is None:
        folder = clip.path if clip.path.is_dir() else None
        paths = pictures_of(folder, clip.part).paths if folder else []
        with PicturesSource(folder, paths=paths) if folder else open_source(clip.path) as source:
            yield source
    else:
        from export.data import tfrecord  # here, for it needs TensorFlow, and videos do not

        yield tfrecord.frames(clip.path, clip.record)


def _shrink(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    scale = SHORT_SIDE / min(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
