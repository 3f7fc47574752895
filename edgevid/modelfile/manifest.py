"""The manifest: a model's input, labels, rules and metrics. It is inside the ``.tflite`` file.

A zip archive is appended to the flatbuffer, as the TFLite metadata convention does for label
files, so a model stays one file and ``unzip -p model.tflite labels.txt`` shows its labels.
Interpreters read a flatbuffer from its front and never look at what follows.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, ClassVar

from edgevid.errors import LabelsError, ModelError
from edgevid.modelfile import appended_zip, head
from edgevid.modelfile.appended_zip import Archive
from edgevid.modelfile.head import Head
from edgevid.plain_text import is_printable

FORMAT = 1

_MANIFEST_FILE = "manifest.json"
_LABELS_FILE = "labels.txt"
_MAX_LABELS = 1 << 16  # ImageNet-21k has 21,843
FOLLOWS = ("motion", "people", "people-close")  # what ``edgevid.follow`` can
_MAX_LABEL = 256  # characters; the longest of Kinetics-600 has 43
_MAX_DEPTH = 16  # of what is in a manifest; our own have 3
_MAX_VALUES = 10_000  # numbers, texts and lists in a manifest; our own have under 100


@dataclass(frozen=True)
class EventRules:
    """When a prediction becomes an event; see ``edgevid.runtime.events`` for what each value does.

    Probabilities are 0 to 1, times are seconds. The values are the rules that are called ``quick``:
    of those that find as many actions as any, after a second and a half (median) at most, the ones
    with the fewest false events (``benchmarks/events.py``). The network's own memory smooths
    already, and waiting at the start of a stream gained no more than a longer ``min_duration``.

    Attributes:
        by_label: what holds for single labels in place of the rest.

    Example:
        >>> edgevid.EventRules(on_threshold=0.6, min_duration=1.0).off_threshold
        0.25
    """

    on_threshold: float = 0.5
    off_threshold: float = 0.25
    smoothing: float = 0.0
    # Between the model's ticks, so that a camera's jitter does not make it one more: six in a row.
    min_duration: float = 0.9
    cool_down: float = 1.0
    by_label: Mapping[str, EventRules] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not 0 <= self.off_threshold <= self.on_threshold <= 1:
            raise ModelError(
                "manifest: thresholds must be 0 <= off <= on <= 1, "
                f"not off {self.off_threshold} and on {self.on_threshold}"
            )
        for name in ("smoothing", "min_duration", "cool_down"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ModelError(f"manifest: {name} must be 0 or more, not {getattr(self, name)}")
        if any(rules.by_label for rules in self.by_label.values()):
            raise ModelError("manifest: the rules of a label name labels themselves")

    def of(self, label: str) -> EventRules:
        """Returns what holds for a label."""
        return self.by_label.get(label, self)

    def changed(self, **values: float) -> EventRules:
        """Returns these rules with other values, for every label.

        Raises:
            ModelError: values that contradict one another.
        """
        by_label = {label: rules.changed(**values) for label, rules in self.by_label.items()}
        changed: dict[str, Any] = {**values, "by_label": by_label}
        return replace(self, **changed)


RULES = tuple(field.name for field in fields(EventRules) if field.name != "by_label")


@dataclass(frozen=True)
class Manifest:
    """What a model expects and means.

    Attributes:
        FITS: what ``fit`` may be.
        name: the model's short name.
        labels: one for each logit, in the logits' order.
        fps: frames a second that the network was trained on.
        fit: how a picture becomes the input's square: ``crop``, ``stretch`` or ``letterbox``.
        memory_s: seconds of the past that weigh in a prediction; ``inf`` never forgets.
        follow_scene: whether what was before a change of scene should count for little. Not where
            the model is to tell of a camera that moves: to it every scene changes.
        clip_s: length in seconds of the clips it was trained on.
        events: default thresholds for events.
        head: what makes probabilities of the features, in a model that was taught; else None.
        metrics: measured figures, by name.
        provenance: where the file came from and what was done to it, by name.

    Example:
        >>> edgevid.Manifest(name="door", labels=("open", "closed"), memory_s=2.0).fps
        5.0
    """

    FITS: ClassVar = ("crop", "stretch", "letterbox")

    name: str
    labels: tuple[str, ...]
    fps: float = 5.0
    fit: str = "crop"
    memory_s: float = math.inf
    follow_scene: bool = True
    clip_s: float = 10.0
    events: EventRules = field(default_factory=EventRules)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    head: Head | None = field(default=None, compare=False)

    @property
    def follows(self) -> str:
        """What was followed in the clips it was taught or trained with; empty if nothing was."""
        taught = self.provenance.get("taught", self.provenance)
        what = taught.get("follow") if isinstance(taught, Mapping) else None
        return what if what in FOLLOWS else ""

    def __post_init__(self) -> None:
        if len(self.name) > _MAX_LABEL or not is_printable(self.name):
            raise ModelError(
                f"manifest: the name {self.name!a:.80} is not one short line of plain text"
            )
        if self.fit not in self.FITS:
            raise ModelError(
                f"manifest: fit must be one of {', '.join(self.FITS)}, not {self.fit!r}"
            )
        if not 0 < self.fps <= 1000:
            raise ModelError(f"manifest: fps must be over 0, not {self.fps}")
        if not self.memory_s >= 0:
            raise ModelError(f"manifest: memory_s must be 0 or more, not {self.memory_s}")
        if not 0 < self.clip_s < math.inf:
            raise ModelError(f"manifest: clip_s must be over 0, not {self.clip_s}")


def split(data: bytes) -> tuple[bytes, bytes]:
    """Returns a model file's flatbuffer, and the zip archive behind it (empty when none).

    Raises:
        ModelError: there is a manifest, but it is damaged.
    """
    start = _archive(data).start
    return data[:start], data[start:]


def read(data: bytes) -> Manifest | None:
    """Reads the manifest inside a model file; None when it has none.

    Raises:
        ModelError: there is one, but it is damaged or of a later format.
    """
    archive = _archive(data)
    if _MANIFEST_FILE not in archive.names:
        return None
    if _LABELS_FILE not in archive.names:
        raise ModelError(f"the model file holds a manifest but no {_LABELS_FILE}")
    values = _parse(_member(archive, _MANIFEST_FILE))
    labels = _member(archive, _LABELS_FILE)
    try:
        described = _from_json(values, parse_labels(labels))
    except LabelsError as error:
        raise ModelError(f"{_LABELS_FILE} inside the model file: {error}") from error
    if values.get("head") is None:
        return described
    if head.FILE not in archive.names:
        raise ModelError(f"the model file holds a manifest with a head, but no {head.FILE}")
    packed = archive.read(head.FILE)
    return replace(described, head=head.unpacked(values["head"], packed, len(described.labels)))


def write(data: bytes, manifest: Manifest) -> bytes:
    """Returns the model file with this manifest in place of the one it had.

    Raises:
        LabelsError: the labels cannot be written one a line.
        ModelError: the manifest holds something that JSON cannot, or the old one is damaged.
    """
    flatbuffer, _ = split(data)
    values = asdict(replace(manifest, head=None))
    labels = "\n".join(values.pop("labels")) + "\n"
    if parse_labels(labels) != manifest.labels:
        raise LabelsError("a label has spaces at its ends or more than one line")
    members = {}
    if manifest.head is None:
        del values["head"]
    else:
        values["head"] = manifest.head.described()
        members[head.FILE] = manifest.head.packed()
    if not values["events"]["by_label"]:
        del values["events"]["by_label"]
    check_plain(values)
    if values["memory_s"] == math.inf:
        values["memory_s"] = None  # JSON has no infinity
    try:
        text = json.dumps(
            {"format": FORMAT, **values}, indent=2, ensure_ascii=False, allow_nan=False
        )
    except (TypeError, ValueError) as error:
        raise ModelError(f"the manifest cannot be written as JSON: {error}") from error
    written = io.BytesIO()
    written.write(flatbuffer)
    with zipfile.ZipFile(written, "a", zipfile.ZIP_STORED) as archive:
        members = {_MANIFEST_FILE: (text + "\n").encode(), _LABELS_FILE: labels.encode(), **members}
        for name, content in members.items():
            # A fixed date and system: the same model gives the same bytes everywhere, so that
            # checksums mean something. The mode is that of the file once it is unpacked.
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.create_system = 3  # Unix
            member.external_attr = 0o100644 << 16
            archive.writestr(member, content)
    return written.getvalue()


def parse_labels(text: str) -> tuple[str, ...]:
    """Reads labels, one a line, in the logits' order.

    Raises:
        LabelsError: a line in the middle is empty, or the lines are no labels.
    """
    if text.count("\n") > _MAX_LABELS:
        raise LabelsError(f"more than {_MAX_LABELS} lines are no labels")
    lines = [line.strip() for line in text.lstrip("\ufeff").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise LabelsError("the labels are empty: one label a line is needed")
    check_labels(lines)
    return tuple(lines)


def check_labels(labels: Sequence[str]) -> None:
    """Makes sure that labels can be shown, written and sent.

    Raises:
        LabelsError: they cannot.
    """
    if len(labels) > _MAX_LABELS:
        raise LabelsError(f"{len(labels)} labels are too many: at most {_MAX_LABELS}")
    for number, label in enumerate(labels, 1):
        if not label:
            raise LabelsError(f"line {number} of the labels is empty")
        if len(label) > _MAX_LABEL:
            raise LabelsError(
                f"line {number} of the labels has {len(label)} characters: at most {_MAX_LABEL}"
            )
        if not is_printable(label):
            raise LabelsError(f"line {number} of the labels holds a control character")


def check_plain(values: Any) -> None:
    """Makes sure that what a manifest holds can be handled: little of it, flat, and plain text.

    Raises:
        ModelError: it cannot.
    """
    waiting = [(values, 0)]
    count = 0
    while waiting:
        value, depth = waiting.pop()
        count += 1
        if depth > _MAX_DEPTH or count > _MAX_VALUES:
            raise ModelError("the model's manifest is nested too deeply, or holds too much")
        if isinstance(value, Mapping):
            waiting += [(held, depth + 1) for pair in value.items() for held in pair]
        elif isinstance(value, (list, tuple)):
            waiting += [(held, depth + 1) for held in value]
        elif isinstance(value, str) and not is_printable(value):
            raise ModelError(f"the model's manifest holds what is no plain text: {value!a:.80}")


def _archive(data: bytes) -> Archive:
    """Returns the archive behind a flatbuffer, an empty one where there is none."""
    archive = appended_zip.find(data)
    # A manifest lost on the way must not make another model of it: its name is still there.
    if _MANIFEST_FILE not in archive.names and _MANIFEST_FILE.encode() in data:
        raise ModelError("the manifest at the end of the model file is damaged or cut off")
    return archive


def _member(archive: Archive, name: str) -> str:
    content = archive.read(name)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ModelError(f"{name} inside the model file is damaged: {error}") from error


def _parse(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"the model's manifest is not JSON: {error}") from error
    check_plain(values)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        found = values.get("format") if isinstance(values, dict) else None
        raise ModelError(
            f"the model's manifest is of format {found!r} and this edgevid reads {FORMAT}: "
            "upgrade edgevid, or prepare the model again"
        )
    return values


def _from_json(values: dict[str, Any], labels: tuple[str, ...]) -> Manifest:
    try:
        for key, kind in (("name", str), ("fit", str), ("metrics", dict), ("provenance", dict)):
            if not isinstance(values[key], kind):
                raise ModelError(f"the model's manifest: {key} is {values[key]!r:.40}")
        memory_s = values["memory_s"]
        follow_scene = values.get("follow_scene", True)  # younger than the format
        if not isinstance(follow_scene, bool):
            raise ModelError(f"the model's manifest: follow_scene is {follow_scene!r:.40}")
        return Manifest(
            name=values["name"],
            labels=labels,
            fps=float(values["fps"]),
            fit=values["fit"],
            memory_s=math.inf if memory_s is None else float(memory_s),
            follow_scene=follow_scene,
            clip_s=float(values["clip_s"]),
            events=_events(values["events"]),
            metrics=values["metrics"],
            provenance=values["provenance"],
        )
    except ModelError:
        raise
    except KeyError as error:
        raise ModelError(f"the model's manifest lacks {error}") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"the model's manifest holds a value that is wrong: {error}") from error


def _events(values: Any) -> EventRules:
    if not isinstance(values, dict) or not isinstance(values.get("by_label", {}), dict):
        raise ModelError(f"the model's manifest: events are {values!r:.40}")
    by_label = values.get("by_label", {})  # younger than the format
    return EventRules(
        **{name: float(values[name]) for name in RULES},
        by_label={label: _events(rules) for label, rules in by_label.items()},
    )
