"""Everything that can be set, as records; ``edgevid.toml`` is the same with explanations.

The type of each field says what the file may hold there; ``config_file.py`` reads by it. Below
the service's door nothing else is configurable.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from edgevid import EventRules, Manifest, load_rules
from edgevid.regions import FOLLOWS
from edgevid.support.orientation import ANGLES


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value must be.

    Attributes:
        says: the same in words, to follow "must be".
        accepts: whether a value from the file will do.
        convert: makes of it what the record holds.
    """

    says: str
    accepts: Callable[[Any], bool]
    convert: Callable[[Any], Any] = lambda value: value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable()


def _is_name(value: Any) -> bool:
    return _is_text(value) and value.isascii() and value.replace("-", "").replace("_", "").isalnum()


def _is_box(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(_is_whole(side) and side >= 0 for side in value)
        and min(value[2:]) > 0
    )


def _is_time_of_day(value: Any) -> bool:
    found = _TIMES.fullmatch(value) if _is_text(value) else None
    return found is not None and found[1] != found[2]


def _minutes(value: str) -> tuple[int, int]:
    """Returns ``22:00-06:00`` as minutes of the day."""
    first, end = (60 * int(time[:2]) + int(time[3:]) for time in value.split("-"))
    return first, end


# What a camera may follow; "none" is the whole picture.
FOLLOWED = (*FOLLOWS, "none")
_TIMES = re.compile(r"((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d)")

Text = Annotated[str, Kind("text in quotes", _is_text)]
Name = Annotated[str, Kind("letters, digits, - and _ in quotes", _is_name)]
Place = Annotated[
    str, Kind("a camera, a file or an address in quotes", lambda v: _is_text(v) and bool(v))
]
File = Annotated[Path | None, Kind("a path in quotes", _is_text, lambda v: Path(v) if v else None)]
Flag = Annotated[bool, Kind("true or false", lambda v: isinstance(v, bool))]
Count = Annotated[int, Kind("a whole number, 1 or more", lambda v: _is_whole(v) and v >= 1)]
Threads = Annotated[int, Kind("a whole number, 1 to 64", lambda v: _is_whole(v) and 1 <= v <= 64)]
Angle = Annotated[int, Kind("one of 0, 90, 180, 270", lambda v: _is_whole(v) and v in ANGLES)]
Port = Annotated[int, Kind("a port, 1 to 65535", lambda v: _is_whole(v) and 1 <= v <= 65535)]
Seconds = Annotated[
    float, Kind("seconds, 0 or more", lambda v: _is_number(v) and 0 <= v < math.inf, float)
]
Period = Annotated[
    float, Kind("seconds, over 0", lambda v: _is_number(v) and 0 < v < math.inf, float)
]
Megabytes = Annotated[
    float, Kind("megabytes, over 0", lambda v: _is_number(v) and 0 < v < math.inf, float)
]
Days = Annotated[float, Kind("days, over 0", lambda v: _is_number(v) and 0 < v < 1e5, float)]
Hours = Annotated[float, Kind("hours, over 0", lambda v: _is_number(v) and 0 < v < 1e6, float)]
SomeMegabytes = Annotated[
    float, Kind("megabytes, 1 or more", lambda v: _is_number(v) and 1 <= v < math.inf, float)
]
# None leaves these to the model.
Probability = Annotated[
    float | None, Kind("a number from 0 to 1", lambda v: _is_number(v) and 0 <= v <= 1, float)
]
OwnSeconds = Annotated[
    float | None, Kind("seconds, 0 or more", lambda v: _is_number(v) and 0 <= v < math.inf, float)
]
Memory = Annotated[
    float | None, Kind("seconds, 0 or more, or inf", lambda v: _is_number(v) and v >= 0, float)
]
Fit = Annotated[
    str | None,
    Kind("one of " + ", ".join(map(repr, Manifest.FITS)), lambda v: v in Manifest.FITS),
]
Followed = Annotated[
    str, Kind(f"{', '.join(FOLLOWED)} or nothing, in quotes", lambda v: v in ("", *FOLLOWED))
]
RulesName = Annotated[
    str | None, Kind("quick, sure or a file, in quotes", lambda v: _is_text(v) and bool(v))
]
Labels = Annotated[
    tuple[str, ...] | None,
    Kind(
        'a list of labels, such as ["juggling balls", "waving hand"]',
        lambda v: isinstance(v, list) and all(map(_is_text, v)),
        tuple,
    ),
]
Box = Annotated[
    tuple[int, int, int, int] | None, Kind("[x, y, width, height] in pixels", _is_box, tuple)
]
Texts = Annotated[
    tuple[str, ...],
    Kind("a list of texts", lambda v: isinstance(v, list) and all(map(_is_text, v)), tuple),
]
# Of the day: minutes at which it begins and ends, which may be over midnight.
Times = Annotated[
    tuple[int, int] | None,
    Kind('a part of the day, such as "22:00-06:00"', _is_time_of_day, _minutes),
]
Share = Annotated[
    float, Kind("a number from 0 to 1", lambda v: _is_number(v) and 0 <= v <= 1, float)
]
AlertLevel = Annotated[
    Literal["log", "show", "alert"],
    Kind('one of "log", "show", "alert"', lambda v: v in ("log", "show", "alert")),
]


@dataclass(frozen=True, slots=True)
class Rules:
    """When an action counts as started or ended; None leaves it to the model.

    ``[events]`` sets them for all cameras, a ``[[camera]]`` for itself.
    """

    rules: RulesName = None
    on_threshold: Probability = None
    off_threshold: Probability = None
    smoothing: OwnSeconds = None
    min_duration: OwnSeconds = None
    cool_down: OwnSeconds = None
    allow: Labels = None
    deny: Labels = None

    def under(self, own: Rules) -> Rules:
        """Returns them with what somebody's own say instead."""
        given = {rule.name: getattr(own, rule.name) for rule in fields(Rules)}
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def over(self, manifest: Manifest) -> EventRules:
        """Returns a model's rules for events with what these say instead.

        Raises:
            UsageError: the file of rules cannot be used, or thresholds contradict one another.
            LabelsError: the file has rules for a label that the model lacks.
        """
        asked = {rule.name: getattr(self, rule.name, None) for rule in fields(EventRules)}
        return load_rules(self.rules).over(manifest.events, manifest.labels, asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraConfig(Rules):
    """One ``[[camera]]``. ``source`` may hold a password: never show it."""

    name: Name
    source: Place = field(repr=False)
    crop: Box = None
    fit: Fit = None
    memory: Memory = None
    rotate: Angle = 0
    mirror: Flag = False
    features: File = None
    features_mb: SomeMegabytes = 500.0
    always: Flag = False
    follow: Followed = ""
    tracks: Count = 4
    detector: Text = "ssd-mobilenet-v1"
    zones: Texts = ()
    zone_allow: Texts = ()
    dwell: OwnSeconds = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertConfig:
    """One ``[[alert]]``: what the events that it matches amount to. Empty matches all."""

    level: AlertLevel
    cameras: Texts = ()
    labels: Texts = ()
    zones: Texts = ()
    between: Times = None
    probability: Share = 0.0
    cool_down: Seconds = 0.0


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """``[model]``: shared by all cameras."""

    name: Text = "auto"
    choices: Texts = ()
    labels: File = None
    threads: Threads = 1


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """``[service]``: how it keeps itself going."""

    state_folder: File = None
    stall: Period = 2.5
    longest_wait: Period = 10.0
    restart_after: Seconds = 300.0


@dataclass(frozen=True, slots=True)
class MqttConfig:
    """``[mqtt]``: off while ``host`` is empty."""

    host: Text = ""
    port: Port = 1883
    username: Text = ""
    password_file: File = None
    tls: Flag = False
    ca_file: File = None
    topic: Text = "edgevid"
    discovery: Flag = True
    discovery_topic: Text = "homeassistant"
    pictures: Flag = True
    commands: Flag = True
    keep_events: Count = 10_000


@dataclass(frozen=True, slots=True)
class NotificationsConfig:
    """``[notifications]``: off while ``urls_file`` is empty."""

    urls_file: File = None
    pictures: Flag = True
    keep: Count = 100
    keep_hours: Hours = 24.0


@dataclass(frozen=True, slots=True)
class WebConfig:
    """``[web]``: the page."""

    enabled: Flag = True
    host: Text = "127.0.0.1"
    port: Port = 8080
    token_file: File = None


@dataclass(frozen=True, slots=True)
class ClipsConfig:
    """``[clips]``: off while ``folder`` is empty."""

    folder: File = None
    before: Seconds = 5.0
    after: Seconds = 5.0
    budget_mb: Megabytes = 1000.0


@dataclass(frozen=True, slots=True)
class ArchiveConfig:
    """``[archive]``: off while ``folder`` is empty."""

    folder: File = None
    budget_mb: Megabytes = 10_000.0
    days: Days = 30.0


@dataclass(frozen=True, slots=True)
class GpioConfig:
    """``[gpio]``: a light and a button on the Pi's pins; each off while empty."""

    led: Text = ""
    button: Text = ""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file."""

    cameras: tuple[CameraConfig, ...]
    alerts: tuple[AlertConfig, ...] = ()
    model: ModelConfig = field(default_factory=ModelConfig)
    events: Rules = field(default_factory=Rules)
    service: ServiceConfig = field(default_factory=ServiceConfig)
    mqtt: MqttConfig = field(default_factory=MqttConfig)
    notifications: NotificationsConfig = field(default_factory=NotificationsConfig)
    web: WebConfig = field(default_factory=WebConfig)
    clips: ClipsConfig = field(default_factory=ClipsConfig)
    archive: ArchiveConfig = field(default_factory=ArchiveConfig)
    gpio: GpioConfig = field(default_factory=GpioConfig)
