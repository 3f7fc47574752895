"""Makes text from outside safe to show, write or send."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Control characters move the cursor and colour the terminal; lone surrogates, which JSON and
# names of files can bring, cannot be written at all.
_NOT_PRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

_LONGEST = 500  # characters of a message


def is_printable(text: str) -> bool:
    """Returns whether a text is one line that can be written in UTF-8."""
    return _NOT_PRINTABLE.search(text) is None


def one_line(text: str) -> str:
    """Returns a message that repeats what a file holds, as a line that can be shown."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."


def readable(text: str) -> str:
    """Returns a text in one line for a terminal, which direction marks and the like would upset."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


def printable(text: str) -> str:
    """Returns a text with a replacement character for each that cannot be written."""
    return _NOT_PRINTABLE.sub("\ufffd", text)


def similar(text: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Returns which known words a mistyped one may stand for, the most similar first."""
    from difflib import get_close_matches  # here: only mistakes need it

    return get_close_matches(text, list(known), most)
