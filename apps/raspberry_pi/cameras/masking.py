"""Removes secrets from messages about a camera before they are shown, logged or sent."""

from __future__ import annotations

import re
from urllib.parse import quote

from edgevid.sources.address import without_secrets

_LONGEST = 300  # characters
_SHORTEST = 3  # of a part of an address that is looked for by itself: "a" is in every text


def shown(text: str, source: str) -> str:
    """Returns a text as one line without what is secret in a camera's source.

    Args:
        text: such as an error of a library that was given the source.
        source: as the config has it.
    """
    public = without_secrets(source)
    text = text.replace(source, public)
    text = re.sub(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+", lambda m: without_secrets(m[0]), text)
    for part in sorted(_parts(source) - _parts(public), key=len, reverse=True):
        if len(part) >= _SHORTEST:
            text = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", "...", text)
    text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())[:_LONGEST]


def _parts(location: str) -> set[str]:
    """Returns what stands between an address's marks; user and password also as they are."""
    parts = set(re.split(r"[/:@?&=;#,]+", location))
    _, mark, rest = location.partition("://")
    if mark and "@" in rest:
        parts.update(rest.rpartition("@")[0].split(":", 1))
    parts.update([quote(part, safe="") for part in parts])
    return parts - {""}
