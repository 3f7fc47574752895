"""From the label in a list to the class's name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edgevid.errors import SourceError
from edgevid.labelled import text

_SEVERAL = re.compile(r"[0-9]+(\s*[,;|]\s*[0-9]+)+")


def name(label: str, labels: Sequence[str], place: str) -> str:
    """Returns the name of a class.

    Args:
        label: a name, or a number that counts the names from 0.
        labels: all names, in the order of their numbers; empty when none were given.
        place: where the label stands, for messages.

    Raises:
        SourceError: it is neither.
    """
    if not label:
        raise SourceError(f"{place}: no label")
    if not text.is_whole(label):
        raise SourceError(f"{place}: the label is not UTF-8: write it anew")
    if _SEVERAL.fullmatch(label):
        raise SourceError(f"{place}: several labels ({label}), but a clip has one: leave one")
    if re.fullmatch(r"-[0-9]+", label):
        raise SourceError(f"{place}: label {label} stands for no class: a list without labels?")
    if not labels or label in labels:
        return label
    if not label.isdecimal():
        raise SourceError(f"{place}: label {label!r} is none of the {len(labels)} names")
    if int(label) >= len(labels):
        raise SourceError(f"{place}: label {label}, but there are {len(labels)} names, from 0")
    return labels[int(label)]


def in_order(found: set[str], labels: Sequence[str] = ()) -> tuple[str, ...]:
    """Orders classes: as the names were given, numbers by their value, else by the alphabet."""
    if labels:
        places = {label: place for place, label in enumerate(labels)}
        return tuple(sorted(found, key=lambda label: (places.get(label, len(places)), label)))
    if all(label.isdecimal() for label in found):
        return tuple(sorted(found, key=lambda label: (int(label), label)))
    return tuple(sorted(found))
