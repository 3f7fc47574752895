"""Run by ``usb_camera.sh`` where a camera is; a line for each thing that holds.

    python -m benchmarks.usb_camera MODEL.tflite

The camera is Linux's ``vivid``, whose picture can be set to plain red.
"""

from __future__ import annotations

import fcntl
import json
import struct
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from queue import Queue

from apps.raspberry_pi.cameras.camera import Camera
from apps.raspberry_pi.cameras.capture import Order
from edgevid import SourceError, open_source
from edgevid.testing import check_source

RED = (255, 0, 0)

# From linux/videodev2.h and vivid's source: the pattern that it shows, the text over it, and a
# button that unplugs it.
_SET_CONTROL = 0xC008561C
_TEST_PATTERN, _PLAIN_RED = 0x00F0F000, 7
_TEXT, _NO_TEXT = 0x00F0F001, 2
_UNPLUG = 0x00F0F041


def main(model: str) -> None:
    """Runs all of it; the first thing that does not hold ends it."""
    control(_TEST_PATTERN, _PLAIN_RED)
    control(_TEXT, _NO_TEXT)
    check_source(open_source("0"), take=30, colour=RED)
    check_source(open_source("/dev/video0"), take=3, colour=RED)
    print("contract kept")
    pictures_come_in_time()
    for missing in ("7", "/dev/null"):
        try:
            open_source(missing)
        except SourceError as error:
            print("missing:", error)
    the_command_watches(model)
    it_is_unplugged()
    plug_in()
    the_service_gets_over_it()


def pictures_come_in_time() -> None:
    """Looks at the times of sixty pictures; meanwhile nobody else can open the camera."""
    with open_source(0) as source:
        timestamps = []
        behind = []
        for frame in source:
            timestamps.append(frame.timestamp)
            behind.append(time.monotonic() - frame.timestamp)
            if frame.index == 60:
                break
        gaps = sorted(later - earlier for earlier, later in pairwise(timestamps))
        print(
            f"nominal {source.fps} fps; a picture every {gaps[30] * 1000:.1f} ms (median), "
            f"{gaps[0] * 1000:.1f} to {gaps[-1] * 1000:.1f}; "
            f"handed over {sorted(behind)[30] * 1000:.1f} ms after its time (median)"
        )

        told = run("import edgevid; edgevid.open_source(0)")
        print("while in use:", told)
        assert "another program may be using it" in told


def the_command_watches(model: str) -> None:
    """Has the stream command watch the camera for ten seconds."""
    command = ["-m", "edgevid.stream", "--camera", "0", "--model", model, "--headless"]
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, *command, "--duration", "10", "--output", "-"],
        capture_output=True,
        text=True,
        check=False,
    )
    print(f"command: exit code {done.returncode} after {time.monotonic() - started:.1f} s")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    predictions = [line for line in lines if line["type"] == "prediction"]
    summary = lines[-1]
    print(summary)
    assert done.returncode == 0
    assert predictions[0]["source"] == "camera 0"
    assert len(predictions) == summary["predictions"] >= 3  # an imitated processor is slow
    # Ten seconds at five a second, but for those under way when the time is up.
    under_way = 5 * summary["inference_ms"]["p99"] / 1000
    assert 48 - under_way <= summary["predictions"] + summary["skipped_ticks"] <= 52


def it_is_unplugged() -> None:
    """Unplugs the camera while it is read."""
    with open_source(0) as source:
        frames = iter(source)
        next(frames)
        control(_UNPLUG, 1)
        unplugged = time.monotonic()
        try:
            list(frames)
        except SourceError as error:
            print(f"unplugged: {error} ({time.monotonic() - unplugged:.1f} s later)")


def the_service_gets_over_it() -> None:
    """Unplugs the camera under the service that keeps it going, and plugs it in again."""
    states: Queue[tuple[str, str]] = Queue()
    camera = Camera(
        "usb",
        Order("0", 5.0),
        stall=2.5,
        longest_wait=10.0,
        set_state=lambda state, problem: states.put((state, problem)),
        arrived=lambda: None,
    )
    camera.start()
    for number in range(3):
        seconds, _ = wait_for(states, "live")
        print(f"service: live after {seconds:.1f} s")
        control(_UNPLUG, 1)
        seconds, problem = wait_for(states, "lost")
        print(f"service: unplugged, lost after {seconds:.1f} s: {problem}")
        assert seconds < 3
        time.sleep(number)
        plug_in()
    seconds, _ = wait_for(states, "live")
    print(f"service: live after {seconds:.1f} s")
    camera.stop()
    camera.join(2.0)


def wait_for(states: Queue[tuple[str, str]], wanted: str) -> tuple[float, str]:
    """Waits for the next news of this state; returns how many seconds it took, and the problem."""
    started = time.monotonic()
    while True:
        state, problem = states.get(timeout=60)
        if state == wanted:
            return time.monotonic() - started, problem


def plug_in() -> None:
    """Plugs the camera in again after it was unplugged."""
    for what in ("unbind", "bind"):
        Path("/sys/bus/platform/drivers/vivid", what).write_text("vivid.0")
    while not Path("/dev/video0").exists():
        time.sleep(0.01)


def control(number: int, value: int) -> None:
    """Sets one of vivid's own controls."""
    with Path("/dev/video0").open("rb+", buffering=0) as device:
        fcntl.ioctl(device, _SET_CONTROL, struct.pack("Ii", number, value))


def run(program: str) -> str:
    """Runs a line of Python in a process of its own; returns the last line of its complaint."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    return done.stderr.strip().splitlines()[-1]


if __name__ == "__main__":
    main(*sys.argv[1:])
