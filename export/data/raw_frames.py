"""Which pictures of a folder are a clip: those of one numbered pattern, without optical flow."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from edgevid.errors import SourceError
from edgevid.sources.folders import pictures_in, videos_in
from export.data.clips import Part

_PREFERRED = ("img_", "image_", "frame_")  # in this order; MMAction2 writes the first
_NUMBERED = re.compile(r"(?P<before>.*?)(?P<number>[0-9]+)(?P<after>[^0-9]*)", re.DOTALL)
# x_00001.jpg, flow_y_00001.jpg, tvl1_00001.jpg, 00001_flow.png
_FLOW = re.compile(r"[xyuv][_-]|(.*[_-])?(flow|flownet|tvl1|farneback)([_-].*)?", re.IGNORECASE)


class PictureFiles(NamedTuple):
    """The pictures of a clip."""

    paths: list[Path]
    lacking: int  # that a list names beside them


def pictures_of(folder: Path, part: Part | None) -> PictureFiles:
    """Chooses the pictures of a folder that are a clip.

    Args:
        folder: holds them, perhaps beside pictures of optical flow.
        part: which of them; all when None. They are counted from 1, or from the lowest number where
            only that fits.

    Raises:
        SourceError: there are none.
    """
    found = pictures_in(folder)
    if not found and videos_in(folder):
        raise SourceError(f"{folder}: holds videos, not the pictures of a clip: name one")
    numbered = _one_pattern(found)
    if not numbered:
        what = "pictures of optical flow alone" if found else "no pictures"
        raise SourceError(f"{folder}: holds {what}")
    if part is None:
        return PictureFiles([path for _, path in numbered], 0)
    numbers = [number for number, _ in numbered]
    begin = min(numbers)
    if begin == 0 and part.offset + part.count <= max(numbers):
        begin = 1
    begin += part.offset
    chosen = [path for number, path in numbered if begin <= number < begin + part.count]
    if not chosen:
        raise SourceError(
            f"{folder}: has {len(numbered)} pictures, none of them from {part.offset + 1} to "
            f"{part.offset + part.count}, which the list names"
        )
    return PictureFiles(chosen, part.count - len(chosen))


def _one_pattern(found: Sequence[Path]) -> list[tuple[int, Path]]:
    """Numbers the pictures of the pattern that most have; by their order where there is none."""
    patterns: dict[tuple[str, str, str], list[tuple[int, Path]]] = defaultdict(list)
    plain = []
    for path in found:
        match = _NUMBERED.fullmatch(path.stem)
        before, after = (match["before"], match["after"]) if match else (path.stem, "")
        if _FLOW.fullmatch(before) or (after and _FLOW.fullmatch(after.lstrip("_-"))):
            continue
        plain.append(path)
        if match:
            patterns[before, after, path.suffix].append((int(match["number"]), path))
    if not patterns:
        return list(enumerate(plain, 1))
    rank = {name: len(_PREFERRED) - place for place, name in enumerate(_PREFERRED)}
    best = max(patterns, key=lambda key: (rank.get(key[0].lower(), 0), len(patterns[key])))
    if best[0].lower() not in rank and 2 * len(patterns[best]) < len(plain):
        return list(enumerate(plain, 1))  # dates and times: each is a pattern of its own
    return sorted(patterns[best])
