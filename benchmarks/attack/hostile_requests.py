"""Hostile clients of the service's page, by kind; each is one conversation on one connection.

An attack returns in a word what came of it, or raises ``BrokenPromiseError``.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, quote_from_bytes

SECRET = b"this stands in a file beside the clips"
_TAKES = 4 << 20  # bytes of an answer that are read at most


class BrokenPromiseError(Exception):
    """The page did what it must not."""


@dataclass(frozen=True, slots=True)
class Target:
    """A page on this machine.

    Attributes:
        port: where it is, on the loopback interface.
        token: without which it shows nothing.
        clips: names of those that are kept.
        patience: seconds that the page gives a client.
        listeners: of events, that it takes at once.
        players: of clips.
        wrong: seconds that a wrong token costs.
    """

    port: int
    token: str
    clips: tuple[str, ...]
    patience: float
    listeners: int
    players: int
    wrong: float


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content: bytes  # with the header
    took: float

    @property
    def word(self) -> str:
        return str(self.status) if self.status else "hung up on"


Attack = Callable[[Target, random.Random], Awaitable[str]]


def at_once(name: str, target: Target, count: int, seed: int) -> Counter[str]:
    """Runs so many attacks of a kind; returns what came of them, in words.

    All at once where that is the attack; else as many as the page has connections for, so that it
    gets to read each.
    """
    together = asyncio.Semaphore(count if name in _ALL_AT_ONCE else _TOGETHER)
    chances = [random.Random(f"{name} {seed} {number}") for number in range(count)]

    async def attack(chance: random.Random) -> str:
        async with together:
            return await KINDS[name](target, chance)

    async def run() -> list[str | BaseException]:
        return await asyncio.gather(*map(attack, chances), return_exceptions=True)

    done = asyncio.run(run())
    words: Counter[str] = Counter()
    for one in done:
        if isinstance(one, BaseException):
            if not isinstance(one, (OSError, BrokenPromiseError)):
                raise one
            words["hung up on" if isinstance(one, OSError) else f"BROKEN: {one}"] += 1
        else:
            words[one] += 1
    for word, most in (("listens", target.listeners), ("plays", target.players)):
        if words[word] > most:
            words[f"BROKEN: {words[word]} {word} at once"] += 1
    return words


async def _slow_header(target: Target, chance: random.Random) -> str:
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: " + b"b" * 9999
    return await _drip(target, request, chance)


async def _slow_body(target: Target, chance: random.Random) -> str:
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n"
    return await _drip(target, b"token=" + b"x" * 3000, chance, before=head)


async def _no_body(target: Target, chance: random.Random) -> str:
    path = chance.choice(["/login", "/login", "/", "/clips"])
    rest = chance.choice(["Content-Length: 30\r\n", "Transfer-Encoding: chunked\r\n"])
    more = chance.choice(["", "Expect: 100-continue\r\n"])
    return await _drip(
        target, b"", chance, before=f"POST {path} HTTP/1.1\r\nHost: a\r\n{rest}{more}\r\n".encode()
    )


async def _silence(target: Target, chance: random.Random) -> str:
    before = chance.choice([b"", b"G", b"\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
    return await _drip(target, b"", chance, before=before)


async def _huge_header(target: Target, chance: random.Random) -> str:
    size = chance.choice([40_000, 200_000, 2_000_000])
    header = chance.choice([
        b"X-A: " + b"a" * size,
        b"a:\r\n" * (size // 4) + b"a:",
        b"Cookie: " + b"a=b; " * (size // 5),
        b"Range: bytes=" + b"0-," * (size // 3),
        b"X-A: b\r\n" + b" c\r\n" * (size // 4) + b" d",
    ])  # fmt: skip
    answer = await _talk(
        target, b"GET /style.css HTTP/1.1\r\nHost: localhost\r\n" + header + b"\r\n\r\n"
    )
    return _expect(answer, 0, 400, 431)


async def _huge_target(target: Target, chance: random.Random) -> str:
    size = chance.choice([10_000, 100_000, 1_000_000])
    path = chance.choice(["/" + "a" * size, "/?" + "a&" * size, "/" * size, "/%2e" * size])
    answer = await _talk(target, _request(target, path))
    return _expect(answer, 0, 200, 400, 404, 414)


async def _huge_body(target: Target, chance: random.Random) -> str:
    size = chance.choice([5_000, 100_000, 5_000_000])
    path = chance.choice(["/login", "/login", "/", "/clips", "/events"])
    method = chance.choice(["POST", "PUT", "GET"])
    head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {target.token}\r\n"
    if chance.random() < 0.5:
        data = f"{head}Content-Length: {size}\r\n\r\n".encode() + b"x" * size
    else:
        chunks = b"1\r\nx\r\n" * (size // 6)
        data = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks
    # A stream that is given all the same is not waited for.
    answer = await _talk(target, data, enough=12)
    return _expect(answer, 0, 200, 400, 401, 404, 405, 413, 503)


async def _methods(target: Target, chance: random.Random) -> str:
    method = chance.choice([
        *("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "PRI"),
        *("GET\t", "\x00", "A" * 5000, "POST", "HEAD", "X-\x7f", "GET /a"),
    ])  # fmt: skip
    path = chance.choice(["/", "/clips", "/events", f"/clips/{target.clips[0]}", "*", "a:1"])
    answer = await _talk(target, _request(target, path, method), enough=12)
    return _expect(answer, 0, 200, 400, 401, 404, 405, 503)


async def _paths(target: Target, chance: random.Random) -> str:
    up = chance.choice(["..", "%2e%2e", ".%2e", "%252e%252e", "..%00", "....", "%c0%ae%c0%ae"])
    slash = chance.choice(["/", "%2f", "%2F", "\\", "%5c", "//", "%252f", "%c0%af"])
    start = chance.choice(["/", "/clips/", "/clips" + slash, "/cameras/", "//", "http://a/clips/"])
    name = chance.choice(["secret.mp4", "secret.json", "edgevid.toml", "token", "etc/passwd"])
    path = start + slash.join([up] * chance.randint(1, 8) + [name])
    answer = await _talk(target, _request(target, path + chance.choice(["", "?play", "%00.mp4"])))
    return _expect(answer, 0, 400, 404)


async def _names(target: Target, chance: random.Random) -> str:
    raw = chance.choice([
        b"\r\nX-Injected: yes\r\n\r\n", b"<script>alert(1)</script>.mp4", b'";rm -rf /;".mp4',
        b"' or 1=1 --.mp4", b"%s%n%x.mp4", b"a\0.mp4", b"\xff\xfe.mp4", b"\xed\xa0\x80.mp4",
        b"$(reboot).mp4", b"{model}.mp4", b"x" * 4000 + b".mp4", b"*.mp4", b"?.mp4", b"[!a].mp4",
        b"\xe2\x80\xae4pm.mp4", b"com1.mp4", b".mp4", b"-rf.mp4", b"~root.mp4", b"file:///etc.mp4",
        target.clips[0].encode() + b"/", target.clips[0].upper().encode(), b"http://a/b.mp4",
    ])  # fmt: skip
    kind = chance.choice(["/clips/{}", "/clips/{}?play", "/cameras/{}/picture.jpg"])
    answer = await _talk(target, _request(target, kind.format(quote_from_bytes(raw))))
    if b"x-injected" in answer.content.lower():
        raise BrokenPromiseError("a header was injected")
    return _expect(answer, 0, 400, 404)


async def _tokens(target: Target, chance: random.Random) -> str:
    wrong = chance.choice([
        "wrong", target.token[:-1], target.token + "x", target.token.upper(), "a" * 3000, "null",
        target.token[::-1], "ÿþ", "' or '1'='1", "%00", "*",
    ])  # fmt: skip
    where = chance.choice(["form", "link", "header", "cookie"])
    if where == "form":
        body = f"token={quote(wrong)}".encode()
        head = f"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
        data = head.encode() + body
    elif where == "link":
        data = f"GET /?token={quote(wrong)} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    else:
        header = (
            f"Authorization: Bearer {wrong}"
            if where == "header"
            else f"Cookie: a=b; edgevid_{target.port}={wrong}; edgevid={target.token}"
        )
        data = f"GET /clips HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n".encode("latin-1", "replace")
    answer = await _talk(target, data)
    if answer.status == 401 and answer.took < target.wrong:
        raise BrokenPromiseError(f"a wrong token ({where}) cost only {answer.took:.2f} s")
    return _expect(answer, 0, 401)


async def _no_token(target: Target, chance: random.Random) -> str:
    host = chance.choice([
        "localhost", "", "a/style.css?", "a/style.css#", "x@a/icon.svg?", "a b", "[", "a:b:c",
        "evil.example", "ÿ", "a\\style.css", "a" * 5000,
    ])  # fmt: skip
    path = chance.choice(["/", "/events", "/clips", f"/clips/{target.clips[0]}", "/metrics"])
    cookie = chance.choice(["", "a[b]=c; =; ;;", "edgevid=1", '="', "\x01=\x02", "a=b;" * 900])
    more = chance.choice(["", "X-Forwarded-For: 127.0.0.1\r\n", "X-Original-URL: /style.css\r\n"])
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n{more}\r\n"
    return _expect(await _talk(target, request.encode("latin-1")), 0, 400, 401)


async def _ranges(target: Target, chance: random.Random) -> str:
    some = ",".join(f"{n}-{n}" for n in range(0, 2 * chance.randint(1, 1500), 2))
    value = chance.choice([
        f"bytes={some}", "bytes=" + "0-," * 4000, "bytes=-" + "9" * 4000, "bytes=" + "0-0," * 2500,
        "bytes=5-1", "bytes=-0", "bytes=99999999999999999999-", "bytes=0-99999999999999999999",
        "bytes= 0 - 1 , 3 - 4 ", "lines=1-2", "bytes", "=", "bytes=-", "bytes=--", "bytes=a-b",
        "bytes=٣-٤", "bytes=1.5-2", "bytes=0x1-0x2", "bytes=-1--2", "bytes=,,,,",
    ])  # fmt: skip
    more = chance.choice(["", 'If-Range: "x"\r\n', "If-None-Match: *\r\n", "If-Range: x\r\n"])
    header = f"Range: {value}\r\n{more}".encode()
    name = chance.choice(target.clips)
    answer = await _talk(target, _request(target, f"/clips/{name}", more=header))
    return _expect(answer, 0, 200, 206, 304, 400, 416, 503)


async def _listeners(target: Target, chance: random.Random) -> str:
    query = chance.choice(["", "?cameras", "?recent", "?cameras&recent"])
    more = chance.choice([b"", b"Last-Event-ID: " + b"a" * 1000 + b"\r\n"])
    return await _stay(target, _request(target, f"/events{query}", more=more), "listens", 3.0)


async def _players(target: Target, chance: random.Random) -> str:
    name = chance.choice(target.clips)
    return await _stay(target, _request(target, f"/clips/{name}?play"), "plays", 0.5)


async def _deaf(target: Target, chance: random.Random) -> str:
    """Asks for much, and takes nothing of it."""
    name = chance.choice(target.clips)
    path = chance.choice([f"/clips/{name}", f"/clips/{name}?play", "/events?cameras", "/metrics"])
    deaf = socket.socket()
    with deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, ("127.0.0.1", target.port))
        await loop.sock_sendall(deaf, _request(target, path) * chance.randint(1, 20))
        await asyncio.sleep(chance.uniform(0, target.patience))
    return "left"


async def _half_open(target: Target, chance: random.Random) -> str:
    """Says that nothing more comes, or is gone without a word."""
    data = chance.choice([
        b"GET / HTTP/1.1\r\n", _request(target, "/"), _request(target, "/events?cameras"),
        _request(target, "/cameras/front/picture.jpg"),
        _request(target, f"/clips/{target.clips[0]}"),
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\ntok", b"",
    ])  # fmt: skip
    reader, writer = await _connect(target)
    try:
        writer.write(data)
        await writer.drain()
        if chance.random() < 0.5:
            writer.write_eof()
            await _until_closed(target, reader, time.monotonic())
            return "closed"
        await asyncio.sleep(chance.uniform(0, 0.3))
        own = writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
        return "gone"
    finally:
        writer.close()


async def _garbage(target: Target, chance: random.Random) -> str:
    good = _request(target, chance.choice(["/style.css", "/healthz", "/clips"]))
    bad = chance.choice([
        chance.randbytes(chance.randint(1, 60_000)),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(500),  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + chance.randbytes(100),
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n" * 50,
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n"
        b"\r\n0\r\n\r\nGET /clips HTTP/1.1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nzz\r\n",
        b"POST /clips HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\nGET / HTTP",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05a",
        b"\r\n" * 20_000,
    ])  # fmt: skip
    data = good * chance.randint(0, 5) + bad + good * chance.randint(0, 3)
    answer = await _talk(target, data, enough=200_000)
    return _expect(answer, 0, 200, 400, 401, 405, 503)


async def _pipelines(target: Target, chance: random.Random) -> str:
    """Asks hundreds of times before it reads the first answer."""
    path = chance.choice(["/style.css", "/metrics", "/clips", "/cameras/front/picture.jpg"])
    answer = await _talk(target, _request(target, path) * chance.choice([30, 300]), enough=1 << 20)
    return _expect(answer, 0, 200, 400, 404)


async def _flood(target: Target, chance: random.Random) -> str:
    """Connects and asks again and again, as fast as it can."""
    told = Counter[str]()
    for _ in range(10):
        path = chance.choice(
            ["/", "/style.css", "/clips", "/metrics", "/cameras/front/picture.jpg"]
        )
        with contextlib.suppress(OSError):
            answer = await _talk(target, _request(target, path, more=b"Connection: close\r\n"))
            told[_expect(answer, 0, 200, 404, 503)] += 1
    return told.most_common(1)[0][0] if told else "hung up on"


KINDS: dict[str, Attack] = {
    "slow header": _slow_header,
    "slow body": _slow_body,
    "body that never comes": _no_body,
    "silence": _silence,
    "huge header": _huge_header,
    "huge target": _huge_target,
    "huge body": _huge_body,
    "methods": _methods,
    "ways out of the folder": _paths,
    "clip names": _names,
    "wrong tokens": _tokens,
    "no token, odd hosts and cookies": _no_token,
    "ranges": _ranges,
    "listeners": _listeners,
    "players": _players,
    "deaf": _deaf,
    "half open": _half_open,
    "garbage": _garbage,
    "pipelines": _pipelines,
    "flood": _flood,
}

_ALL_AT_ONCE = (
    *("slow header", "slow body", "body that never comes", "silence"),
    *("listeners", "players", "deaf", "half open", "flood"),
)
_TOGETHER = 80


def _request(target: Target, path: str, method: str = "GET", *, more: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {target.token}"
    return head.encode("latin-1", "replace") + b"\r\n" + more + b"\r\n"


def _expect(answer: _Answer, *statuses: int) -> str:
    if answer.status not in statuses:
        raise BrokenPromiseError(f"answered {answer.status}")
    if SECRET in answer.content or b"root:" in answer.content:
        raise BrokenPromiseError("a file was given away")
    return answer.word


async def _connect(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(30):
        return await asyncio.open_connection("127.0.0.1", target.port, limit=1 << 16)


async def _talk(target: Target, data: bytes, *, enough: int = _TAKES) -> _Answer:
    """Sends something; returns the first answer, however the connection ends."""
    began = time.monotonic()
    reader, writer = await _connect(target)
    content = b""
    try:
        writer.write(data)
        sending = asyncio.create_task(writer.drain())
        with contextlib.suppress(OSError):
            async with asyncio.timeout(_longest(target)):
                while len(content) < enough and not _is_whole(content):
                    part = await reader.read(1 << 16)
                    if not part:
                        break
                    content += part
        took = time.monotonic() - began
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    finally:
        writer.transport.abort()
    if took > _longest(target) - 1:
        raise BrokenPromiseError("neither answered nor hung up on")
    status = content[9:12]
    return _Answer(int(status) if status.isdigit() else 0, content, took)


def _is_whole(content: bytes) -> bool:
    """Whether there is a whole answer, of those that say how long they are."""
    head, between, body = content.partition(b"\r\n\r\n")
    _, found, length = head.lower().partition(b"\r\ncontent-length: ")
    return bool(between and found and len(body) >= int(length.partition(b"\r\n")[0]))


async def _drip(target: Target, data: bytes, chance: random.Random, *, before: bytes = b"") -> str:
    """Sends something a byte at a time, and sees that this is not put up with for long."""
    began = time.monotonic()
    reader, writer = await _connect(target)
    try:
        writer.write(before)
        dripping = asyncio.create_task(_drips(writer, data, chance.uniform(0.1, 0.9)))
        try:
            await _until_closed(target, reader, began)
        finally:
            dripping.cancel()
            await asyncio.gather(dripping, return_exceptions=True)
    finally:
        writer.transport.abort()
    return "closed"


async def _drips(writer: asyncio.StreamWriter, data: bytes, pause: float) -> None:
    for place in range(len(data)):
        writer.write(data[place : place + 1])
        await writer.drain()
        await asyncio.sleep(pause)


async def _until_closed(target: Target, reader: asyncio.StreamReader, began: float) -> None:
    with contextlib.suppress(ConnectionError):
        try:
            async with asyncio.timeout(_longest(target) - (time.monotonic() - began)):
                while await reader.read(1 << 16):
                    pass
        except TimeoutError:
            raise BrokenPromiseError("held without limit") from None


async def _stay(target: Target, data: bytes, word: str, seconds: float) -> str:
    """Asks for an answer that goes on, and takes it for some time."""
    reader, writer = await _connect(target)
    try:
        writer.write(data)
        async with asyncio.timeout(_longest(target)):
            status = (await reader.readexactly(12))[9:]
        if status == b"200":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while await reader.read(1 << 16):
                        pass
            return word
        return status.decode()
    except (asyncio.IncompleteReadError, ConnectionError):
        return "hung up on"
    except TimeoutError:
        raise BrokenPromiseError("neither answered nor hung up on") from None
    finally:
        writer.transport.abort()


def _longest(target: Target) -> float:
    """Returns how long the page may take with a client, on a machine that is busy."""
    return 3 * target.patience + 20


def names(chosen: Sequence[str] | None = None) -> list[str]:
    """Returns the kinds, or those of them that are chosen."""
    return [name for name in KINDS if not chosen or name in chosen]
