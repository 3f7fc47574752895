"""A file that appears under its name whole, or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edgevid.errors import EdgevidError, OutputError


@contextmanager
def whole_file(target: Path) -> Iterator[BinaryIO]:
    """Opens a file for writing; it gets its name when the block ends well, and its folder is made.

    Several processes may write the same file at once: the last to end wins.

    Raises:
        OutputError: the file cannot be written.
    """
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = part.open("xb")
    except OSError as error:
        raise _unwritable(target, error) from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the name without the content
        part.replace(target)
    except EdgevidError:
        raise
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        part.unlink(missing_ok=True)


def _unwritable(target: Path, error: OSError) -> OutputError:
    return OutputError(f"{target} cannot be written: {error.strerror}")
