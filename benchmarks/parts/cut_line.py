"""A line to a broker that can be cut at any packet by which an event goes over it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from benchmarks.parts.ending import Stoppable

# The packets of an event, as the first byte of each has them (MQTT 5.0, 2.1.2).
PUBLISH, PUBACK = 3, 4


class CutLine(Stoppable):
    """Passes on what a client and a broker on this machine say to each other.

    Attributes:
        port: where the client is to connect.
    """

    def __init__(self, broker: int) -> None:
        self._broker = broker
        self._at: tuple[int, bool] | None = None
        self._then: Callable[[], None] = lambda: None
        self._mended = threading.Lock()  # held from a cut until all that goes with it is done
        self._cut = threading.Event()
        self._event = b""  # the last event's packet identifier
        self._threads: list[threading.Thread] = []
        self.port = 0  # any; from then on the same
        self._open()

    def stop(self) -> None:
        """Closes it, for good."""
        _hang_up(self._listening)
        for thread in self._threads:
            thread.join(5)

    def cut_at(self, packet: int, arrives: bool, then: Callable[[], None]) -> threading.Event:
        """Cuts the line at the next packet of a kind, and then does something more.

        Args:
            packet: the kind.
            arrives: whether the packet is still passed on.
            then: done before anybody can connect again.

        Returns:
            What is set when all that is done.
        """
        self._cut.clear()
        self._at, self._then = (packet, arrives), then
        return self._cut

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Lets nothing through and refuses to be connected to, until the block ends."""
        with self._mended:
            _hang_up(self._listening)
            yield
            self._open()

    def _open(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listening.getsockname()[1]
        accept = threading.Thread(target=self._accept, args=(self._listening,), daemon=True)
        self._threads.append(accept)
        accept.start()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            with self._mended:
                try:
                    broker = socket.create_connection(("127.0.0.1", self._broker))
                except OSError:
                    client.close()
                    continue
            for ends in ((client, broker), (broker, client)):
                self._threads.append(threading.Thread(target=self._pass_on, args=ends, daemon=True))
                self._threads[-1].start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        try:
            for packet in packets(one):
                if self._is_meant(packet):
                    self._break(packet, one, other)
                    return
                with self._mended:
                    other.sendall(packet)
        except OSError:
            pass
        finally:
            for end in (one, other):
                _hang_up(end)

    def _is_meant(self, packet: bytes) -> bool:
        kind, body = packet[0] >> 4, _body(packet)
        if kind == PUBLISH:
            length = 2 + int.from_bytes(body[:2])
            if not body[2:length].endswith(b"/event"):  # states and the greeting are not meant
                return False
            self._event = body[length : length + 2]
        elif kind != PUBACK or body[:2] != self._event:
            return False
        return self._at is not None and kind == self._at[0]

    def _break(self, packet: bytes, one: socket.socket, other: socket.socket) -> None:
        assert self._at is not None
        arrives, self._at = self._at[1], None
        with self._mended:
            if arrives:
                other.sendall(packet)
                time.sleep(0.05)  # for it to be read; no answer comes through meanwhile
            for end in (one, other):
                _hang_up(end)
            self._then()
        self._cut.set()


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


def packets(stream: socket.socket) -> Iterator[bytes]:
    """Yields MQTT packets until the stream ends (MQTT 5.0, 2.1: a byte, a length, the rest)."""
    while head := stream.recv(1):
        length, shift = 0, 0
        while True:
            head += (more := stream.recv(1))
            length |= (more[0] & 0x7F) << shift
            shift += 7
            if not more[0] & 0x80:
                break
        body = b""
        while len(body) < length:
            body += stream.recv(length - len(body)) or _ended()
        yield head + body


def _body(packet: bytes) -> bytes:
    """Returns what follows a packet's length."""
    start = 1
    while packet[start] & 0x80:
        start += 1
    return packet[start + 1 :]


def _ended() -> bytes:
    raise ConnectionError("in the middle of a packet")
