"""Sources of frames: one file a kind, and one function that opens them all."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from edgevid.errors import SourceError, UsageError
from edgevid.sources.address import local_path, without_secrets
from edgevid.sources.base import Source
from edgevid.sources.clock import ASSUMED_FPS
from edgevid.sources.folders import pictures_in, videos_in
from edgevid.sources.replay import ReplaySource

__all__ = ["ReplaySource", "Source", "clips", "freshest", "open_camera", "open_source"]

_LOG = logging.getLogger(__name__)


def open_source(spec: str | Path | int, *, picture_fps: float | None = None) -> Source:
    """Opens one source of frames, whatever it is.

    Args:
        spec: a camera (``0``, ``/dev/video0``, ``picamera``), a video file, ``-`` for standard
            input or a pipe, a folder of numbered pictures, or an address (``rtsp://``,
            ``http://``, ``file://``).
        picture_fps: how many pictures make a second, in a folder of pictures or in a raw stream
            (``.h264``, ``.mjpeg``) that does not say.

    Raises:
        SourceError: it does not exist or cannot be read.
        MissingDependencyError: it needs a library that is not installed.

    Example:
        >>> with edgevid.open_source("clip.mp4") as source:
        ...     for frame in source:
        ...         print(frame.index, frame.timestamp, frame.image.shape)
        0 0.0 (240, 320, 3)
        1 0.1 (240, 320, 3)
        ...
    """
    # Each kind is imported when it is first used: they bring OpenCV or camera libraries in.
    if isinstance(spec, int) or _is_camera(str(spec)):
        return open_camera(spec if isinstance(spec, int) else str(spec))
    location = local_path(str(spec))
    path = Path(location)
    if _is_folder(path):
        from edgevid.sources.pictures import PicturesSource

        if videos_in(path):
            raise SourceError(f"{path}: a folder of videos: open each of edgevid.clips() in turn")
        return PicturesSource(path, picture_fps or ASSUMED_FPS)
    if path.suffix.lower() == ".webp" and path.is_file():
        from edgevid.sources.animation import AnimatedWebpSource

        return AnimatedWebpSource(location, without_secrets(location))
    from edgevid.sources.video import VideoSource

    return VideoSource(location, fps=picture_fps)


def freshest(source: Source) -> Source:
    """Wraps a live source so that the newest frame is always the next one.

    Any other source is returned as it is.

    Example:
        >>> with edgevid.freshest(edgevid.open_source("clip.mp4")) as frames:  # or a camera
        ...     print(sum(1 for frame in frames), "frames")
        376 frames
    """
    if not source.is_live:
        return source
    from edgevid.sources.latest import LatestSource

    return LatestSource(source)


def open_camera(device: int | str) -> Source:
    """Opens a camera: a number, a path such as ``/dev/video0``, or ``picamera``.

    Raises:
        UsageError: this names no camera.
        SourceError: no such camera, or it cannot be used.
        MissingDependencyError: it needs a library that is not installed.
    """
    if isinstance(device, str) and device.isdecimal():
        device = int(device)
    if isinstance(device, str) and (picamera := re.fullmatch(r"picamera(\d*)", device)):
        from edgevid.sources.picamera import PicameraSource

        return PicameraSource(int(picamera[1] or 0))
    if isinstance(device, str) and not device.startswith("/dev/"):
        raise UsageError(f"no camera {device!r}: give a number, /dev/videoN or picamera")
    from edgevid.sources.camera import CameraSource

    return CameraSource(device)


def clips(spec: str | Path) -> list[str]:
    """Returns the clips that a source stands for: a folder's videos, or the source itself.

    Where a folder holds videos and pictures, as a camera's card does, the pictures are passed over,
    with a warning.

    Raises:
        SourceError: a folder holds neither videos nor pictures.

    Example:
        >>> edgevid.clips("clip.mp4")
        ['clip.mp4']
        >>> edgevid.clips("recordings")
        ['recordings/9.mp4', 'recordings/10.mp4']
    """
    path = Path(local_path(str(spec)))
    if not _is_folder(path):
        return [str(spec)]
    videos, pictures = videos_in(path), pictures_in(path)
    name = without_secrets(str(path))
    if videos and pictures:
        _LOG.warning("%s: %d pictures beside the videos are passed over", name, len(pictures))
    if not videos and not pictures:
        raise SourceError(f"{name}: holds neither videos nor pictures")
    return [str(video) for video in videos] or [str(path)]


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # out of reach: to open it as a file will say why
        return False


def _is_camera(spec: str) -> bool:
    if re.fullmatch(r"\d+|picamera\d*|/dev/(video\d+|v4l/.*)", spec):
        return True
    try:
        return spec.startswith("/dev/") and Path(spec).is_char_device()
    except ValueError:
        return False
