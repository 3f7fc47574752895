"""How long a failed camera is away: a real RTSP server, killed, hung, garbled, restarted.

The whole service watches two cameras: a network camera served by GStreamer's RTSP server, and a
steady file. Again and again the server is killed, stopped in mid-stream, or replaced by one that
talks nonsense, and after some seconds is itself again. Measured are the seconds from the outage
until the camera counts as lost, the seconds from the server's return until frames are stepped
again, and the longest gap between two steps of the other camera. Fails when an outage takes more
than 3 s to be noticed.

Needs Debian's ``python3-gi gir1.2-gst-rtsp-server-1.0`` and GStreamer's plugins base, good, ugly.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from tqdm import tqdm

from benchmarks.clips import published_path
from benchmarks.parts.ending import Stoppable
from benchmarks.parts.rtsp_camera import start_server
from benchmarks.parts.steady import steady_video
from benchmarks.parts.two_cameras import TwoCameras
from benchmarks.report import arguments, table, write_json
from edgevid import EdgevidError, Model, load_model
from edgevid.support.command import guard

NOTICED_S = 3.0  # what the service promises
OUTAGES = ("killed", "hung", "garbled")
_PATIENCE_S = 60.0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns 0 when every outage was noticed in time and overcome."""
    parser = arguments("benchmarks.recovery", __doc__)
    parser.add_argument("--rounds", type=int, help="outages of each kind; 20 unless told")
    parser.add_argument("--away", type=float, default=4.0, help="seconds that an outage lasts")
    chosen = parser.parse_args(argv)

    def run() -> int:
        rounds = chosen.rounds or (1 if chosen.quick else 20)
        results = measure(load_model(published_path()), rounds, chosen.away)
        print(table(results["outages"]))
        print(f"\nlongest gap of the other camera: {results['longest gap beside it, s']} s")
        write_json(chosen.json, results)
        return 0 if results["held"] else 1

    return guard(run)


def measure(model: Model, rounds: int, away: float) -> dict[str, Any]:
    """Has the camera fail ``rounds`` times in each way; returns what was measured.

    Raises:
        EdgevidError: the server cannot be started, or the camera did not come back.
    """
    measured: dict[str, list[tuple[float, float]]] = {outage: [] for outage in OUTAGES}
    with tempfile.TemporaryDirectory() as folder, _Server() as server:
        steady = steady_video(Path(folder, "steady.mp4"))
        with TwoCameras(model, server.address, steady) as watching:
            _until("live", watching, time.monotonic())
            for number in tqdm(range(rounds * len(OUTAGES)), "outages", unit="outage"):
                outage = OUTAGES[number % len(OUTAGES)]
                began = time.monotonic()
                back = server.fail(outage)
                noticed = _until("lost", watching, began)
                time.sleep(max(0.0, began + away - time.monotonic()))
                back()
                measured[outage].append((noticed, _until("live", watching, time.monotonic())))
                time.sleep(1.0)
        gap = watching.longest_gap
    rows = [_row(outage, np.array(times)) for outage, times in measured.items()]
    return {
        "outages": rows,
        "longest gap beside it, s": round(gap, 2),
        "held": bool(max(row["noticed after, s (most)"] for row in rows) <= NOTICED_S),
    }


def _row(outage: str, times: Any) -> dict[str, Any]:
    noticed, recovered = times.T
    return {
        "outage": outage,
        "times": len(times),
        "noticed after, s (median)": round(float(np.median(noticed)), 2),
        "noticed after, s (most)": round(float(noticed.max()), 2),
        "frames again after, s (median)": round(float(np.median(recovered)), 2),
        "frames again after, s (most)": round(float(recovered.max()), 2),
    }


class _Server(Stoppable):
    """A network camera that can fail in several ways."""

    def __init__(self) -> None:
        self._port = "0"

    def fail(self, outage: str) -> Callable[[], None]:
        """Begins an outage; returns what ends it."""
        if outage == "hung":
            self.process.send_signal(signal.SIGSTOP)
            return lambda: self.process.send_signal(signal.SIGCONT)
        self.stop()
        if outage == "killed":
            return self.start
        nonsense = _Nonsense(int(self._port))

        def back() -> None:
            nonsense.close()
            self.start()

        return back

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        self.process, self.address = start_server("00ff00", self._port)
        self._port = str(urlsplit(self.address).port)


class _Nonsense:
    """Answers whatever it is asked with noise, for as long as anybody listens."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_server(("127.0.0.1", port))
        self._open = True
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while self._open:
            try:
                caller, _ = self._socket.accept()
                with caller:
                    caller.recv(1000)
                    while self._open:
                        caller.sendall(os.urandom(10_000))
            except OSError:
                continue

    def close(self) -> None:
        self._open = False
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _until(state: str, watching: TwoCameras, since: float) -> float:
    """Waits until the network camera is in a state; returns the seconds since a moment."""
    while time.monotonic() < since + _PATIENCE_S:
        if watching.failing.state == state:
            return time.monotonic() - since
        time.sleep(0.01)
    raise EdgevidError(f"the camera was not {state} within {_PATIENCE_S:g} s: {watching.failing}")


if __name__ == "__main__":
    sys.exit(main())
