"""Pictures and their times as H.264 in an MP4 file, by PyAV."""

from __future__ import annotations

import errno
import io
import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from edgevid.sinks.overlay import Picture
from edgevid.support.opencv import cv2
from edgevid.support.pyav import av, reason

_LOG = logging.getLogger(__name__)

LARGEST_SIDE = 16384  # that libx264 takes


class _Encoder(NamedTuple):
    name: str
    ticks: int  # a second: a multiple of the usual frame rates, as far as the codec allows
    options: dict[str, str]


# The first that this build of PyAV has is used. Measured with libx264 at constant quality 23,
# 1920x1080 and 320x240: "ultrafast" takes no longer than OpenCV's MPEG-4 Part 2, with a better
# picture in as many bytes; "superfast" takes twice as long, "veryfast" three times. With
# "zerolatency" no picture stays in the encoder, to be lost when the disk is full.
_ENCODERS = (
    _Encoder("libx264", 120_000, {"preset": "ultrafast", "tune": "zerolatency", "crf": "23"}),
    _Encoder("libopenh264", 120_000, {"rc_mode": "quality"}),
    _Encoder("mpeg4", 60_000, {"flags": "+qscale", "global_quality": str(4 * 118)}),
)
_THREADS = 1  # the other cores are the model's
_SECONDS_A_KEYFRAME = 5
_SMPTE_170M, _LIMITED_RANGE = 6, 1  # how OpenCV makes YUV of RGB, as H.264 numbers it

# The index is written last: about 30 bytes a picture, and what the format needs besides.
_INDEX_BYTES, _INDEX_BYTES_A_PICTURE = 1 << 13, 40
_RESERVE_AT_ONCE = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Mp4Writer:
    """Writes one MP4 with the index in front.

    Room for the index is reserved on the disk before a picture is written: where the disk is
    full, the file still becomes whole with the pictures before.

    Args:
        path: an existing file; its name need not be UTF-8.
        size: width and height, both even.
        fps: the nominal rate.

    Attributes:
        ticks: in how many parts a second is divided.

    Raises:
        OSError: the file cannot be written, or pictures of this size cannot be encoded.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        encoder = _best_encoder()
        self.ticks = encoder.ticks
        self._pictures = 0
        self._file = _File(path)
        try:
            # FFmpeg takes file names in UTF-8 only, hence a file object.
            self._container = av.open(
                self._file,
                "w",
                format="mp4",
                options={"movflags": "+faststart"},
                io_open=self._file.open_to_read,
            )
            # Only a hint for the encoder: each picture has its time.
            rate = Fraction(min(max(fps, 1e-4), 1e4)).limit_denominator(10_000)
            self._stream = self._container.add_stream(encoder.name, rate=rate)
            self._stream.time_base = Fraction(1, self.ticks)
            context = self._stream.codec_context
            context.width, context.height = size
            context.pix_fmt = "yuv420p"
            context.time_base = Fraction(1, self.ticks)
            context.thread_count = _THREADS
            context.gop_size = max(1, min(250, round(fps * _SECONDS_A_KEYFRAME)))
            context.colorspace, context.color_range = _SMPTE_170M, _LIMITED_RANGE
            context.options = encoder.options
            with _as_os_error(f"a video of {size[0]}x{size[1]} cannot be encoded here: "):
                self._container.start_encoding()
        except BaseException:
            self._file.close()
            raise

    def write(self, picture: Picture, time: int, lasts: int, *, key: bool = False) -> None:
        """Adds a picture.

        Args:
            picture: BGR, of the size that was given.
            time: in ticks; later than the picture before.
            lasts: in ticks, should no other follow.
            key: whether a player can start with it.

        Raises:
            OSError: it cannot be written: the disk is full. The file can still be closed.
        """
        yuv = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
        frame = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
        frame.pts, frame.time_base = time, Fraction(1, self.ticks)
        if key:
            frame.pict_type = av.video.frame.PictureType.I
        with _as_os_error():
            self._write(self._stream.encode(frame), lasts)

    def close(self, lasts: int) -> None:
        """Makes the file whole.

        Args:
            lasts: how long the last picture lasts, in ticks.

        Raises:
            OSError: it did not become whole.
        """
        try:
            with suppress(OSError):  # a picture that was still in the encoder, and a full disk
                self._write(self._stream.encode(None), lasts)
            with _as_os_error():
                self._container.close()
            self._file.cut()
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Lets go of the file, which is of no use."""
        self._file.close()
        with suppress(Exception):  # that it cannot be written any more
            self._container.close()

    def _write(self, packets: list[Any], lasts: int) -> None:
        for packet in packets:
            self._pictures += 1
            self._file.reserve(packet.size, _INDEX_BYTES + _INDEX_BYTES_A_PICTURE * self._pictures)
            packet.duration = lasts
            self._container.mux(packet)


@contextmanager
def _as_os_error(what: str = "") -> Iterator[None]:
    """FFmpeg's errors are only OSErrors where the system has a number for them."""
    try:
        yield
    except av.FFmpegError as error:
        if isinstance(error, OSError) and not what:
            raise
        raise OSError(0, f"{what}{reason(error)}") from error


def _best_encoder() -> _Encoder:
    for encoder in _ENCODERS:
        try:
            av.codec.Codec(encoder.name, "w")
        except av.codec.codec.UnknownCodecError:
            continue
        if encoder.name == "mpeg4":
            _LOG.warning(
                "this PyAV cannot write H.264: the video is MPEG-4 Part 2, which browsers do not "
                "play; pip install av brings one that can"
            )
        return encoder
    raise OSError(0, "this PyAV can write neither H.264 nor MPEG-4")


class _File:
    """What PyAV writes to: a file on which room can be reserved."""

    name = "video.mp4"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = io.FileIO(path, "r+")
        self._end = 0
        self._reserved = 0.0
        self._expected = 0

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._end = max(self._end, self._file.tell())
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def open_to_read(self, url: str, flags: int, options: dict[str, str]) -> io.FileIO:
        """The muxer reads what it wrote, to put the index before it."""
        return io.FileIO(os.open(self._path, os.O_RDONLY))

    def reserve(self, size: int, index: int) -> None:
        """Makes sure that so many more bytes, and then the index, find room.

        Raises:
            OSError: they do not.
        """
        needed = self._expected + size + index
        if needed > self._reserved:
            try:
                self._allocate(needed + _RESERVE_AT_ONCE)
            except OSError:
                self._allocate(needed)
        self._expected += size

    def _allocate(self, size: int) -> None:
        try:
            os.posix_fallocate(self._file.fileno(), 0, size)
            self._reserved = size
        except OSError as error:
            if error.errno in _FULL:
                raise
            self._reserved = math.inf  # this file system cannot

    def cut(self) -> None:
        """Gives back what was reserved and not needed."""
        self._file.truncate(self._end)

    def close(self) -> None:
        self._file.close()
