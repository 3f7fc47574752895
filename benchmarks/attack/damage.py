"""Videos that are damaged, odd or misnamed, each made from a seed."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgevid.support.pyav import av

FRAMES = 45

# What is written, by what: suffix, codec, format, and whether a sound track goes with it.
_KINDS = (
    (".mp4", "libx264", None, True),
    (".mp4", "mpeg4", None, False),
    (".mov", "libx264", None, True),
    (".m4v", "mpeg4", "m4v", False),
    (".mkv", "libx264", None, True),
    (".webm", "libvpx", None, False),
    (".avi", "mjpeg", None, False),
    (".avi", "mpeg4", None, False),
    (".ts", "libx264", None, True),
    (".mpg", "mpeg2video", None, False),
    (".flv", "libx264", None, False),
    (".asf", "msmpeg4v3", None, False),
    (".gif", "gif", None, False),
    (".h264", "libx264", "h264", False),
    (".mjpeg", "mjpeg", "mjpeg", False),
    (".y4m", "wrapped_avframe", "yuv4mpegpipe", False),
)
_PIXELS = {"mjpeg": "yuvj420p", "gif": "rgb8"}
_SIZES = ((64, 48), (172, 172), (320, 240), (18, 322), (642, 34), (98, 74))
_RATES = tuple(map(Fraction, ("30", "25", "12.5", "5", "1", "60", "240", "24000/1001", "1/3")))
_RATIOS = tuple(map(Fraction, ("1", "1", "1", "1/2", "64/45", "4/3", "1/100")))
_NAMES = (
    *(b"clip", b"-n", b"a b", b"caf\xe9", b"\xff\xfe", b"12:30", b"p%03d", b"a?b#c", b"'\"$(x)"),
    *("Ünïcode 动作".encode(), b"new\nline", b"x" * 200, b"..", b"~", b"con;rm", b"\x1b[31mred"),
)


@dataclass(frozen=True)
class Case:
    """One file of the campaign.

    Attributes:
        path: where it is.
        what: how it was made, for the report.
    """

    path: Path
    what: str


def make(folder: Path, seed: int) -> Case:
    """Writes one file; the same for the same seed."""
    chance = random.Random(seed)
    kinds = [kind for kind in _KINDS if kind[1] in av.codecs_available]
    suffix, codec, form, sound = chance.choice(kinds)
    data = _video(folder, chance, suffix, codec, form, sound=sound and chance.random() < 0.5)
    name, change = chance.choice(list(_CHANGES.items()))
    data = change(data, chance)
    if chance.random() < 0.1:
        suffix = chance.choice([kind[0] for kind in _KINDS])
    odd_name = chance.choice(_NAMES) if chance.random() < 0.5 else b"clip"
    path = Path(os.fsdecode(os.fsencode(folder) + b"/" + odd_name + suffix.encode()))
    path.write_bytes(data)
    return Case(path, f"{codec} in {suffix}, {name}")


def _video(
    folder: Path, chance: random.Random, suffix: str, codec: str, form: str | None, *, sound: bool
) -> bytes:
    width, height = (16 * 11, 16 * 9) if codec in ("mpeg2video", "msmpeg4v3") else (0, 0)
    if not width:
        width, height = chance.choice(_SIZES)
    rate = Fraction(25) if codec == "mpeg2video" else chance.choice(_RATES)
    path = folder / f"made{suffix}"
    swapped = sound and chance.random() < 0.5
    with av.open(str(path), "w", format=form) as container:
        audio = _sound_track(container) if swapped else None
        video = container.add_stream(codec, rate=rate)
        video.width, video.height = width, height
        video.pix_fmt = _PIXELS.get(codec, "yuv420p")
        if codec == "libx264":
            video.options = {"preset": "ultrafast", "g": str(chance.choice((5, 12, 250)))}
        if suffix in (".mp4", ".mkv", ".mov"):
            video.sample_aspect_ratio = chance.choice(_RATIOS)
        if sound and audio is None:
            audio = _sound_track(container)
        for number in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(_picture(number, width, height), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            _silence(container, audio, seconds=chance.choice((0.5, 2.0, 9.0)))
    data = path.read_bytes()
    path.unlink()
    return data


def _sound_track(container: object) -> object:
    return container.add_stream("aac", rate=16000, layout="mono")  # type: ignore[attr-defined]


def _silence(container: object, track: object, seconds: float) -> None:
    for number in range(int(seconds * 16000 / 1024)):
        silence = np.zeros((1, 1024), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 16000, 1024 * number
        container.mux(track.encode(frame))  # type: ignore[attr-defined]
    container.mux(track.encode(None))  # type: ignore[attr-defined]


def _picture(number: int, width: int, height: int) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[:height, :width]
    moved = columns + 3 * number
    return np.stack([moved * 2, rows * 3, moved + rows], axis=2).astype(np.uint8)


def _nothing(data: bytes, chance: random.Random) -> bytes:
    return data


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: int(len(data) * chance.uniform(0.02, 0.98))]


def _begins_late(data: bytes, chance: random.Random) -> bytes:
    return data[int(len(data) * chance.uniform(0.02, 0.5)) :]


def _hole(data: bytes, chance: random.Random) -> bytes:
    length = int(len(data) * chance.uniform(0.01, 0.4))
    place = chance.randrange(max(1, len(data) - length))
    filling = bytes(length) if chance.random() < 0.5 else chance.randbytes(length)
    return data[:place] + filling + data[place + length :]


def _missing_part(data: bytes, chance: random.Random) -> bytes:
    length = int(len(data) * chance.uniform(0.01, 0.4))
    place = chance.randrange(max(1, len(data) - length))
    return data[:place] + data[place + length :]


def _flipped_bytes(data: bytes, chance: random.Random) -> bytes:
    spoilt = bytearray(data)
    reach = len(data) if chance.random() < 0.5 else min(len(data), 2000)  # often in the header
    for _ in range(chance.choice((1, 5, 50))):
        spoilt[chance.randrange(reach)] = chance.randrange(256)
    return bytes(spoilt)


def _wrong_duration(data: bytes, chance: random.Random) -> bytes:
    """Changes the length, and what else stands there, in the places where formats state it."""
    spoilt = bytearray(data)
    value = chance.choice((0, 1, 10**6, 2**31 - 1, 2**32 - 1))
    for mark, offset in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24), (b"strh", 36), (b"stts", 12)):
        place = data.find(mark)
        if 0 <= place < len(data) - offset - 4:
            struct.pack_into(">I", spoilt, place + offset, value)
    for mark, form in ((b"duration\0", ">d"), (b"\x44\x89\x88", ">d")):  # FLV's and Matroska's
        place = data.find(mark)
        if 0 <= place < len(data) - len(mark) - 8:
            struct.pack_into(form, spoilt, place + len(mark), float(value))
    return bytes(spoilt)


def _twice(data: bytes, chance: random.Random) -> bytes:
    return data + data


def _garbage_behind(data: bytes, chance: random.Random) -> bytes:
    return data + chance.randbytes(chance.choice((1, 1000, 100_000)))


def _only_garbage(data: bytes, chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice((0, 1, 100, 50_000)))


_CHANGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "as it is": _nothing,
    "cut off": _cut,
    "without its beginning": _begins_late,
    "with a hole": _hole,
    "a part missing": _missing_part,
    "bytes changed": _flipped_bytes,
    "wrong durations": _wrong_duration,
    "twice in one file": _twice,
    "with garbage behind": _garbage_behind,
    "only garbage": _only_garbage,
}
