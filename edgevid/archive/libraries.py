"""The one place that loads what only the archive needs, when it is needed.

``pip install 'edgevid[archive]'`` brings DuckDB, PyArrow and fsspec, ``'edgevid[cluster]'`` Ray.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edgevid.errors import MissingDependencyError


def pyarrow() -> Any:
    """Returns PyArrow, with its Parquet part loaded.

    Raises:
        MissingDependencyError: it cannot be loaded.
    """
    with _needed("pyarrow"):
        import pyarrow
        import pyarrow.parquet
    return pyarrow


def duckdb() -> Any:
    """Returns DuckDB.

    Raises:
        MissingDependencyError: it cannot be loaded.
    """
    with _needed("duckdb"):
        import duckdb
    return duckdb


def fsspec() -> Any:
    """Returns fsspec.

    Raises:
        MissingDependencyError: it cannot be loaded.
    """
    with _needed("fsspec"):
        import fsspec.core
    return fsspec


def ray() -> Any:
    """Returns Ray.

    Raises:
        MissingDependencyError: it cannot be loaded.
    """
    with _needed("ray", extra="cluster"):
        import ray
    return ray


@contextmanager
def _needed(name: str, extra: str = "archive") -> Iterator[None]:
    """Tells how to install a library that is not there, and why one that is there does not load."""
    try:
        yield
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == name
        why = "which is not installed" if missing else f"which cannot be loaded ({error})"
        raise MissingDependencyError(
            f"this needs {name}, {why}: pip install 'edgevid[{extra}]'"
        ) from error
