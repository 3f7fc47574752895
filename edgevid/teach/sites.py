"""Tells whether what is taught and the background come from different places.

Then a head learns the place, which tells them apart without fail and says nothing of anything
that happens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgevid.teach.examples import Example

_SAME = 0.6  # correlation of two average pictures, over which they show one place
_MANY = 8  # places, of which nobody can learn each
_FLAT = 3.0  # of 255: the standard deviation below which a picture has no pattern


def apart(examples: Sequence[Example]) -> str:
    """Returns a warning where no place shows something as well as background; else nothing."""
    showing = [e for e in examples if e.recording.spans]
    mixed = [e for e in showing if not e.recording.is_clip]
    # Of features that a camera kept nobody knows the place.
    background = [e for e in examples if not e.recording.spans and e.pictures]
    if not showing or not background or mixed:
        return ""
    patterns = [_pattern(e.place) for e in showing], [_pattern(e.place) for e in background]
    alike = np.array([[float(one @ other) for other in patterns[1]] for one in patterns[0]])
    if (alike > _SAME).any() or min(map(_places, patterns)) >= _MANY:
        return ""
    return (
        "what is taught and the background are of different places: the head may have learned the "
        "places, and what is measured is worth nothing; add background of the same cameras"
    )


def _places(patterns: Sequence[NDArray[np.float64]]) -> int:
    """Counts pictures that are unlike all before them."""
    kept: list[NDArray[np.float64]] = []
    for pattern in patterns:
        if all(float(pattern @ other) <= _SAME for other in kept):
            kept.append(pattern)
    return len(kept)


def _pattern(place: NDArray[np.uint8]) -> NDArray[np.float64]:
    pattern = place.astype(np.float64).ravel()
    pattern -= pattern.mean()
    length = float(np.sqrt(pattern @ pattern))
    return np.asarray(pattern / max(length, _FLAT * pattern.size**0.5))
