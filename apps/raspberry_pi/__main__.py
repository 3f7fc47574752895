"""``python -m apps.raspberry_pi --config edgevid.toml``: watches cameras, as a service.

The config becomes parts, the parts run until a signal, and the end becomes an exit code.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from apps.raspberry_pi import config_file
from apps.raspberry_pi.config import Config
from apps.raspberry_pi.hub import CameraEvent, Hub
from apps.raspberry_pi.service import Part, Service, stop_all
from edgevid import EdgevidError, Frame, OutputError, guard, load_model

if TYPE_CHECKING:
    from apps.raspberry_pi.recorder import Recorder

_LOG = logging.getLogger("edgevid.service")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the service; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m apps.raspberry_pi",
        description="Watches cameras, says what happens in front of them, and goes on for ever.",
    )
    parser.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="such as edgevid.toml"
    )
    parser.add_argument("--check", action="store_true", help="only see whether the file is right")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(format="%(message)s", level=logging.INFO)

    def run() -> int:
        config = config_file.read(chosen.config)
        if chosen.check:
            cameras = ", ".join(camera.name for camera in config.cameras)
            print(f"{chosen.config}: is right; cameras: {cameras}")
        else:
            watch(config)
        return 0

    return guard(run, debug=chosen.debug)


def watch(config: Config) -> None:
    """Watches until SIGTERM or Ctrl-C.

    Raises:
        EdgevidError: something in the config cannot work.
    """
    model = load_model(config.model.name, labels=config.model.labels, threads=config.model.threads)
    hub = Hub((camera.name for camera in config.cameras), model.manifest.name)
    hub.listen(_log)
    recorder = _recorder(config, hub, model.manifest.fps)
    service = Service(config, model, hub, recorder.take if recorder else _nothing)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop())
    parts: list[Part] = [recorder] if recorder else []
    try:
        parts += _parts(config, hub, recorder, service.fail)
    except BaseException:
        stop_all(parts)
        raise
    service.run(parts)


def _recorder(config: Config, hub: Hub, fps: float) -> Recorder | None:
    if config.clips.folder is None:
        return None
    from apps.raspberry_pi.recorder import Recorder

    return Recorder(config.clips, hub, fps)


def _nothing(name: str, frame: Frame) -> None:
    """Takes a frame where no clips are wanted."""


def _parts(
    config: Config, hub: Hub, recorder: Recorder | None, fail: Callable[[EdgevidError], None]
) -> Iterator[Part]:
    """Starts what the config asks for. Each is imported only then: some need libraries."""
    if config.gpio.led or config.gpio.button:
        from apps.raspberry_pi.gpio import Gpio

        yield Gpio(config.gpio, hub, recorder.keep_now if recorder else None)
    if config.mqtt.host:
        from apps.raspberry_pi import mqtt

        yield mqtt.start(config.mqtt, hub, state_folder(config), fail)
    if config.web.enabled:
        from apps.raspberry_pi import web

        yield web.start(config.web, hub, config.clips.folder)


def _log(found: CameraEvent) -> None:
    event = found.event
    _LOG.info(
        "%s: %s %s (%.0f %%)", found.camera, event.state, event.label, 100 * event.probability
    )


def state_folder(config: Config) -> Path:
    """Returns where the service keeps what must outlast a restart; makes it.

    That is the config's, else the one that systemd made for the service, else the user's, as the
    XDG Base Directory Specification has it.

    Raises:
        OutputError: it cannot be made.
    """
    folder = config.service.state_folder
    if folder is None:
        given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
        home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        folder = Path(given or Path(home, "edgevid"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror}") from error
    return folder


if __name__ == "__main__":
    sys.exit(main())
