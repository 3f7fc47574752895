"""The manifest: what a model expects and means. It travels inside the ``.tflite`` file.

A zip archive is appended to the flatbuffer, as the TFLite metadata convention does for label
files, so a model stays one file and ``unzip -p model.tflite labels.txt`` shows its labels.
Interpreters read a flatbuffer from its front and never look at what follows.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from edgevid.errors import LabelsError, ModelError

FORMAT = 1
FITS = ("crop", "stretch", "letterbox")

_MANIFEST_FILE = "manifest.json"
_LABELS_FILE = "labels.txt"
_MAX_MEMBER_BYTES = 4 << 20  # a manifest is a few kilobytes: more is a zip bomb


@dataclass(frozen=True)
class EventDefaults:
    """When a prediction becomes an event; see ``edgevid.events`` for what each value does.

    Probabilities are 0 to 1, times are seconds.
    """

    on_threshold: float = 0.5
    off_threshold: float = 0.25
    smoothing: float = 0.6
    min_duration: float = 0.6
    cool_down: float = 1.0


@dataclass(frozen=True)
class Manifest:
    """What a model expects and means.

    Attributes:
        name: the model's short name.
        labels: one for each logit, in the logits' order.
        fps: frames a second that the network was trained on.
        fit: how a picture becomes the input's square: ``crop``, ``stretch`` or ``letterbox``.
        memory_s: seconds of the past that weigh in a prediction; ``inf`` never forgets.
        clip_s: length in seconds of the clips it was trained on.
        events: default thresholds for events.
        metrics: measured figures, by name.
        provenance: where the file came from and what was done to it, by name.
    """

    name: str
    labels: tuple[str, ...]
    fps: float = 5.0
    fit: str = "crop"
    memory_s: float = float("inf")
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


def split(data: bytes) -> tuple[bytes, bytes]:
    """Returns a model file's flatbuffer, and the zip archive behind it (empty when none)."""
    # The archive's own end record tells where it starts; zipfile needs the whole file for that.
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return data, b""
    with _open(data) as archive:
        members = archive.infolist()
        if not members:
            return data, b""
        start = min(member.header_offset for member in members)
    return data[:start], data[start:]


def read(data: bytes) -> Manifest | None:
    """Reads the manifest inside a model file; None when it has none.

    Raises:
        ModelError: there is one, but it is damaged or of a later format.
    """
    _, appended = split(data)
    if not appended:
        return None
    with _open(appended) as archive:
        names = archive.namelist()
        if _MANIFEST_FILE not in names:
            return None
        values = _parse(_member(archive, _MANIFEST_FILE))
        if _LABELS_FILE not in names:
            raise ModelError(f"the model's archive holds a manifest but no {_LABELS_FILE}")
        values["labels"] = parse_labels(_member(archive, _LABELS_FILE))
    return _from_json(values)


def write(data: bytes, manifest: Manifest) -> bytes:
    """Returns the model file with this manifest in place of the one it had."""
    flatbuffer, _ = split(data)
    values = asdict(manifest)
    labels = values.pop("labels")
    if values["memory_s"] == float("inf"):
        values["memory_s"] = None  # JSON has no infinity
    text = json.dumps({"format": FORMAT, **values}, indent=2, ensure_ascii=False) + "\n"
    archive_bytes = io.BytesIO()
    archive_bytes.write(flatbuffer)
    with zipfile.ZipFile(archive_bytes, "a", zipfile.ZIP_STORED) as archive:
        for name, content in ((_MANIFEST_FILE, text), (_LABELS_FILE, "\n".join(labels) + "\n")):
            # A fixed date: the same model gives the same bytes, so checksums mean something.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return archive_bytes.getvalue()


def parse_labels(text: str) -> tuple[str, ...]:
    """Reads labels, one a line, in the logits' order.

    Raises:
        LabelsError: a line in the middle is empty.
    """
    lines = [line.strip() for line in text.lstrip("\ufeff").splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise LabelsError("the labels are empty: one label a line is needed")
    if "" in lines:
        raise LabelsError(f"line {lines.index('') + 1} of the labels is empty")
    return tuple(lines)


def _open(data: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise ModelError(f"the archive inside the model file is damaged: {error}") from error


def _member(archive: zipfile.ZipFile, name: str) -> str:
    try:
        if archive.getinfo(name).file_size > _MAX_MEMBER_BYTES:
            raise ModelError(f"{name} inside the model file is too large to be one")
        return archive.read(name).decode()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{name} inside the model file is damaged: {error}") from error
    except Exception as error:  # zlib.error has no common base with the others
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


def _from_json(values: dict[str, Any]) -> Manifest:
    known = {f.name for f in fields(Manifest)}
    values = {key: value for key, value in values.items() if key in known}
    if values.get("memory_s", 0) is None:
        values["memory_s"] = float("inf")
    try:
        events = {f.name: float(values["events"][f.name]) for f in fields(EventDefaults)}
        values["events"] = EventDefaults(**events)
        for key in ("fps", "memory_s", "clip_s"):
            values[key] = float(values[key])
        return Manifest(**values)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"the model's manifest is incomplete or wrong: {error!r}") from error
