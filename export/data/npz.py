"""Files of arrays (``.npz``), which may be damaged."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class DamagedError(ValueError):
    """A file of arrays that cannot be read."""


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Reads all arrays of a file.

    Raises:
        DamagedError: it is missing, cut off, damaged, or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    # RuntimeError: a flag that says encrypted, or compressed in an unknown way
    except (OSError, ValueError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise DamagedError(str(error)) from error
