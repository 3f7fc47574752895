"""A video container: its packets, its rate, and its stated length."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgevid.errors import SourceError
from edgevid.sources.address import encoded, is_url
from edgevid.sources.clock import FASTEST
from edgevid.sources.pipes import is_pipe, open_pipe
from edgevid.support.pyav import MAX_PIXELS, READING, av, reason

_OPEN_TIMEOUT_S = 10.0
_READ_TIMEOUT_S = 2.5  # so that a silent network is noticed within 3 s
_PLAYLIST_TIMEOUT_S = 20.0  # a live playlist gives nothing until its next segment is there
_PLAYLISTS = (".m3u8", ".mpd")

_ATTACHED_PICTURE = 1 << 10  # FFmpeg's disposition of the cover of a piece of music

# Formats without times of their own; FFmpeg counts their pictures at an assumed rate.
_WITHOUT_TIMES = ("h264", "hevc", "vvc", "evc", "obu", "mjpeg", "h261", "h263")
# Formats whose header says how long they are: the video track, or the longest of all tracks.
_STATE_VIDEO_DURATION = ("mov", "avi")
_STATE_DURATION = ("matroska", "webm", "flv", "asf")
# What may be missing at the end, in seconds and as a share of what was stated, before a file
# counts as broken off: headers round, and some writers count the last frame twice.
_MISSING_S = 0.5
_MISSING_SHARE = 0.02

_PICTURE_BRANDS = ("heic", "heix", "heim", "heis", "mif1", "avif")  # of MP4's kin: photographs
# Reading goes on behind what is damaged; after so many failures in a row there is no more to come.
_FAILURES_IN_A_ROW = 50


class Container:
    """An opened file, pipe or address, and the video track in it.

    Args:
        location: a path, ``-`` for standard input, or an address.
        name: how to call it in an error.

    Attributes:
        track: the video track, an ``av.VideoStream``.
        start: seconds at which the container begins; None when it does not say.
        has_times: whether its frames have times of their own.
        reached: seconds from the start up to which packets were read.

    Raises:
        SourceError: it cannot be opened, or holds no video.
    """

    def __init__(self, location: str, name: str) -> None:
        self._file: Any = None
        self._name = name
        self._container = self._open(location)
        self._format = self._container.format.name  # such as "matroska,webm"
        self._kind = self._format.split(",")[0]
        try:
            self.track = self._video_track()
        except BaseException:
            self.close()
            raise
        start = self._container.start_time
        self.start = None if start is None else start / av.time_base
        self.has_times = self._format not in _WITHOUT_TIMES and not self.is_picture_stream
        self.reached = 0.0
        self._stopped_early = False

    @property
    def is_picture_stream(self) -> bool:
        """Whether it is one picture after the other, such as a photograph is."""
        brand = self._container.metadata.get("major_brand", "").strip()
        return self._format.endswith("_pipe") or brand in _PICTURE_BRANDS

    @property
    def rate(self) -> float | None:
        """Nominal frames a second, None when unknown."""
        for rate in (self.track.average_rate, self.track.guessed_rate):
            if rate and 0 < rate <= FASTEST:
                return float(rate)
        return None

    @property
    def codec_rate(self) -> float | None:
        """Frames a second as the codec's own header says, None when it does not."""
        rate = getattr(self.track.codec_context, "framerate", None)
        return float(rate) if rate and 0 < rate <= FASTEST else None

    @property
    def is_endless(self) -> bool:
        """Whether nothing says how long it is."""
        return self._container.duration is None

    def length(self) -> int | None:
        """Returns how many frames to expect, None when unknown."""
        seconds, rate = self._seconds(), self.track.average_rate
        by_time = math.ceil(seconds * rate - 1e-3) if seconds and rate else None
        counted = self.track.frames
        # MP4's index also counts what an edit list hides; the others' duration may be a guess.
        hides = by_time and self._kind == "mov" and by_time < 0.97 * counted
        return by_time if hides or not counted else int(counted)

    def packets(self) -> Iterator[Any]:
        """Yields packets until the end, and goes on behind what cannot be read.

        Raises:
            TimeoutError: the network is silent.
        """
        tracks = self._container.streams if self._kind in _STATE_DURATION else [self.track]
        failures = 0
        while failures < _FAILURES_IN_A_ROW:
            try:
                for packet in self._container.demux(*tracks):
                    failures = 0
                    self._note(packet)
                    if packet.stream is self.track:
                        yield packet
                return
            except (TimeoutError, av.error.ExitError) as error:
                raise TimeoutError from error
            except MemoryError as error:
                raise SourceError(f"{self._name}: not enough memory to read on") from error
            except (av.FFmpegError, OSError):
                failures += 1
        self._stopped_early = True

    def skip_to(self, seconds: float) -> bool:
        """Goes to the last key frame not after a time, in seconds from the start.

        Returns:
            Whether it could.
        """
        if self.start is None or self._file is not None:
            return False
        try:
            self._container.seek(math.floor((self.start + seconds) * av.time_base))
        except (av.FFmpegError, OSError):
            return False
        return True

    def time_of(self, picture: Any) -> float | None:
        """Returns a decoded picture's time in the container, in seconds; None when it has none."""
        # AVI only says in which order its pictures come; what FFmpeg makes of that as times of
        # presentation is wrong where there are several B-frames in a row.
        ticks = picture.dts if self._kind == "avi" else picture.pts
        return None if ticks is None else float(ticks * picture.time_base)

    def lacks_end(self) -> bool:
        """Whether packets ended, all having been read, well before the container says."""
        stated = self._stated_s()
        if stated is None:
            return self._stopped_early
        return stated - self.reached > max(_MISSING_S, _MISSING_SHARE * stated)

    def close(self) -> None:
        """Lets go of the file or connection. Can be called twice."""
        self._container.close()
        if self._file is not None:
            self._file.close()

    def _open(self, location: str) -> Any:
        options = {"max_pixels": str(MAX_PIXELS)}
        if is_url(location):
            return self._open_address(location, options)
        if is_pipe(location):
            try:
                self._file = open_pipe(location)
            except OSError as error:
                raise SourceError(f"{self._name}: cannot be read: {error.strerror}") from error
        else:
            _check_file(Path(location), self._name)
            # Absolute: FFmpeg would take "12:30.mp4" to be a protocol called 12.
            path = Path(location).absolute()
            try:
                str(path).encode()
            except UnicodeEncodeError:  # a name that FFmpeg could not be told
                self._file = path.open("rb")
            location = str(path)
        try:
            return av.open(self._file or location, options=options, **READING)
        except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
            if self._file is not None:
                self._file.close()
            what = "as a video: damaged, truncated, or of another kind"
            if isinstance(error, MemoryError):
                what = "with the memory that there is"
            elif self._file is None and _lacks_index(Path(location)):
                what = "as a video: cut off, or never finished: its index (moov) is missing"
            raise SourceError(f"{self._name}: cannot be read {what}") from error

    def _open_address(self, location: str, options: dict[str, str]) -> Any:
        is_playlist = Path(self._name).suffix.lower() in _PLAYLISTS
        try:
            return av.open(
                encoded(location),
                options={**options, "rtsp_flags": "prefer_tcp"},
                timeout=(_OPEN_TIMEOUT_S, _PLAYLIST_TIMEOUT_S if is_playlist else _READ_TIMEOUT_S),
                **READING,
            )
        except av.error.HTTPUnauthorizedError as error:
            problem: Exception = error
            what = "wrong user or password"
        except av.error.HTTPForbiddenError as error:
            problem, what = error, "this user may not see it"
        except av.error.HTTPNotFoundError as error:
            problem, what = error, "there is nothing at this address"
        except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
            problem, what = error, f"no answer, or no video at this address: {reason(error)}"
        raise SourceError(f"{self._name}: {what}") from problem

    def _video_track(self) -> Any:
        tracks = self._container.streams.video
        for track in tracks:
            if not track.disposition & _ATTACHED_PICTURE:
                if track.codec_context is None:
                    raise SourceError(f"{self._name}: its video is of a kind that nothing decodes")
                if track.width * track.height > MAX_PIXELS:  # not every decoder looks at that
                    raise SourceError(
                        f"{self._name}: its pictures of {track.width}x{track.height} are too large"
                    )
                return track
        if tracks:
            raise SourceError(f"{self._name}: is no video: the picture in it is a cover")
        raise SourceError(f"{self._name}: holds no picture: there is no video in it")

    def _note(self, packet: Any) -> None:
        """Keeps account of how far the file was read."""
        time = packet.pts if packet.pts is not None else packet.dts
        if time is None or not packet.size:
            return
        start = self.start or 0.0
        if self._kind in _STATE_VIDEO_DURATION and packet.stream.start_time:
            start = float(packet.stream.start_time * packet.time_base)
        end = float((time + (packet.duration or 0)) * packet.time_base) - start
        self.reached = max(self.reached, end)

    def _stated_s(self) -> float | None:
        if self._kind in _STATE_DURATION:
            duration = self._container.duration
            return duration / av.time_base if duration else None
        if self._kind == "avi":
            rate = self.track.average_rate
            return float(self.track.frames / rate) if rate and self.track.frames else None
        if self._kind == "mov" and self.track.duration:
            return float(self.track.duration * self.track.time_base)
        return None

    def _seconds(self) -> float | None:
        if self.track.duration:
            return float(self.track.duration * self.track.time_base)
        told = self.track.metadata.get("DURATION", "").split(":")  # a Matroska track's own
        try:
            return sum(float(part) * unit for part, unit in zip(told, (3600, 60, 1), strict=True))
        except ValueError:
            duration = self._container.duration
            return duration / av.time_base if duration else None


def _check_file(path: Path, name: str) -> None:
    """Says plainly what FFmpeg would only fail on.

    Raises:
        SourceError: there is no file, it may not be read, or it is empty.
    """
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError as error:
        raise SourceError(f"{name}: no such file") from error
    except OSError as error:
        raise SourceError(f"{name}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # a zero byte in the name
        raise SourceError(f"{name}: no such file") from error
    if empty:
        raise SourceError(f"{name}: the file is empty")


def _lacks_index(path: Path) -> bool:
    """Whether a file is an MP4 that says nowhere where its pictures are."""
    with path.open("rb") as file:
        size = path.stat().st_size
        place = 0
        while place + 8 <= size:
            file.seek(place)
            header = file.read(16)
            length, kind = int.from_bytes(header[:4], "big"), header[4:8]
            if place == 0 and kind not in (b"ftyp", b"mdat", b"wide", b"free"):
                return False
            if kind in (b"moov", b"moof"):
                return False
            if length == 1:  # a long box: its length follows
                length = int.from_bytes(header[8:], "big")
            if length < 8:
                break
            place += length
    return place > 0
