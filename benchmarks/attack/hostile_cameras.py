"""Hostile network cameras, by kind of answer.

All are on this machine. Each is a function that is given the connection of a client, until that
hangs up.
"""

from __future__ import annotations

import gzip
import itertools
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from edgevid.support.jpeg import to_jpeg

_PATIENCE_S = 60.0  # for a client that does not read, or a test that has ended
_CHUNK = 1 << 16
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n"
_PARTS = _HEAD % b"multipart/x-mixed-replace; boundary=x"

Answer = Callable[[socket.socket], None]


@dataclass(frozen=True, slots=True)
class Hostile:
    """One hostile camera.

    Attributes:
        name: what it does.
        answer: how.
        scheme: of its address.
        path: of its address.
        gives_pictures: whether a client may take it for a camera, since it gives what can be seen;
            None where that depends on how patiently it reads.
    """

    name: str
    answer: Answer
    scheme: str = "http"
    path: str = "/video"
    gives_pictures: bool | None = False


def all_cameras() -> list[Hostile]:
    """Returns every kind with every parameter."""
    return [*_broken(), *_endless(), *_pictures(), *_lists(), *_rtsp()]


@contextmanager
def served(camera: Hostile) -> Iterator[str]:
    """Serves a camera; gives its address, with a password in it."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=16)
    over = threading.Event()

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError):
            client.settimeout(_PATIENCE_S)
            camera.answer(client)

    def accept() -> None:
        while not over.is_set():
            with suppress(OSError):
                client, _ = listening.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield (
            f"{camera.scheme}://me:{PASSWORD}@127.0.0.1:{listening.getsockname()[1]}{camera.path}"
        )
    finally:
        over.set()
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()


PASSWORD = "hush-hush-7"


def _broken() -> Iterator[Hostile]:
    """Those that give no video at all."""
    yield Hostile("hangs up at once", lambda client: None)
    yield Hostile("resets the connection", _reset)
    yield Hostile("never answers", _wait)
    yield Hostile("answers one byte at a time", partial(_drip, b"HTTP/1.1 200 OK\r\n" * 100, 0.5))
    yield Hostile("hangs up within the header", _after_request(b"HTTP/1.1 200 OK\r\nContent-"))
    yield Hostile("noise instead of a header", _noise)
    yield Hostile("zeros instead of a header", _zeros)
    for status in (b"204 No Content", b"401 Unauthorized", b"403 Forbidden", b"404 Not Found"):
        answer = b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n"
        yield Hostile(f"status {status[:3].decode()}", _after_request(answer))
    yield Hostile(
        "status 500 with control characters",
        _after_request(b"HTTP/1.1 500 \x1b[2J\x07\xff\r\nContent-Length: 0\r\n\r\n"),
    )
    for place in (b"/video", b"file:///etc/passwd", b"rtsp://127.0.0.1:1/", b"http://127.0.0.1:1/"):
        answer = b"HTTP/1.1 302 Found\r\nLocation: " + place + b"\r\nContent-Length: 0\r\n\r\n"
        yield Hostile(f"redirects to {place.decode()}", _after_request(answer))
    for length in (b"-1", b"1e99", b"99999999999999999999", b"0"):
        answer = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: %s\r\n\r\n"
        yield Hostile(f"Content-Length: {length.decode()}", _after_request(answer % length))
    yield Hostile("a chunk of impossible size", _chunked(b"FFFFFFFFFFFFFFFF\r\nx"))
    yield Hostile("a chunk of negative size", _chunked(b"-5\r\nx"))
    for kind in (b"video/mp4", b"video/x-matroska", b"video/mp2t", b"image/jpeg", b"video/x-flv"):
        head = _HEAD % kind
        yield Hostile(f"noise as {kind.decode()}", _stream(partial(_then, head, _random)))


def _endless() -> Iterator[Hostile]:
    """Those that go on and on without a picture."""
    yield Hostile("an endless header line", _stream(lambda: _then(b"HTTP/1.1 200 ", _same(b"x"))))
    yield Hostile(
        "endless header lines",
        _stream(lambda: _then(b"HTTP/1.1 200 OK\r\n", _same(b"X-A: y\r\n"))),
    )
    part = _PARTS + b"--x\r\nContent-Type: image/jpeg\r\n\r\n"
    yield Hostile(
        "an endless JPEG", _stream(lambda: _then(part + _jpeg(64, 48)[:-2], _same(b"\0")))
    )
    yield Hostile(
        "an endless JPEG header",
        _stream(lambda: _then(part + b"\xff\xd8", _same(b"\xff\xe0\xff\xff"))),
    )
    yield Hostile("endless headers of parts", _stream(lambda: _then(_PARTS, _same(b"A: b\r\n"))))
    yield Hostile(
        "a part of 100 GB",
        _stream(
            lambda: _then(_PARTS + b"--x\r\nContent-Length: 99999999999\r\n\r\n", _same(b"\0"))
        ),
    )
    yield Hostile(
        "an endless PNG", _stream(lambda: _then(_HEAD % b"image/png" + _PNG, _same(b"\0")))
    )
    yield Hostile(
        "an endless Matroska header",
        _stream(lambda: _then(_HEAD % b"video/x-matroska" + _MATROSKA, _same(b"\xec\x81\0"))),
    )
    yield Hostile(
        "an MP4 box of 2**62 bytes",
        _stream(lambda: _then(_HEAD % b"video/mp4" + _MP4, _same(b"\0"))),
    )
    yield Hostile("a gigabyte in a small gzip", _zipped)


def _pictures() -> Iterator[Hostile]:
    """Those that give pictures of a kind that nobody expects."""
    for width, height in ((7680, 4320), (16000, 16000), (8192, 8192)):
        yield Hostile(f"pictures of {width}x{height}", _mjpeg(partial(_large, width, height)))
    for width, height in ((0, 0), (65535, 65535), (1, 65535)):
        pictures = _same(_claiming(_jpeg(64, 48), width, height))
        yield Hostile(f"claims to be {width}x{height}", _mjpeg(pictures))
    for width, height in ((1, 1), (8000, 2), (2, 8000)):
        yield Hostile(
            f"pictures of {width}x{height}",
            _mjpeg(partial(itertools.repeat, _jpeg(width, height)), 0.1),
            gives_pictures=True,
        )
    yield Hostile("another size with each picture", _mjpeg(_sizes, 0.1), gives_pictures=True)
    yield Hostile(
        "10,000 pictures a second",
        _mjpeg(lambda: itertools.repeat(_jpeg(64, 48))),
        gives_pictures=True,
    )
    yield Hostile(
        "a picture every ten seconds", _mjpeg(lambda: itertools.repeat(_jpeg(64, 48)), 10.0)
    )
    yield Hostile(
        "pictures cut in half", _mjpeg(lambda: itertools.repeat(_jpeg(640, 480)[:900]), 0.1)
    )
    yield Hostile("empty pictures", _mjpeg(lambda: itertools.repeat(b"")))
    yield Hostile(
        "noise for pictures", _mjpeg(lambda: (os.urandom(5000) for _ in itertools.count()))
    )
    yield Hostile("hangs up after a picture", _mjpeg(lambda: [_jpeg(64, 48)]))
    for length in (b"5", b"-7", b"99999999"):
        yield Hostile(
            f"pictures said to be of {length.decode()} bytes",
            _mjpeg(lambda: itertools.repeat(_jpeg(64, 48)), 0.05, length=length),
            gives_pictures=None,
        )


def _lists() -> Iterator[Hostile]:
    """Playlists."""
    head = _HEAD % b"application/vnd.apple.mpegurl"
    start = head + b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n"
    entry = b"#EXTINF:1,\nnone.ts\n"
    for name, text in {
        "a playlist of itself": b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlist.m3u8\n",
        "a playlist of this machine's files": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        "a playlist of 20,000 missing pieces": b"#EXTM3U\n" + 20_000 * entry,
    }.items():
        yield Hostile(name, _after_request(head + text), path="/list.m3u8")
    yield Hostile(
        "an endless playlist", _stream(lambda: _then(start, _same(entry))), path="/l.m3u8"
    )


def _rtsp() -> Iterator[Hostile]:
    """Those that speak RTSP, or nearly."""
    sdp = b"v=0\r\no=- 0 0 IN IP4 0\r\ns=x\r\nt=0 0\r\n"
    video = b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t\r\n"
    for name, content in {
        "RTSP: no description": b"",
        "RTSP: noise for a description": os.urandom(2000),
        "RTSP: a description without video": sdp,
        "RTSP: 1,000 tracks": sdp + 1000 * video,
        "RTSP: a picture of 65535x65535": sdp + video + b"a=framesize:96 65535-65535\r\n",
    }.items():
        yield Hostile(name, partial(_speak_rtsp, content), "rtsp")
    yield Hostile("RTSP: noise for pictures", partial(_speak_rtsp, sdp + video, noise=True), "rtsp")
    yield Hostile("RTSP: silence after PLAY", partial(_speak_rtsp, sdp + video), "rtsp")
    yield Hostile("RTSP: an endless description", _endless_sdp, "rtsp")
    yield Hostile(
        "RTSP: an endless header line", _stream(lambda: _same(b"RTSP/1.0 200 ")()), "rtsp"
    )
    yield Hostile("RTSP: never answers", _wait, "rtsp")
    yield Hostile("RTSP: noise", _noise, "rtsp")
    yield Hostile(
        "RTSP: a content of 2 GB",
        _after_request(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 2147483647\r\n\r\n"),
        "rtsp",
    )


# Ways to answer


def _request(client: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and len(data) < _CHUNK:
        more = client.recv(_CHUNK)
        if not more:
            break
        data += more
    return data


def _wait(client: socket.socket) -> None:
    while client.recv(_CHUNK):
        pass


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _drip(content: bytes, pause: float, client: socket.socket) -> None:
    for byte in content:
        client.sendall(bytes([byte]))
        time.sleep(pause)


def _noise(client: socket.socket) -> None:
    while True:
        client.sendall(os.urandom(_CHUNK))


def _zeros(client: socket.socket) -> None:
    while True:
        client.sendall(bytes(_CHUNK))


def _after_request(answer: bytes) -> Answer:
    def give(client: socket.socket) -> None:
        _request(client)
        client.sendall(answer)

    return give


def _chunked(chunk: bytes) -> Answer:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nTransfer-Encoding: chunked\r\n\r\n"
    return _after_request(head + chunk)


def _stream(content: Callable[[], Iterable[bytes]]) -> Answer:
    def give(client: socket.socket) -> None:
        _request(client)
        for data in content():
            client.sendall(data)

    return give


def _then(first: bytes, rest: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
    yield first
    yield from rest()


def _same(data: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: itertools.repeat(data * max(1, _CHUNK // len(data)))


def _random() -> Iterator[bytes]:
    while True:
        yield os.urandom(_CHUNK)


def _mjpeg(
    pictures: Callable[[], Iterable[bytes]], pause: float = 0.0, *, length: bytes = b""
) -> Answer:
    def content() -> Iterator[bytes]:
        yield _PARTS
        for picture in pictures():
            size = length or b"%d" % len(picture)
            head = b"--x\r\nContent-Type: image/jpeg\r\nContent-Length: " + size + b"\r\n\r\n"
            yield head + picture + b"\r\n"
            time.sleep(pause)

    return _stream(content)


def _zipped(client: socket.socket) -> None:
    _request(client)
    content = gzip.compress(bytes(1 << 24), 9) * 64  # members of a gzip file follow one another
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Encoding: gzip\r\n\r\n"
    client.sendall(head + content)


def _speak_rtsp(description: bytes, client: socket.socket, *, noise: bool = False) -> None:
    while request := _request(client):
        number = request.partition(b"CSeq: ")[2].partition(b"\r\n")[0]
        head = b"RTSP/1.0 200 OK\r\nCSeq: " + number + b"\r\nSession: 1\r\n"
        if request.startswith(b"DESCRIBE"):
            head += b"Content-Type: application/sdp\r\n"
            client.sendall(head + b"Content-Length: %d\r\n\r\n" % len(description) + description)
            continue
        if request.startswith(b"SETUP"):
            head += b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        client.sendall(head + b"\r\n")
        while noise and request.startswith(b"PLAY"):
            data = os.urandom(1400)
            client.sendall(b"$\0" + struct.pack(">H", len(data)) + data)


def _endless_sdp(client: socket.socket) -> None:
    while request := _request(client):
        number = request.partition(b"CSeq: ")[2].partition(b"\r\n")[0]
        head = b"RTSP/1.0 200 OK\r\nCSeq: " + number + b"\r\n"
        if not request.startswith(b"DESCRIBE"):
            client.sendall(head + b"\r\n")
            continue
        client.sendall(
            head + b"Content-Type: application/sdp\r\nContent-Length: 2147483000\r\n\r\n"
        )
        client.sendall(b"v=0\r\ns=x\r\n")
        for data in _same(b"a=x:yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n")():
            client.sendall(data)


# Pictures

_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\x02\0\0\0"
_MATROSKA = (
    b"\x1a\x45\xdf\xa3\x8f\x42\x86\x81\x01\x42\x82\x88matroska\x18\x53\x80\x67\x01" + 7 * b"\xff"
)
_MP4 = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\1moov" + struct.pack(">Q", 1 << 62)


@cache
def _jpeg(width: int, height: int) -> bytes:
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    return to_jpeg(np.stack([rows, columns, rows ^ columns], axis=2))


def _large(width: int, height: int) -> Iterator[bytes]:
    """Gives pictures that are large and cost next to nothing to make or to send."""
    # Of one colour; 16000x16000 of them, made here, would take longer than the attack.
    made = _jpeg_of_one_colour(min(width, 8192), min(height, 8192))
    yield from itertools.repeat(_claiming(made, width, height))


@cache
def _jpeg_of_one_colour(width: int, height: int) -> bytes:
    return to_jpeg(np.full((height, width, 3), 127, np.uint8))


def _sizes() -> Iterator[bytes]:
    for number in itertools.count():
        yield _jpeg(16 * (1 + number * 7 % 40), 16 * (1 + number * 11 % 40))


def _claiming(jpeg: bytes, width: int, height: int) -> bytes:
    """Returns a JPEG whose header claims another size."""
    place = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:place] + struct.pack(">HH", height, width) + jpeg[place + 4 :]
