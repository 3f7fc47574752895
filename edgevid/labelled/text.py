"""Text files as editors and spreadsheets leave them."""

from __future__ import annotations

import codecs
from pathlib import Path

from edgevid.errors import SourceError


def read(path: Path) -> str:
    """Reads a text file: UTF-8, or UTF-16 with a byte-order mark; the mark is left out.

    Bytes that are not UTF-8 stay what they are in the names of files (as ``os.fsdecode`` has it).

    Raises:
        SourceError: it cannot be read, or is no text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", "replace")
    else:
        text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise SourceError(f"{path} line {line}: a zero byte: this is no text, or it is damaged")
    return text


def is_whole(text: str) -> bool:
    """Whether a text was UTF-8 throughout."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
