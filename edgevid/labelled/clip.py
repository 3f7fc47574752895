"""One labelled clip."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """Some of the pictures of a folder, as MMAction2's raw-frame lists name them."""

    offset: int  # pictures left out at the start
    count: int


@dataclass(frozen=True)
class Clip:
    """One action.

    Attributes:
        path: a video, a folder of numbered pictures, or a TFRecord file.
        label: the action's name.
        start: seconds into the video at which it starts.
        end: seconds at which it ends.
        group: who or what must not be on both sides of a split: a person, a source video.
        record: where in a TFRecord file it starts, in bytes; None elsewhere.
        part: which pictures of a folder; all of them when None.
    """

    path: Path
    label: str
    start: float = 0.0
    end: float = math.inf
    group: str = ""
    record: int | None = None
    part: Part | None = None

    @property
    def place(self) -> tuple[Path, float, int | None]:
        """Where it is: two clips with the same place are one."""
        begins = self.part.offset if self.part else self.record
        return self.path.resolve(), self.start, begins
