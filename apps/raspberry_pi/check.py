"""Checks settings by using them, and names the line of each that cannot work.

``config_file.py`` has looked at each value by itself. Here they are seen together, with the files
and folders that they name, the libraries that they need, and the model. What may come right by
itself (an address that is not there yet, a broker that is away, a camera that is not plugged in)
is not wrong. Nothing is changed, downloaded or opened for others.
"""

from __future__ import annotations

import errno
import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from apps.raspberry_pi import folders, secret_file
from apps.raspberry_pi.cameras.drawing import Drawing
from apps.raspberry_pi.cameras.watcher import followed, open_watch
from apps.raspberry_pi.config import WebConfig
from apps.raspberry_pi.config_file import ConfigFile, WrongError
from apps.raspberry_pi.controls import choices
from edgevid import (
    EdgevidError,
    EventRules,
    LabelsError,
    MissingDependencyError,
    Model,
    ModelError,
    UsageError,
    finds_people,
    is_available,
    load_model,
    load_rules,
    parse_zones,
)

# Of cameras, and what else FFmpeg may be built with.
_SCHEMES = (
    *("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "srt", "udp", "rtp", "tcp"),
    *("rtmpe", "rtmpt", "rtmpte", "rtmpts", "rist", "srtp", "ftp", "sftp", "mmsh", "mmst", "tls"),
)
_DWELL = "dwell"  # the label of a stay, which no model has
_LOCAL = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::", "")


def settings(file: ConfigFile) -> None:
    """Looks at all but the model.

    Raises:
        WrongError: something cannot work; says all of it, with the lines.
    """
    _raise(_settings(file))


def everything(file: ConfigFile) -> Model | None:
    """Looks at all; returns the model, None when it would have to be downloaded first.

    Raises:
        WrongError: something cannot work; says all of it, with the lines.
        EdgevidError: the model cannot be loaded for now, and nothing else is wrong.
    """
    wrong = list(_settings(file))
    found = None
    try:
        found = model_at_hand(file)
        if found is not None:
            wrong += _labels(file, found)
    except UsageError as error:
        wrong.append(error)
    except EdgevidError:
        if not wrong:
            raise
    _raise(wrong)
    return found


def notes(
    file: ConfigFile, model: Model, drawings: Mapping[str, Drawing] | None = None
) -> list[str]:
    """Returns what is perhaps not meant: rules that match nothing now, pictures that are unknown.

    Labels may be those of a model that is taught, zones such as are drawn on the page.

    Args:
        file: the settings.
        model: the one that runs.
        drawings: what was drawn on the pictures of cameras, where that is known.
    """
    drawn = drawings or {}
    taught = model.manifest.follows
    labels = {*model.manifest.labels, _DWELL}
    zones = {zone.name for drawing in drawn.values() for zone in drawing.zones}
    found: list[UsageError] = []
    for number, camera in enumerate(file.config.cameras):
        what = followed(camera, model, drawn.get(camera.name))
        if model.manifest.head is not None and what != taught:
            told = taught or "none"
            problem = f"the model was taught with follow = {told!r}: it knows other pictures"
            found.append(file.wrong("camera", "follow", problem, number=number))
        for zone in parse_zones(camera.zones, camera.zone_allow):
            zones.add(zone.name)
            for label in zone.allow:
                if label not in labels:
                    problem = f"there is no label {label!r} now"
                    found.append(file.wrong("camera", "zone_allow", problem, number=number))
    for number, rule in enumerate(file.config.alerts):
        for key, known in (("labels", labels), ("zones", zones)):
            for name in getattr(rule, key):
                if name not in known:
                    problem = f"there is no {key[:-1]} {name!r} now"
                    found.append(file.wrong("alert", key, problem, number=number))
    return [str(note) for note in found]


def _settings(file: ConfigFile) -> Iterator[UsageError]:
    for problems in (
        *(_cameras, _follows, _alerts, _choices, _service, _mqtt, _notifications, _web, _clips),
        *(_archive, _gpio),
    ):
        yield from problems(file)
    yield from _rules(file, EventRules())


def _raise(problems: Iterable[UsageError]) -> None:
    if wrong := list(problems):
        raise WrongError(wrong)


def model_at_hand(file: ConfigFile) -> Model | None:
    """Loads the model; None when it would have to be downloaded first.

    Raises:
        UsageError: there is no such model, or its labels cannot be used; names the line.
        EdgevidError: it cannot be loaded for now.
    """
    try:
        if not is_available(file.config.model.name):
            return None
    except ModelError as error:
        raise file.wrong("model", "name", str(error)) from error
    return model(file)


def model(file: ConfigFile) -> Model:
    """Loads the model, downloads it if it has to be.

    Raises:
        UsageError: there is no such model, or its labels cannot be used; names the line.
        EdgevidError: it cannot be loaded for now.
    """
    config = file.config.model
    try:
        return load_model(config.name, labels=config.labels, threads=config.threads)
    except LabelsError as error:
        key = "labels" if config.labels else "name"
        raise file.wrong("model", key, str(error)) from error
    except ModelError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in (errno.EIO, errno.ESTALE, errno.EMFILE):
            raise
        raise file.wrong("model", "name", str(error)) from error


def choice(file: ConfigFile, name: str) -> Model:
    """Loads one of the models that may be chosen, and sees that it goes with the settings.

    Raises:
        UsageError: it does not.
        EdgevidError: it cannot be loaded.
    """
    config = file.config.model
    try:
        loaded = load_model(name, threads=config.threads)
    except LabelsError:  # it has none inside
        if config.labels is None:
            raise
        loaded = load_model(name, labels=config.labels, threads=config.threads)
    labels(file, loaded)
    return loaded


def labels(file: ConfigFile, model: Model) -> None:
    """Looks at labels, rules, memory and zones: whether they go with the model.

    Raises:
        WrongError: they do not; says all of it, with the lines.
        EdgevidError: they would with the model that is wanted but cannot be had now.
    """
    _raise(_labels(file, model))


def _rules(file: ConfigFile, own: EventRules) -> Iterator[UsageError]:
    """Looks at when events start and end.

    Args:
        file: the settings.
        own: what the model has where the settings are silent.
    """
    for number, camera in enumerate(file.config.cameras):
        merged = file.config.events.under(camera)
        try:
            defaults = load_rules(merged.rules).over(own)
        except UsageError as error:
            yield _of_rules(file, number, "rules", str(error))
            continue
        on = defaults.on_threshold if merged.on_threshold is None else merged.on_threshold
        off = defaults.off_threshold if merged.off_threshold is None else merged.off_threshold
        if off > on:
            key = "off_threshold" if merged.off_threshold is not None else "on_threshold"
            problem = f"off_threshold, {off:g}, must not be over on_threshold, {on:g}"
            if merged.off_threshold is None:
                problem += f": off_threshold is the model's own, set it to {on:g} or less"
            yield _of_rules(file, number, key, problem)


def _labels(file: ConfigFile, model: Model) -> Iterator[UsageError]:
    if file.config.archive.folder is not None and model.signature.features is None:
        yield file.wrong("archive", "folder", f"{model.manifest.name} gives no features")
    unruly = list(_rules(file, model.manifest.events))
    yield from unruly
    for number, camera in enumerate(file.config.cameras):
        merged = file.config.events.under(camera)
        wrong: list[UsageError] = []
        if not unruly:
            try:
                merged.over(model.manifest)
            except EdgevidError as error:
                wrong.append(_of_rules(file, number, "rules", str(error)))
        if camera.features is not None and model.signature.features is None:
            problem = f"camera {camera.name}: {model.manifest.name} gives no features"
            wrong.append(file.wrong("camera", "features", problem, number=number))
        for key in ("allow", "deny"):
            wrong += _try(file, number, key, model, **{key: getattr(merged, key) or ()})
        if not wrong:
            both = {"allow": merged.allow or (), "deny": merged.deny or ()}
            wrong += _try(file, number, "allow", model, **both)
        wrong += _try(file, number, "memory", model, memory=camera.memory)
        if not wrong and not unruly:
            wrong += _opened(file, number, model)
        yield from wrong


def _opened(file: ConfigFile, number: int, model: Model) -> Iterator[UsageError]:
    """Opens a camera's watch, as the start will."""
    camera = file.config.cameras[number]
    what = followed(camera, model)
    try:
        if finds_people(what) and not is_available(camera.detector):
            return  # the start downloads it
        open_watch(camera, file.config.events, model)
    except LabelsError as error:
        yield file.wrong("camera", "zone_allow", f"camera {camera.name}: {error}", number=number)
    except ModelError as error:
        if finds_people(what):
            yield file.wrong("camera", "detector", f"camera {camera.name}: {error}", number=number)
    except UsageError as error:  # what is wrong with how it follows was told
        if not any(_follows(file)):
            yield file.wrong("camera", "", f"camera {camera.name}: {error}", number=number)


def _try(
    file: ConfigFile, number: int, key: str, model: Model, **options: Any
) -> Iterator[UsageError]:
    try:
        model.stream(**options)
    except LabelsError as error:
        if file.config.model.name == "auto" and not is_available("auto"):
            raise EdgevidError(
                f"{file.path}: camera {file.config.cameras[number].name}: {error}; the model that "
                "knows it may be the one that could not be downloaded"
            ) from error
        yield _of_rules(file, number, key, str(error))
    except EdgevidError as error:
        yield _of_rules(file, number, key, str(error))


def _of_rules(file: ConfigFile, number: int, key: str, problem: str) -> UsageError:
    """Returns what to raise for a rule, which stands with the camera or with all."""
    camera = file.config.cameras[number]
    if getattr(camera, key) is not None or key == "memory":
        return file.wrong("camera", key, f"camera {camera.name}: {problem}", number=number)
    return file.wrong("events", key, f"camera {camera.name}: {problem}")


def _cameras(file: ConfigFile) -> Iterator[UsageError]:
    for number, camera in enumerate(file.config.cameras):
        problem = _problem_with_source(camera.source)
        if problem:
            yield file.wrong("camera", "source", problem, number=number)
        before = [other.features for other in file.config.cameras[:number]]
        if camera.features is not None and camera.features in before:
            yield file.wrong("camera", "features", "another camera's are there", number=number)


def _problem_with_source(source: str) -> str:
    """Returns what is wrong with a camera's source; does not show it."""
    if source == "-":
        return "a service has no standard input to read video from"
    scheme, colon, rest = source.partition(":")
    if colon and scheme.lower() in _SCHEMES:
        if not rest.startswith("//"):
            return f"an address begins with {scheme}://"
        if not re.sub(r"^//([^/]*@)?", "", rest).strip("/"):
            return f"{scheme}:// and no host"
    elif rest.startswith("//") and scheme.lower() != "file":
        near = get_close_matches(scheme.lower(), _SCHEMES, 1)
        hint = f"did you mean {near[0]}://?" if near else "there are rtsp://, http:// and others"
        return f"no camera has an address that begins like this one: {hint}"
    return ""


def _follows(file: ConfigFile) -> Iterator[UsageError]:
    for number, camera in enumerate(file.config.cameras):
        wrong = partial(file.wrong, "camera", number=number)
        if camera.follow in ("", "none"):
            for key in ("zones", "zone_allow", "dwell"):
                if getattr(camera, key) not in ((), None):
                    yield wrong(key, f"{key} goes with follow")
            continue
        if camera.crop is not None:
            yield wrong("crop", "crop and follow both say where to look: give one of them")
        if camera.features is not None:
            yield wrong("features", "features are of the whole picture: not with follow")
        try:
            parse_zones(camera.zones, ())
        except UsageError as error:
            yield wrong("zones", str(error))
        else:
            try:
                parse_zones(camera.zones, camera.zone_allow)
            except UsageError as error:
                yield wrong("zone_allow", str(error))
        if finds_people(camera.follow):
            try:
                is_available(camera.detector)
            except ModelError as error:
                yield wrong("detector", str(error))


def _alerts(file: ConfigFile) -> Iterator[UsageError]:
    known = [camera.name for camera in file.config.cameras]
    for number, rule in enumerate(file.config.alerts):
        for name in rule.cameras:
            if name not in known:
                close = get_close_matches(name, known, 1)
                hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
                problem = f"there is no camera {name!r}: {hint}"
                yield file.wrong("alert", "cameras", problem, number=number)


def _choices(file: ConfigFile) -> Iterator[UsageError]:
    given = file.config.model.choices
    if len(choices(given)) < len(given):
        yield file.wrong("model", "choices", "two of them are called the same")
    for name in given:
        try:
            is_available(name)
        except ModelError as error:
            yield file.wrong("model", "choices", str(error))
    for number, camera in enumerate(file.config.cameras):
        if given and file.config.mqtt.host and camera.name == "model":
            problem = "with [model] choices, no camera can be called model: its topics are taken"
            yield file.wrong("camera", "name", problem, number=number)


def _notifications(file: ConfigFile) -> Iterator[UsageError]:
    path = file.config.notifications.urls_file
    if path is None:
        return

    def look() -> None:
        from apps.raspberry_pi import notifications

        notifications.services(path)

    yield from _says(file, "notifications", "urls_file", look)


def _service(file: ConfigFile) -> Iterator[UsageError]:
    problem = folders.problem_with(folders.state_folder(file.config))
    if problem and (file.config.mqtt.host or file.config.notifications.urls_file):
        yield file.wrong("service", "state_folder", problem)


def _mqtt(file: ConfigFile) -> Iterator[UsageError]:
    config = file.config.mqtt
    if not config.host:
        return
    if problem := _problem_with_host(config.host):
        yield file.wrong("mqtt", "host", problem)
    for key in ("topic", "discovery_topic"):
        topic = getattr(config, key)
        if not topic or {"+", "#"} & set(topic):
            yield file.wrong("mqtt", key, f"{key} is a topic, without + and #")
    if config.password_file and not config.username:
        yield file.wrong("mqtt", "password_file", "a password needs a username")
    if config.ca_file and not config.tls:
        yield file.wrong("mqtt", "ca_file", "ca_file is of no use without tls = true")
    if config.password_file:
        yield from _secret(file, "mqtt", "password_file", config.password_file)
    yield from _says(file, "mqtt", "host", lambda: _import("mqtt"))
    if config.tls:
        from apps.raspberry_pi import mqtt

        yield from _says(file, "mqtt", "ca_file", lambda: mqtt.certificates(config.ca_file))


def _web(file: ConfigFile) -> Iterator[UsageError]:
    config, mqtt = file.config.web, file.config.mqtt
    if not config.enabled:
        return
    if problem := _problem_with_host(config.host):
        yield file.wrong("web", "host", problem)
    if mqtt.host in _LOCAL[:3] and mqtt.port == config.port and config.host in _LOCAL:
        table, other = ("mqtt", "page") if config.port == WebConfig().port else ("web", "broker")
        yield file.wrong(table, "port", f"{config.port} is the {other}'s port already")
    yield from _says(file, "web", "enabled", lambda: _import("web"))
    from apps.raspberry_pi import web
    from apps.raspberry_pi.web.binding import NotYetError, bind

    if config.token_file:
        yield from _secret(file, "web", "token_file", config.token_file)
    yield from _says(
        file, "web", "token_file" if config.token_file else "host", lambda: web.token(config)
    )

    def can_listen() -> None:
        with suppress(NotYetError):  # such as for the service itself, which is running
            bind(config.host, config.port).close()

    yield from _says(file, "web", "host" if config.port > 1023 else "port", can_listen)


def _clips(file: ConfigFile) -> Iterator[UsageError]:
    folder = file.config.clips.folder
    if folder is None:
        return
    if problem := folders.problem_with(folder):
        yield file.wrong("clips", "folder", problem)
    for camera in file.config.cameras:
        if Path(camera.source).resolve() == folder.resolve():
            yield file.wrong(
                "clips", "folder", f"camera {camera.name} plays this folder: clips would feed it"
            )


def _archive(file: ConfigFile) -> Iterator[UsageError]:
    folder = file.config.archive.folder
    if folder is None:
        return
    if problem := folders.problem_with(folder):
        yield file.wrong("archive", "folder", problem)
    from edgevid.archive.libraries import pyarrow

    yield from _says(file, "archive", "folder", pyarrow)


def _gpio(file: ConfigFile) -> Iterator[UsageError]:
    config = file.config.gpio
    if config.button and file.config.clips.folder is None:
        yield file.wrong("gpio", "button", "the button keeps clips: give [clips] a folder")
    if config.led and config.led == config.button:
        yield file.wrong("gpio", "button", f"{config.led} is the light's pin already")
    if config.led or config.button:
        from apps.raspberry_pi import gpio

        yield from _says(file, "gpio", "led" if config.led else "button", gpio.library)


def _problem_with_host(host: str) -> str:
    if "://" in host:
        return "host is the name of a machine, such as localhost: without what ends in ://"
    if re.search(r"[\s/@?#]", host):
        return "host is the name of a machine, such as localhost, and nothing else"
    if host.count(":") == 1:
        return "host is the name of a machine: what follows the colon goes to port"
    return ""


def _secret(file: ConfigFile, table: str, key: str, path: Path) -> Iterator[UsageError]:
    yield from _says(file, table, key, lambda: secret_file.read(path))


def _says(
    file: ConfigFile, table: str, key: str, look: Callable[[], object]
) -> Iterator[UsageError]:
    """Yields what a look at something raises, as an error of a line."""
    try:
        look()
    except (UsageError, MissingDependencyError) as error:
        yield file.wrong(table, key, str(error).removeprefix(f"[{table}]: "))


def _import(part: str) -> None:
    importlib.import_module(f"apps.raspberry_pi.{part}")
