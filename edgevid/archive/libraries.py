"""The one place that loads what only the archive needs, when it is needed.

``pip install 'edgevid[archive]'`` brings DuckDB, PyArrow and fsspec, ``'edgevid[cluster]'`` Ray.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from edgevid.errors import MissingDependencyError


def pyarrow() -> Any:
    """Returns PyArrow, with its Parquet part loaded.

    Raises:
        MissingDependencyError: it is not installed.
    """
    return _load("pyarrow", "pyarrow.parquet")


def duckdb() -> Any:
    """Returns DuckDB.

    Raises:
        MissingDependencyError: it is not installed.
    """
    return _load("duckdb")


def fsspec() -> Any:
    """Returns fsspec.

    Raises:
        MissingDependencyError: it is not installed.
    """
    return _load("fsspec", "fsspec.core")


def ray() -> Any:
    """Returns Ray.

    Raises:
        MissingDependencyError: it is not installed.
    """
    return _load("ray", extra="cluster")


def _load(name: str, *parts: str, extra: str = "archive") -> Any:
    """Returns a library, of which some parts are loaded as well."""
    try:
        for part in parts:
            import_module(part)
        return import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            f"this needs {name}, which is not installed: pip install 'edgevid[{extra}]'"
        ) from error
