"""Examples made of numbers, for tests of all that comes after the network."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edgevid.support.jpeg import to_jpeg
from edgevid.teach.data import Recording, Span
from edgevid.teach.examples import Example

FEATURES = 12


def example(
    name: str,
    spans: Sequence[Span] = (),
    *,
    seconds: float = 10.0,
    is_clip: bool = False,
    group: str = "",
    kinds: Sequence[str] = ("fall", "wave"),
    strength: float = 2.0,
    place: int = 0,
) -> Example:
    """Returns an example in which each kind of label raises one feature while it lasts."""
    random = np.random.default_rng([ord(letter) for letter in name])
    times = np.arange(round(5 * seconds)) / 5
    features = random.gamma(2.0, 0.25, (len(times), FEATURES)).astype(np.float32)
    for span in spans:
        shows = (times >= span.start) & (times <= span.end)
        features[shows, kinds.index(span.label)] += np.float32(strength)
    breaks = np.arange(len(times)) == 0
    picture = np.full((18, 24, 3), 60, np.uint8)
    pictures = tuple((float(second), to_jpeg(picture)) for second in range(math.ceil(seconds)))
    pattern = np.random.default_rng(place).integers(0, 256, (12, 12)).astype(np.uint8)
    recording = Recording(name, tuple(spans), is_clip, group)
    return Example(recording, times, features, breaks, pictures, pattern)


def falls(people: int = 4, each: int = 3) -> list[Example]:
    """Returns recordings of people who fall once, and one each in which nobody does."""
    found = []
    for person in range(people):
        for number in range(each):
            start = 2.0 + number
            span = Span("fall", start, start + 3)
            found.append(example(f"P{person}_fall_{number}", [span], group=f"P{person}"))
        found.append(example(f"P{person}_daily", group=f"P{person}", seconds=20))
    return found
