"""Makes videos of the kinds that people have, with PyAV."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.support.pyav import av

Pictures = Sequence[NDArray[np.uint8]]

RED = (210, 40, 30)  # as RGB: were a channel order wrong anywhere, this would come out blue


def red_pictures(count: int) -> list[NDArray[np.uint8]]:
    return [np.full((48, 64, 3), RED, np.uint8) for _ in range(count)]


def write(
    path: Path,
    pictures: Pictures,
    *,
    codec: str = "libx264",
    fps: float = 30,
    form: str | None = None,
    options: dict[str, str] | None = None,
    pixel_ratio: Fraction | None = None,
    times: Sequence[Fraction] | None = None,
    sound_s: float = 0,
) -> Path:
    """Writes RGB pictures as a video, with a sound track of so many seconds.

    Args:
        times: when each picture is, in seconds; at an even rate when None.
    """
    rate = Fraction(fps).limit_denominator(1001)
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w", format=form) as container:
        video = container.add_stream(codec, rate=rate)
        video.width, video.height = width, height
        video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        video.options = options or {}
        if pixel_ratio:
            video.sample_aspect_ratio = pixel_ratio
        if times is not None:
            video.time_base = video.codec_context.time_base = Fraction(1, 1_000_000)
        if sound_s:
            _add_sound(container, sound_s)
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if times is not None:
                frame.time_base = video.time_base
                frame.pts = round(times[number] * 1_000_000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


def _add_sound(container: Any, seconds: float) -> None:
    kind = {"webm": "libopus", "mpeg": "mp2", "matroska": "flac"}.get(container.format.name, "aac")
    sound = container.add_stream(kind, rate=48000, layout="stereo")
    resampler = av.AudioResampler(sound.codec_context.format or "fltp", "stereo", 48000, 1024)
    for number in range(int(seconds * 48000 / 1024)):
        silence = av.AudioFrame.from_ndarray(
            np.zeros((2, 1024), np.float32), format="fltp", layout="stereo"
        )
        silence.sample_rate, silence.pts = 48000, number * 1024
        for frame in resampler.resample(silence):
            container.mux(sound.encode(frame))
    container.mux(sound.encode(None))


def trimmed(source: Path, target: Path, start_s: float) -> Path:
    """Cuts a file's beginning off without encoding anew: an edit list hides the lead-in."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        track = old.streams.video[0]
        copy = new.add_stream_from_template(track)
        offset = round(start_s / track.time_base)
        for packet in old.demux(track):
            if packet.dts is not None:
                packet.pts, packet.dts = packet.pts - offset, packet.dts - offset
                packet.stream = copy
                new.mux(packet)
    return target


def with_matrix(path: Path, matrix: tuple[int, int, int, int], shift: tuple[int, int]) -> Path:
    """Writes a display matrix ``a b c d`` into an MP4's track header; shift is in pixels."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 4 + 20 + 16  # behind version, times, layer and volume
    a, b, c, d = (value << 16 for value in matrix)
    x, y = (value << 16 for value in shift)
    struct.pack_into(">9i", data, place, a, b, 0, c, d, 0, x, y, 1 << 30)
    path.write_bytes(data)
    return path


def without_packets(path: Path, first: int, last: int) -> Path:
    """Fills the packets ``first`` to ``last - 1`` of the video track with zeros."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        for packet in packets[first:last]:
            data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    path.write_bytes(data)
    return path
