"""``python -m apps.raspberry_pi --config edgevid.toml``: watches cameras, as a service.

The config becomes parts, the parts run until a signal, and the end becomes an exit code.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from apps.raspberry_pi import check, config_file, folders, log
from apps.raspberry_pi.bus import CameraEvent
from apps.raspberry_pi.config import Config
from apps.raspberry_pi.config_file import ConfigFile, WrongError
from apps.raspberry_pi.controls import Controls, choices
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.service import Part, Service, stop_all
from edgevid import EdgevidError, Frame, Model, UsageError
from edgevid.support.command import ArgumentParser, complain, guard

if TYPE_CHECKING:
    from apps.raspberry_pi.archiver import Archiver
    from apps.raspberry_pi.clips.recorder import Recorder
    from apps.raspberry_pi.review.desk import Review

_LOG = logging.getLogger("edgevid.service")

_LONGEST_END_S = 4.0  # should even the watching itself hang: see main_and_end for all else


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the service; returns its exit code."""
    parser = ArgumentParser(
        prog="python -m apps.raspberry_pi",
        description="Watches cameras and reports events until it is stopped.",
    )
    parser.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="such as edgevid.toml"
    )
    parser.add_argument("--check", action="store_true", help="only see whether the file is right")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    chosen = parser.parse_args(arguments)
    limit = log.set_up()

    def run() -> int:
        file = config_file.read(chosen.config)
        return examine(file) if chosen.check else watch(file, limit)

    def told() -> int:
        try:
            return run()
        except WrongError as error:
            for problem in error.problems[:-1]:
                complain(problem)
            raise UsageError(error.problems[-1]) from error

    try:
        return guard(told, debug=chosen.debug, warnings=False)
    finally:
        limit.sum_up(at_once=True)


def main_and_end() -> NoReturn:
    """Runs the service and ends the process, even if a thread of it hangs.

    Python itself would wait for threads of libraries, such as one that reads a pipe without a
    writer. What must be whole is whole by then.
    """
    code = 1
    try:
        code = main()
    except SystemExit as error:  # a wrong flag, or help
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        _LOG.exception("the service fails")
    finally:
        with suppress(Exception):
            logging.shutdown()
            sys.stdout.flush()
        os._exit(code)


def examine(file: ConfigFile) -> int:
    """Says whether a file is right, without starting anything; returns the exit code.

    Raises:
        EdgevidError: it is not.
    """
    model = check.everything(file)
    cameras = ", ".join(camera.name for camera in file.config.cameras)
    print(f"{file.path}: is right; cameras: {cameras}")
    if model is None:
        print("the model is not here yet, the start downloads it: labels were not checked")
    else:
        for note in check.notes(file, model):
            print(f"note: {note}")
    return 0


def watch(file: ConfigFile, limit: log.Limit) -> int:
    """Watches until SIGTERM or Ctrl-C; returns the exit code.

    Raises:
        UsageError: something in the config cannot work.
        EdgevidError: something cannot be had for now.
    """
    config = file.config
    check.settings(file)
    recorders: list[Recorder] = []

    def record() -> None:
        for one in recorders:
            one.keep_now()

    review = _review(file, record)
    controls = _controls(file, review)

    untaught = partial(_untaught, file, controls)
    model = (review.first_model() if review is not None else None) or untaught()
    drawings = review.drawings() if review is not None else None
    for note in check.notes(file, model, drawings):
        _LOG.warning("%s", note)
    names = (camera.name for camera in config.cameras)
    hub = Hub(names, model.manifest.name, config.alerts)
    hub.bus.listen(_log, "log")
    recorder = _recorder(config, hub, model.manifest.fps)
    if recorder is not None:
        recorders.append(recorder)
    archiver = _archiver(config, model)
    service = Service(
        config,
        model,
        hub,
        recorder.take if recorder else _nothing,
        archiver=archiver,
        every_second=limit.sum_up,
        drawings=drawings,
        off=controls.off() if controls is not None else (),
    )
    if review is not None:
        review.begin(service, untaught)
    if controls is not None:
        controls.begin(service)

    _stop_on_signals(service)
    parts: list[Part] = [part for part in (recorder, archiver, review) if part]
    try:
        for part in _parts(file, hub, recorder, review, controls, service.fail):
            parts.append(part)
    except BaseException:
        stop_all(parts)
        raise
    service.run(parts)
    return 0


def _untaught(file: ConfigFile, controls: Controls | None) -> Model:
    """Returns the model that runs where none was taught: that which was chosen, or the file's.

    Raises:
        EdgevidError: it cannot be loaded, or does not go with the config.
    """
    chosen = controls.first_model() if controls is not None else None
    if chosen is not None:
        return chosen
    configured = check.model(file)
    check.labels(file, configured)
    if controls is not None:
        controls.loaded(file.config.model.name, configured)
    return configured


def _stop_on_signals(service: Service) -> None:
    """Has SIGTERM and Ctrl-C end the service; the process, where that takes too long."""

    def stop(*_: object) -> None:
        service.stop()
        if not any(signal.getitimer(signal.ITIMER_REAL)):
            signal.setitimer(signal.ITIMER_REAL, _LONGEST_END_S)  # its signal ends the process

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _review(file: ConfigFile, record: Callable[[], None]) -> Review | None:
    """Opens what the owner has said; without it all else goes on."""
    config = file.config
    if config.clips.folder is None or not config.web.enabled:
        return None
    from apps.raspberry_pi.review.desk import Review
    from apps.raspberry_pi.review.store import Store

    try:
        store = Store(folders.state_folder(config) / "review")
    except EdgevidError as error:
        _LOG.error("there is no review: %s", error)
        return None
    return Review(store, config, lambda model: check.labels(file, model), record)


def _controls(file: ConfigFile, review: Review | None) -> Controls | None:
    """Returns what takes orders from outside, where they are taken."""
    config = file.config
    if not (config.mqtt.host and config.mqtt.commands):
        return None
    folder = folders.state_folder(config)
    folders.make(folder)
    return Controls(
        folder / "controls.json",
        (camera.name for camera in config.cameras),
        choices(config.model.choices),
        lambda name: check.choice(file, name),
        review.give_way if review is not None else lambda: None,
    )


def _recorder(config: Config, hub: Hub, fps: float) -> Recorder | None:
    if config.clips.folder is None:
        return None
    from apps.raspberry_pi.clips.recorder import Recorder

    folders.make(config.clips.folder)
    return Recorder(config.clips, hub.bus, fps)


def _archiver(config: Config, model: Model) -> Archiver | None:
    if config.archive.folder is None:
        return None
    from apps.raspberry_pi.archiver import Archiver

    return Archiver(config.archive, model, config.model.name)


def _nothing(name: str, frame: Frame) -> None:
    """Takes a frame where no clips are wanted."""


def _parts(
    file: ConfigFile,
    hub: Hub,
    recorder: Recorder | None,
    review: Review | None,
    controls: Controls | None,
    fail: Callable[[EdgevidError], None],
) -> Iterator[Part]:
    """Starts what the config asks for. Each is imported only then: some need libraries."""
    config = file.config
    if config.gpio.led or config.gpio.button:
        from apps.raspberry_pi.gpio import Gpio

        try:
            yield Gpio(config.gpio, hub.status, recorder.keep_now if recorder else None)
        except UsageError as error:
            problem = str(error).removeprefix("[gpio]: ")
            raise file.wrong("gpio", "led" if config.gpio.led else "button", problem) from error
    if config.mqtt.host:
        from apps.raspberry_pi import mqtt

        folder = folders.state_folder(config)
        folders.make(folder)
        yield mqtt.start(config.mqtt, hub, folder, fail, controls)
    if config.notifications.urls_file:
        from apps.raspberry_pi import notifications

        folder = folders.state_folder(config)
        folders.make(folder)
        yield notifications.start(config.notifications, hub, folder)
    if config.web.enabled:
        from apps.raspberry_pi import web

        yield web.start(config.web, hub, config.clips.folder, review)


def _log(found: CameraEvent) -> None:
    event = found.event
    _LOG.info(
        "%s: %s %s (%.0f %%)%s",
        found.camera,
        event.state,
        event.label,
        100 * event.probability,
        ", alert" if found.level == "alert" else "",
        extra=log.NEWS,
    )


if __name__ == "__main__":
    main_and_end()
