"""The whole service as a person or systemd runs it: a process, a config, a signal."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from apps.raspberry_pi.config import CameraConfig, Config, ServiceConfig
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.service import Service, stop_all
from benchmarks.parts.tiny_model import LABELS, tiny_model
from edgevid import EdgevidError, Frame, open_source
from edgevid.runtime.watch import Seen, Watch
from tests.apps.parts import RED, colours, status, tiny, until


class Running:
    """A service that runs, and what it said so far."""

    port = 0  # of its page

    def __init__(self, config: Path, **environment: str) -> None:
        self._log = config.with_suffix(".log")
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "apps.raspberry_pi", "--config", str(config)],
                stderr=log,
                env={**os.environ, **environment},
            )

    def said(self) -> list[str]:
        return self._log.read_text().splitlines()

    def end(self, number: int = signal.SIGTERM) -> float:
        """Sends a signal; returns the seconds until it had ended."""
        told = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(60) == 0, self.said()
        return time.monotonic() - told


class Place:
    """A folder with a tiny model and a red video, and services that run there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.video = colours(folder / "red.mp4", (RED, 20.0))
        (folder / "tiny.tflite").write_bytes(tiny_model())
        (folder / "labels.txt").write_text("\n".join(LABELS))
        self.started: list[Running] = []

    def start(
        self, text: str = "", web: str = "[web]\nenabled = false\n", **environment: str
    ) -> Running:
        config = self.folder / "edgevid.toml"
        config.write_text(
            f'[[camera]]\nname = "front"\nsource = "{self.video}"\n'
            f'[model]\nname = "{self.folder}/tiny.tflite"\nlabels = "{self.folder}/labels.txt"\n'
            f"{web}{text}"
        )
        self.started.append(Running(config, **environment))
        return self.started[-1]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    for running in made.started:
        running.process.kill()
        running.process.wait()


def test_from_a_start_to_an_event_to_an_end(place: Place) -> None:
    running = place.start()
    until(lambda: any("start red" in line for line in running.said()))
    assert "front: live" in running.said()
    seconds = running.end()
    assert "front: end red" in running.said()[-1]
    assert seconds < 10  # two on a machine that is not busy; more than that hangs


def test_ctrl_c_ends_it_as_well(place: Place) -> None:
    running = place.start()
    until(lambda: "front: live" in running.said())
    running.end(signal.SIGINT)


def test_a_lost_camera_stops_no_other_and_ends_its_actions(place: Place) -> None:
    other = colours(place.folder / "other.mp4", (RED, 2.0))
    running = place.start(f'[[camera]]\nname = "back"\nsource = "{other}"\n')
    until(lambda: any("back: start red" in line for line in running.said()))
    other.rename(place.folder / "away.mp4")  # when it has been played it cannot be opened again
    until(lambda: any("back: lost" in line for line in running.said()))
    until(lambda: any("back: end red" in line for line in running.said()))
    assert not any("front: lost" in line for line in running.said())
    assert not any("front: end" in line for line in running.said())


def test_a_slow_step_skips_and_never_queues(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    take = Watch.take

    def slow(self: Watch, frame: Frame) -> Seen:
        time.sleep(0.5)
        return take(self, frame)

    monkeypatch.setattr(Watch, "take", slow)
    cameras = (CameraConfig(name="front", source=str(place.video)),)
    hub = Hub(["front"])
    ages: list[float] = []
    service = Service(
        Config(cameras),
        tiny(place.folder),
        hub,
        lambda _, frame: ages.append(time.monotonic() - frame.timestamp),
    )
    running = threading.Thread(target=service.run)
    running.start()
    until(lambda: len(ages) >= 8)
    service.stop()
    running.join()
    # Were frames to wait for their turn, each step would be 0.3 s further behind than the last.
    assert min(ages[-3:]) < 5 * 0.3
    assert status(hub, "front").skipped >= 8


def test_cameras_that_rest_are_no_reason_for_a_restart(place: Place) -> None:
    settings = ServiceConfig(restart_after=0.5)
    cameras = tuple(CameraConfig(name=name, source=str(place.video)) for name in ("front", "back"))
    hub = Hub(["front", "back"])
    service = Service(
        Config(cameras, service=settings),
        tiny(place.folder),
        hub,
        lambda *_: None,
        off=["front", "back"],
    )
    running = threading.Thread(target=service.run)
    running.start()
    until(lambda: status(hub, "front").state == status(hub, "back").state == "off")
    time.sleep(0.7)
    assert service._frames_come()
    service.watch("front", True)
    until(lambda: status(hub, "front").active == ("red",))
    assert status(hub, "front").watching
    assert status(hub, "back").state == "off"
    service.watch("front", False)
    until(lambda: status(hub, "front").state == "off" and not status(hub, "front").active)
    with pytest.raises(KeyError):
        service.watch("side", True)
    service.stop()
    running.join()


def test_orders_over_mqtt_outlast_a_restart(place: Place) -> None:
    state = place.folder / "state"
    state.mkdir()
    (state / "controls.json").write_text('{"off": ["front"], "model": "gone"}')
    text = f'[mqtt]\nhost = "127.0.0.1"\nport = 1\n[service]\nstate_folder = "{state}"\n'
    running = place.start(text)
    until(lambda: "front: off" in running.said())
    running.end()
    running = place.start(text.replace("port = 1", "port = 1\ncommands = false"))
    until(lambda: "front: live" in running.said())
    running.end()


def test_what_is_being_written_is_whole_when_it_ends(place: Place) -> None:
    folder = place.folder / "clips"
    running = place.start(f'[clips]\nfolder = "{folder}"\nafter = 60\n')
    until(lambda: any("start red" in line for line in running.said()))
    time.sleep(0.5)
    running.end()
    (described,) = folder.glob("*.json")
    clip = json.loads(described.read_text())
    assert [event["state"] for event in clip["events"]] == ["start", "end"]
    with open_source(folder / clip["video"]) as video:
        assert len(list(video)) >= 3
    assert len(list(folder.iterdir())) == 2


def test_systemd_is_told_when_it_is_ready_and_well(place: Place) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(place.folder / "notify"))
        systemd.settimeout(60)
        running = place.start(
            NOTIFY_SOCKET=str(place.folder / "notify"), WATCHDOG_USEC=str(200_000)
        )
        assert [systemd.recv(100) for _ in range(4)] == [b"READY=1"] + 3 * [b"WATCHDOG=1"]
        running.end()
        rest: list[bytes] = []
        while not rest or rest[-1] != b"STOPPING=1":
            rest.append(systemd.recv(100))


def test_the_watchdog_hears_nothing_when_no_frames_come(place: Place) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(place.folder / "notify"))
        place.video.unlink()
        place.start(
            "[service]\nrestart_after = 1.0\n",
            NOTIFY_SOCKET=str(place.folder / "notify"),
            WATCHDOG_USEC=str(100_000),
        )
        systemd.settimeout(60)
        heard: list[bytes] = []
        try:
            while len(heard) < 100:
                heard.append(systemd.recv(100))
                systemd.settimeout(2 if len(heard) > 1 else 60)
        except TimeoutError:
            pass
    assert heard[0] == b"READY=1"
    assert 2 <= len(heard) < 30


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[clip]\n", "edgevid.toml:9: [clip]: there is no table clip: did you mean clips?"),
        ('[events]\nallow = ["mauve"]\n', "camera front: "),
        (
            "[events]\non_threshold = 0.1\n",
            "edgevid.toml:10: [events]: camera front: off_threshold",
        ),
        ('[gpio]\nled = "GPIO17"\nbutton = "GPIO2"\n', "[gpio]: the button keeps clips"),
    ],
)
def test_a_wrong_config_is_one_line(text: str, problem: str, place: Place) -> None:
    running = place.start(text, GPIOZERO_PIN_FACTORY="mock")
    assert running.process.wait(60) == 2
    complaint = running.said()[-1]
    assert complaint.startswith("edgevid: ")
    assert problem in complaint
    assert not any("Traceback" in line for line in running.said())


def test_check_only_looks_at_the_file(place: Place) -> None:
    path = place.folder / "edgevid.toml"
    path.write_text("[[camera]]\nname = 'a'\nsource = 'b'\n")
    command = [sys.executable, "-m", "apps.raspberry_pi", "--check", "--config", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    # Where the default model was not downloaded, a second line says that labels were not checked.
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, f"{path}: is right; cameras: a")


# Nothing ends in silence

# Runs the service, and ends the thread that a line of standard input names.
SABOTAGED = """
import sys, threading
from tests.apps.parts import end_thread, thread_called
from apps.raspberry_pi import __main__ as service
def sabotage():
    for line in sys.stdin:
        thread = thread_called(line.strip())
        end_thread(thread)
        thread.join(5)
        if thread.is_alive() and thread is not threading.main_thread():
            end_thread(thread)  # uvicorn goes on where that came while a request was answered
threading.Thread(target=sabotage, daemon=True).start()
sys.argv = ["service", "--config", sys.argv[1]]
service.main_and_end()
"""


@pytest.fixture
def sabotaged(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A service with all its parts, whose standard input ends threads."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    real = subprocess.Popen
    monkeypatch.setattr(
        subprocess,
        "Popen",
        lambda command, **options: real(
            [sys.executable, "-c", SABOTAGED, command[-1]], stdin=subprocess.PIPE, **options
        ),
    )
    running = place.start(
        f'[clips]\nfolder = "{place.folder}/clips"\n[gpio]\nled = "GPIO17"\n'
        f'[mqtt]\nhost = "127.0.0.1"\nport = 1\n',
        web=f"[web]\nport = {port}\n",
        GPIOZERO_PIN_FACTORY="mock",
        STATE_DIRECTORY=str(place.folder / "state"),
    )
    running.port = port
    until(lambda: "front: live" in running.said())
    until(lambda: health(port)[0] == 200)
    yield running
    assert running.process.stdin
    running.process.stdin.close()


def health(port: int) -> tuple[int, dict[str, object]]:
    """Returns the status of /healthz and what it says; 0 where nobody answers."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        try:
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            return 0, {}


def end(running: Running, thread: str) -> None:
    assert running.process.stdin
    running.process.stdin.write(f"{thread}\n".encode())
    running.process.stdin.flush()


def test_a_camera_whose_thread_ends_is_lost_and_opened_again(sabotaged: Running) -> None:
    end(sabotaged, "camera front")
    until(lambda: "front: lost: its thread ended unexpectedly" in sabotaged.said())
    until(lambda: sabotaged.said().count("front: live") == 2)
    until(lambda: health(sabotaged.port)[0] == 200)
    sabotaged.end()


@pytest.mark.parametrize("thread", ["clips", "gpio", "mqtt", "web", "MainThread"])
def test_any_other_thread_that_ends_ends_the_service_to_be_started_again(
    sabotaged: Running, thread: str
) -> None:
    end(sabotaged, thread)
    assert sabotaged.process.wait(60) == 1
    if thread != "MainThread":
        assert "has ended unexpectedly: the service ends, to be" in sabotaged.said()[-1]


def test_meanwhile_it_is_not_well(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    class Dead:
        def is_alive(self) -> bool:
            return False

        def stop(self, within: float) -> None:
            problems.append(hub.status.problem)

    problems: list[str] = []
    hub = Hub(["front"])
    cameras = (CameraConfig(name="front", source=str(place.video)),)
    service = Service(Config(cameras), tiny(place.folder), hub, lambda *_: None)
    with pytest.raises(EdgevidError, match="Dead has ended unexpectedly"):
        service.run([Dead()])
    assert problems == ["Dead has ended unexpectedly"]


# A thread that never ends, and is not one of those that Python ends by itself.
HANGING = """
import sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from apps.raspberry_pi import __main__ as service
threading.Thread(target=lambda: time.sleep(3600)).start()
ThreadPoolExecutor().submit(time.sleep, 3600)
sys.argv = ["service", "--config", sys.argv[1]]
service.main_and_end()
"""


def test_a_thread_that_hangs_does_not_hold_the_end_up(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = subprocess.Popen
    monkeypatch.setattr(
        subprocess,
        "Popen",
        lambda command, **options: real([sys.executable, "-c", HANGING, command[-1]], **options),
    )
    running = place.start()
    until(lambda: any("start red" in line for line in running.said()))
    seconds = running.end()
    assert "front: end red" in running.said()[-1]
    assert seconds < 10  # two on a machine that is not busy


def test_a_part_that_does_not_end_holds_up_neither_the_others_nor_the_end() -> None:
    class Slow:
        def is_alive(self) -> bool:
            return True

        def stop(self, within: float) -> None:
            ended.append(self)
            time.sleep(3600)

    ended: list[object] = []
    parts = [Slow(), Slow(), Slow()]
    stop_all(parts)
    assert len(ended) == 3


def test_an_address_that_is_not_there_yet_is_no_reason_not_to_watch(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        running = place.start(web=f"[web]\nport = {port}\n")
        until(lambda: "front: live" in running.said())
        assert sum("Address already in use" in line for line in running.said()) == 1
    until(lambda: health(port)[0] == 200)
    running.end()
