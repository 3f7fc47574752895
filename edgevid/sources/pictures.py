"""A folder of numbered pictures, as one clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import SourceError
from edgevid.records import Frame
from edgevid.sources.address import without_secrets
from edgevid.sources.base import Source
from edgevid.sources.clock import ASSUMED_FPS
from edgevid.sources.folders import pictures_in
from edgevid.support.opencv import cv2


class PicturesSource(Source):
    """The pictures of a folder in the order of the numbers in their names.

    A picture that cannot be decoded is passed over, counted in ``unreadable``, and keeps its
    place in time.

    Args:
        folder: holds the pictures.
        fps: how many pictures make a second.
        paths: which pictures, in order; all of the folder's when None.

    Raises:
        SourceError: the folder holds no pictures; at its end, that none could be decoded.
    """

    is_live = False

    def __init__(
        self, folder: Path, fps: float = ASSUMED_FPS, *, paths: Sequence[Path] | None = None
    ) -> None:
        self.name = without_secrets(str(folder))
        self._paths = pictures_in(folder) if paths is None else paths
        if not self._paths:
            raise SourceError(f"{self.name}: holds no pictures")
        self.fps: float | None = fps
        self._interval = 1 / fps
        self.length: int | None = len(self._paths)
        self.unreadable = 0

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        for number, path in enumerate(self._paths):
            picture = _read(path)
            if picture is None:
                self.unreadable += 1
                continue
            yield Frame(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), number * self._interval, index)
            index += 1
        if index == 0:
            raise SourceError(f"{self.name}: none of its {len(self._paths)} pictures can be read")

    def close(self) -> None:
        """Nothing is held open between pictures."""


def _read(path: Path) -> NDArray[np.uint8] | None:
    """Returns BGR, from whatever colours there are; None where nothing can be decoded."""
    try:
        data = np.fromfile(path, np.uint8)  # not by cv2: a name may be no text that it can take
    except OSError:
        return None
    picture: NDArray[np.uint8] | None = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    return picture
