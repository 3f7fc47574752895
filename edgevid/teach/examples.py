"""What is known of a recording once its video was seen: features, and when what happens.

All of them travel in one file, so that teaching can go on without the videos.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import SourceError
from edgevid.support.atomic_file import atomic_file
from edgevid.teach.data import Recording, Span

FORMAT = 1
_INDEX = "examples.json"
_FIXED = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One recording as the network saw it.

    Attributes:
        recording: what it is.
        times: float64 ``[frames]``, seconds.
        features: float32 ``[frames, features]``.
        breaks: bool ``[frames]``: where nothing before counts any more; the first frame is one.
        pictures: JPEG files, one about each second, and the time of each.
        place: what its pictures look like on average, uint8 ``[12, 12]``.
    """

    recording: Recording
    times: NDArray[np.float64]
    features: NDArray[np.float32]
    breaks: NDArray[np.bool_]
    pictures: tuple[tuple[float, bytes], ...]
    place: NDArray[np.uint8]

    @property
    def seconds(self) -> float:
        """How long it is."""
        if len(self.times) < 2:
            return 0.2 * len(self.times)
        steps = np.diff(self.times)[~self.breaks[1:]]
        return float(steps.sum() + (np.median(steps) if len(steps) else 0.0))


def packed(example: Example) -> bytes:
    """Returns an example as bytes: a zip archive, with arrays as ``.npy`` files."""
    recording = asdict(example.recording)
    for span in recording["spans"]:
        if span["end"] == math.inf:
            span["end"] = None  # JSON has no infinity
    index = {"recording": recording, "pictures": [time for time, _ in example.pictures]}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:

        def put(name: str, content: bytes) -> None:
            archive.writestr(zipfile.ZipInfo(name, _FIXED), content)

        put(_INDEX, json.dumps(index).encode())
        for name in ("times", "features", "breaks", "place"):
            array = io.BytesIO()
            np.save(array, getattr(example, name), allow_pickle=False)
            put(f"{name}.npy", array.getvalue())
        for number, (_, picture) in enumerate(example.pictures):
            put(f"{number}.jpg", picture)
    return written.getvalue()


def unpacked(data: bytes) -> Example:
    """Returns the example that ``packed`` wrote.

    Raises:
        SourceError: it is damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            index = json.loads(archive.read(_INDEX))
            arrays = {
                name: np.load(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)
                for name in ("times", "features", "breaks", "place")
            }
            pictures = tuple(
                (float(time), archive.read(f"{number}.jpg"))
                for number, time in enumerate(index["pictures"])
            )
        return Example(_recording(index["recording"]), pictures=pictures, **_checked(arrays))
    except (ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError,
            zipfile.BadZipFile) as error:  # fmt: skip
        raise SourceError(f"the examples are damaged: {error}") from error


def _recording(values: dict[str, Any]) -> Recording:
    spans = tuple(
        Span(str(s["label"]), float(s["start"]), math.inf if s["end"] is None else float(s["end"]))
        for s in values["spans"]
    )
    return Recording(str(values["source"]), spans, bool(values["is_clip"]), str(values["group"]))


def _checked(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    frames = len(arrays["times"])
    right = (
        arrays["times"].shape == (frames,)
        and arrays["features"].ndim == 2
        and len(arrays["features"]) == frames > 0
        and arrays["breaks"].shape == (frames,)
        and arrays["place"].shape == (12, 12)
        and np.isfinite(arrays["features"]).all()
        and np.isfinite(arrays["times"]).all()
    )
    if not right:
        raise ValueError("arrays that do not fit together")
    return {
        "times": arrays["times"].astype(np.float64),
        "features": arrays["features"].astype(np.float32),
        "breaks": arrays["breaks"].astype(np.bool_),
        "place": arrays["place"].astype(np.uint8),
    }


def save(path: Path, examples: Sequence[Example], network: str) -> None:
    """Writes examples to one file, which appears whole or not at all.

    Args:
        path: the file.
        examples: what to write.
        network: which network their features are of.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        about = {"format": FORMAT, "network": network, "examples": len(examples)}
        archive.writestr(zipfile.ZipInfo(_INDEX, _FIXED), json.dumps(about))
        for number, example in enumerate(examples):
            archive.writestr(zipfile.ZipInfo(f"{number}.zip", _FIXED), packed(example))


def load(path: Path) -> tuple[list[Example], str]:
    """Reads the file that ``save`` wrote: the examples, and which network they are of.

    Raises:
        SourceError: it cannot be read, or is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read(_INDEX))
            if about["format"] != FORMAT:
                raise SourceError(f"{path}: of format {about['format']!r:.20}: upgrade edgevid")
            found = [
                unpacked(archive.read(f"{number}.zip")) for number in range(int(about["examples"]))
            ]
            return found, str(about["network"])
    except SourceError as error:
        raise SourceError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (LookupError, RuntimeError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise SourceError(f"{path}: these are no examples, or they are damaged") from error
