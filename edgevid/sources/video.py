"""Video files, animated pictures, pipes and network streams, decoded by FFmpeg through PyAV."""

from __future__ import annotations

import itertools
import logging
import math
import time
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from edgevid.errors import SourceError
from edgevid.records import LazyFrame
from edgevid.sources.address import is_url, without_secrets
from edgevid.sources.base import Source
from edgevid.sources.clock import ASSUMED_FPS, MediaClock, Moment, means_nothing, rate_of
from edgevid.sources.container import Container
from edgevid.sources.conversion import Converter
from edgevid.sources.folders import VIDEO_SUFFIXES
from edgevid.support.pyav import av

_LOG = logging.getLogger(__name__)

_LIVE_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "rtp", "udp", "srt")
_COMPLETE = 0.98  # of the frames that were expected: then only the stated duration is wrong
_LOOKED_AHEAD = 16  # packets of a file, before its times are believed


class VideoSource(Source):
    """A video file, a pipe or a network address.

    Files and addresses of files give media time, from the container's own start; live streams give
    the monotonic time at which a frame arrived. Pictures come as they are meant to be seen: turned
    and mirrored as the file says, with square pixels.

    Args:
        location: a path, ``-`` for standard input, or an address.
        fps: the rate of what does not state its own, such as a raw ``.h264`` or ``.mjpeg``.

    Raises:
        SourceError: it does not exist, is no video, or holds no picture; while iterating: it
            broke off, after all that could be read was given.
    """

    def __init__(self, location: str, *, fps: float | None = None) -> None:
        self.name = without_secrets(location)
        self._undecoded = 0
        self._container = container = Container(location, self.name)
        self.is_live = is_url(location) and (
            location.lower().startswith(_LIVE_SCHEMES)
            or (container.is_endless and Path(self.name).suffix.lower() not in VIDEO_SUFFIXES)
        )
        self._packets = container.packets()
        try:
            self._ahead = [] if is_url(location) else self._look_ahead()
        except BaseException:
            container.close()
            raise
        times = [float(p.pts * p.time_base) for p in self._ahead if p.pts is not None]
        has_times = self.is_live or (container.has_times and not means_nothing(times))
        self.fps: float | None = (
            container.rate or rate_of(times) if has_times else self._assumed_rate(fps)
        )
        self.length = container.length() if has_times and not self.is_live else None
        self._clock = MediaClock(
            container.start, 1 / (self.fps or ASSUMED_FPS), counted=not has_times
        )
        self._converter = Converter(self.name)
        self._ratios: dict[tuple[int, int], Fraction | None] = {}
        if not self.is_live:
            container.track.thread_type = "AUTO"  # also several pictures at once, which takes time

    @property
    def unreadable(self) -> int:  # type: ignore[override]
        """Frames so far that could not be decoded, or came too late to be shown."""
        return self._undecoded + self._clock.strays

    def skip_to(self, seconds: float) -> bool:
        """Goes to the last key frame not after a time, as far as the container can tell."""
        if self.is_live or self._clock.is_counted or not self._container.skip_to(seconds):
            return False
        self._ahead = []
        return True

    def __iter__(self) -> Iterator[LazyFrame]:
        index = 0
        problem = ""
        try:
            for picture, moment in self._timed():
                yield LazyFrame(
                    partial(self._converter.rgb, picture, self._pixel_ratio(picture)),
                    moment.timestamp,
                    index,
                    follows_jump=moment.jumped,
                )
                index += 1
        except TimeoutError:
            problem = ": nothing came any more"
        if self.is_live:
            raise SourceError(f"{self.name}: the stream stopped after {index} frames{problem}")
        if problem:
            raise SourceError(f"{self.name}: broke off after {index} frames{problem}")
        if index == 0:
            raise SourceError(f"{self.name}: holds no picture that can be decoded")
        if self._container.lacks_end() and index < _COMPLETE * (self.length or math.inf):
            expected = f" of {self.length}" if self.length and self.length > index else ""
            raise SourceError(
                f"{self.name}: ends after {index}{expected} frames: truncated or damaged"
            )

    def _timed(self) -> Iterator[tuple[Any, Moment]]:
        """Yields pictures and when they are: by the file's times, or as they arrive."""
        if not self.is_live:
            yield from self._clock.timed(self._pictures(), self._container.time_of)
            return
        arrived = 0.0
        for picture in self._pictures():
            arrived = max(time.monotonic(), arrived + 1e-6)  # they may come in bursts
            yield picture, Moment(arrived, False)

    def _pictures(self) -> Iterator[Any]:
        """Yields decoded pictures; what cannot be decoded is counted and passed over."""
        for packet in itertools.chain(self._ahead, self._packets):
            yield from self._decoded(packet)
        yield from self._decoded(None)  # what the decoder still holds, where reading broke off

    def _decoded(self, packet: Any) -> list[Any]:
        try:
            return self._container.track.decode(packet)  # type: ignore[no-any-return]
        except MemoryError as error:
            raise SourceError(f"{self.name}: not enough memory for its pictures") from error
        except EOFError:  # the decoder has given all that it held
            return []
        except (av.FFmpegError, ValueError):
            self._undecoded += 1
            return []

    def _look_ahead(self) -> list[Any]:
        """Returns a file's first packets.

        Raises:
            SourceError: it is a photograph.
        """
        ahead = list(itertools.islice(self._packets, _LOOKED_AHEAD))
        if self._container.is_picture_stream and sum(p.size > 0 for p in ahead) < 2:
            raise SourceError(f"{self.name}: is a photograph, not a video")
        return ahead

    def _assumed_rate(self, told: float | None) -> float:
        if told is not None:
            return told
        rate = self._container.codec_rate or ASSUMED_FPS
        _LOG.warning(
            "%s: has no times of its own: %g frames a second are assumed (--picture-fps tells "
            "its rate)",
            self.name,
            rate,
        )
        return rate

    def _pixel_ratio(self, picture: Any) -> Fraction | None:
        """Returns width to height of a pixel, which may change in mid-stream with the size."""
        codec = self._container.track.codec_context
        # The codec is already some pictures ahead: what it says is of pictures of its own size.
        first = not self._ratios
        if first or (codec.width, codec.height) not in self._ratios:
            told = self._container.track.sample_aspect_ratio if first else None
            self._ratios[codec.width, codec.height] = told or codec.sample_aspect_ratio
        return self._ratios.get((picture.width, picture.height))

    def close(self) -> None:
        """Lets go of the file or connection."""
        self._container.close()
