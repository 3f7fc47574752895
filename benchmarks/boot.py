"""From the boot of a machine to events over MQTT, with the real systemd, picamera2 and mosquitto.

    sudo python -m benchmarks.boot FOLDER

FOLDER is the Debian that ``benchmarks/picamera/make_root.sh`` builds. The service is installed
in it by ``install.sh`` and started by its unit, hardening and all, when ``systemd-nspawn`` boots
it; the camera is libcamera's virtual one and shows a real clip. Each event is an alert, and is
notified to a server on this machine. Then the service is killed, hung and stopped. Prints how long
everything took. Needs root, the network, ``systemd-container``, ``mosquitto``, the dependency group
``service``, and EDGEVID_MODELS with the clips beside it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks.clips import PUBLISHED_A0, published_path
from benchmarks.parts.broker import Broker, Listener, free_port
from benchmarks.parts.receiver import Receiver
from benchmarks.picamera import root as picamera_root
from benchmarks.report import table
from edgevid import open_source
from edgevid.support.command import ArgumentParser

REPOSITORY = Path(__file__).parents[1]
TOPIC = "edgevid/front/event"
WATCHDOG_S = 6
MODEL = f"/var/lib/edgevid/models/{PUBLISHED_A0}"

# What differs from a Pi: picamera2 is from pip and needs the shims of a machine without a camera.
DROP_IN = f"""[Service]
Environment=PYTHONPATH=/edgevid/shims:/edgevid
Environment=GLIBC_TUNABLES={picamera_root.ENVIRONMENT["GLIBC_TUNABLES"]}
WatchdogSec={WATCHDOG_S}
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs all of it and prints a table."""
    parser = ArgumentParser(
        prog="python -m benchmarks.boot", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("folder", type=Path, help="made by benchmarks/picamera/make_root.sh")
    root = parser.parse_args(arguments).folder
    picamera_root.prepare(root)
    clip = next((published_path().parents[1] / "clips").glob("*carving_ice*"))
    with open_source(clip) as source:
        picamera_root.show(root, [frame.image for frame in source])
    rows = []

    def more_than(count: int) -> bool:
        return len(receiver.received) > count

    with (
        tempfile.TemporaryDirectory() as folder,
        Broker(Path(folder)) as broker,
        Receiver() as receiver,
    ):
        for again in ("", ", again"):
            rows.append((f"install.sh{again}", took(lambda: install(root))))
        page = free_port()
        configure(root, broker.port, page, receiver.address)
        with Listener(broker.port, TOPIC) as listener, booted(root) as machine:
            rows += [
                ("boot until the service is ready", took(lambda: until(machine.is_active))),
                ("and until an event comes by MQTT", took(lambda: heard(listener, "start"))),
                ("and until it is notified", took(lambda: until(lambda: receiver.received))),
            ]
            with urlopen(f"http://127.0.0.1:{page}/healthz", timeout=10) as answer:
                assert answer.status == 200
            for what, number in (("killed", signal.SIGKILL), ("hung", signal.SIGSTOP)):
                before = machine.pid()
                os.kill(before, number)
                seconds = took(partial(until, partial(machine.runs_anew, before)))
                rows.append((f"service {what}: until it runs again", seconds))
                count, notified = len(listener.heard), len(receiver.received)
                rows.append(
                    ("and until an event comes", took(partial(heard, listener, "start", count)))
                )
                until(partial(more_than, notified))
            rows.append(("systemctl stop", took(lambda: machine.systemctl("stop", "edgevid"))))
            heard(listener, "end")
            clips = [path.name for path in (root / "var/lib/edgevid/clips").iterdir()]
            assert len([name for name in clips if name.endswith(".mp4")]) >= 1
            # What was being written when it was killed is gone, what it wrote else is whole.
            assert {Path(name).stem for name in clips if name.endswith(".json")} == {
                Path(name).stem for name in clips
            }, clips
    print(table([{"what": what, "seconds": round(seconds, 1)} for what, seconds in rows]))


def install(root: Path) -> None:
    """Runs install.sh inside, on a copy of this checkout."""
    checkout = root / "edgevid" / "checkout"
    shutil.rmtree(checkout, ignore_errors=True)
    for name in ("edgevid", "apps"):
        shutil.copytree(REPOSITORY / name, checkout / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, checkout / name)
    inside = ["chroot", str(root), "/edgevid/checkout/apps/raspberry_pi/install.sh", "--notify"]
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "PIP_CERT": "/etc/ssl/certs/ca-certificates.crt",
    }
    subprocess.run(inside, env=environment, check=True, stdout=subprocess.DEVNULL)


def configure(root: Path, port: int, page: int, notified: str) -> None:
    """Writes the service's settings: one camera, the broker, the page, whom to notify."""
    (root / "etc/edgevid/edgevid.toml").write_text(
        '[[camera]]\nname = "front"\nsource = "picamera"\nfit = "stretch"\n'
        f'[model]\nname = "{MODEL}"\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\n'
        f'[web]\nport = {page}\n[clips]\nfolder = "/var/lib/edgevid/clips"\n'
        '[[alert]]\nlevel = "alert"\n[notifications]\nurls_file = "/etc/edgevid/notify"\n'
    )
    urls = root / "etc/edgevid/notify"
    urls.write_text(notified)
    # As docs/alerts.md has it: root's, and for the service to read.
    owner = ["chroot", str(root), "chown", "root:edgevid", "/etc/edgevid/notify"]
    subprocess.run(owner, check=True)
    urls.chmod(0o640)
    drop_in = root / "etc/systemd/system/edgevid.service.d/here.conf"
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text(DROP_IN)
    state = root / "var/lib/edgevid"
    shutil.rmtree(state, ignore_errors=True)
    shutil.rmtree(root / "var/cache/edgevid", ignore_errors=True)
    (state / "models").mkdir(parents=True)
    shutil.copy(published_path(), root / MODEL[1:])
    (packages,) = (root / "opt/edgevid/.venv/lib").glob("python3*/site-packages")
    (packages / "picamera2.pth").write_text(f"/venv/lib/{packages.parent.name}/site-packages\n")


class Machine:
    """A booted system.

    Args:
        init: its first process.
    """

    def __init__(self, init: int) -> None:
        self._init = init

    def systemctl(self, *arguments: str) -> str:
        """Returns what ``systemctl`` prints inside."""
        inside = ["nsenter", "--target", str(self._init), "--all", "systemctl", *arguments]
        return subprocess.run(inside, capture_output=True, text=True, check=False).stdout.strip()

    def is_active(self) -> bool:
        """Whether the service runs."""
        return self.systemctl("is-active", "edgevid") == "active"

    def runs_anew(self, before: int) -> bool:
        """Whether the service runs, and as another process than before."""
        return self.pid() not in (0, before)

    def pid(self) -> int:
        """Returns the service's process as this system counts; 0 while it does not run."""
        if not self.is_active():
            return 0
        own = self.systemctl("show", "--property", "MainPID", "--value", "edgevid")
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                ids = [line for line in status.read_text().splitlines() if line[:6] == "NSpid:"]
                if ids[0].split()[1:] == [status.parent.name, own]:
                    return int(status.parent.name)
            except (FileNotFoundError, ProcessLookupError):
                continue
        return 0


@contextmanager
def booted(root: Path) -> Iterator[Machine]:
    """Boots the Debian for as long as the block lasts."""
    command = ["systemd-nspawn", "--directory", str(root), "--boot", "--register=no"]
    nspawn = subprocess.Popen(
        [*command, "--keep-unit", "--console=pipe"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children")
        until(lambda: children.read_text().split())
        yield Machine(int(children.read_text().split()[0]))
    finally:
        for _ in range(2):  # the second means at once
            nspawn.terminate()
            time.sleep(0.5)
        nspawn.wait()


def heard(listener: Listener, state: str, after: int = 0) -> None:
    """Waits for an event of this state, after so many that came before."""

    def came() -> bool:
        events = [dict(event) for event in listener.events("front")]
        return any(e["event_type"] == state for e in events[after:])

    until(came)


def until(condition: Callable[[], Any], within: float = 120.0) -> None:
    """Waits until something is so; ends the program when it takes too long."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"it did not come to that within {within:g} s")
        time.sleep(0.05)


def took(action: Callable[[], object]) -> float:
    """Returns how many seconds an action takes."""
    started = time.monotonic()
    action()
    return time.monotonic() - started


if __name__ == "__main__":
    main()
