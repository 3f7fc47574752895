"""The manifest: what a model expects and means. It travels inside the ``.tflite`` file.

A zip archive is appended to the flatbuffer, as the TFLite metadata convention does for label
files, so a model stays one file and ``unzip -p model.tflite labels.txt`` shows its labels.
Interpreters read a flatbuffer from its front and never look at what follows.
"""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from edgevid.errors import LabelsError, ModelError

FORMAT = 1
FITS = ("crop", "stretch", "letterbox")

_MANIFEST_FILE = "manifest.json"
_LABELS_FILE = "labels.txt"
_MAX_MEMBER_BYTES = 4 << 20  # a manifest is a few kilobytes: more is a zip bomb
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# What zipfile raises on damaged archives; RuntimeError is encryption and unknown versions.
_DAMAGE = (zipfile.BadZipFile, RuntimeError, ValueError, OSError, EOFError, zlib.error)


@dataclass(frozen=True)
class EventDefaults:
    """When a prediction becomes an event; see ``edgevid.events`` for what each value does.

    Probabilities are 0 to 1, times are seconds. The values are those that ``benchmarks/events.py``
    chose on one half of its clips: of those that find the most actions, at a median delay of one
    second, the ones with the fewest false events.
    """

    on_threshold: float = 0.5
    off_threshold: float = 0.25
    smoothing: float = 0.6
    min_duration: float = 0.0
    cool_down: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.off_threshold <= self.on_threshold <= 1:
            raise ModelError(
                "manifest: thresholds must be 0 <= off <= on <= 1, "
                f"not off {self.off_threshold} and on {self.on_threshold}"
            )
        for name in ("smoothing", "min_duration", "cool_down"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ModelError(f"manifest: {name} must be 0 or more, not {getattr(self, name)}")


@dataclass(frozen=True)
class Manifest:
    """What a model expects and means.

    Attributes:
        name: the model's short name.
        labels: one for each logit, in the logits' order.
        fps: frames a second that the network was trained on.
        fit: how a picture becomes the input's square: ``crop``, ``stretch`` or ``letterbox``.
        memory_s: seconds of the past that weigh in a prediction; ``inf`` never forgets.
        follow_scene: whether what was before a change of scene should count for little. Not where
            the model is to tell of a camera that moves: to it every scene changes.
        clip_s: length in seconds of the clips it was trained on.
        events: default thresholds for events.
        metrics: measured figures, by name.
        provenance: where the file came from and what was done to it, by name.
    """

    name: str
    labels: tuple[str, ...]
    fps: float = 5.0
    fit: str = "crop"
    memory_s: float = math.inf
    follow_scene: bool = True
    clip_s: float = 10.0
    events: EventDefaults = field(default_factory=EventDefaults)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise ModelError(f"manifest: fit must be one of {', '.join(FITS)}, not {self.fit!r}")
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
    with _archive(data) as archive:
        start = min((m.header_offset for m in archive.infolist()), default=len(data))
    return data[:start], data[start:]


def read(data: bytes) -> Manifest | None:
    """Reads the manifest inside a model file; None when it has none.

    Raises:
        ModelError: there is one, but it is damaged or of a later format.
    """
    with _archive(data) as archive:
        names = archive.namelist()
        if _MANIFEST_FILE not in names:
            return None
        if _LABELS_FILE not in names:
            raise ModelError(f"the model file holds a manifest but no {_LABELS_FILE}")
        values = _parse(_member(archive, _MANIFEST_FILE))
        labels = _member(archive, _LABELS_FILE)
    try:
        return _from_json(values, parse_labels(labels))
    except LabelsError as error:
        raise ModelError(f"{_LABELS_FILE} inside the model file: {error}") from error


def write(data: bytes, manifest: Manifest) -> bytes:
    """Returns the model file with this manifest in place of the one it had.

    Raises:
        LabelsError: the labels cannot be written one a line.
        ModelError: the manifest holds something that JSON cannot, or the old one is damaged.
    """
    flatbuffer, _ = split(data)
    values = asdict(manifest)
    labels = "\n".join(values.pop("labels")) + "\n"
    if parse_labels(labels) != manifest.labels:
        raise LabelsError("a label has spaces at its ends or more than one line")
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
        for name, content in ((_MANIFEST_FILE, text + "\n"), (_LABELS_FILE, labels)):
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
        LabelsError: a line in the middle is empty.
    """
    lines = [line.strip() for line in text.lstrip("\ufeff").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise LabelsError("the labels are empty: one label a line is needed")
    for number, line in enumerate(lines, 1):
        if not line:
            raise LabelsError(f"line {number} of the labels is empty")
        if _CONTROL.search(line):
            raise LabelsError(f"line {number} of the labels holds a control character")
    return tuple(lines)


def _archive(data: bytes) -> zipfile.ZipFile:
    """Opens the archive behind a flatbuffer, an empty one where there is none."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _DAMAGE:
        archive = zipfile.ZipFile(io.BytesIO(), "w")
    # A manifest lost on the way must not make another model of it: its name is still there.
    if _MANIFEST_FILE not in archive.namelist() and _MANIFEST_FILE.encode() in data:
        raise ModelError("the manifest at the end of the model file is damaged or cut off")
    return archive


def _member(archive: zipfile.ZipFile, name: str) -> str:
    if archive.getinfo(name).file_size > _MAX_MEMBER_BYTES:
        raise ModelError(f"{name} inside the model file is too large to be one")
    try:
        return archive.read(name).decode()
    except _DAMAGE as error:
        raise ModelError(f"{name} inside the model file is damaged: {error}") from error


def _parse(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"the model's manifest is not JSON: {error}") from error
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
            events=EventDefaults(
                **{f.name: float(values["events"][f.name]) for f in fields(EventDefaults)}
            ),
            metrics=values["metrics"],
            provenance=values["provenance"],
        )
    except ModelError:
        raise
    except KeyError as error:
        raise ModelError(f"the model's manifest lacks {error}") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"the model's manifest holds a value that is wrong: {error}") from error
