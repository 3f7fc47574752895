"""The one place that loads what only the archive needs, when it is needed.

``pip install 'edgevid[archive]'`` brings DuckDB, PyArrow and fsspec, ``'edgevid[cluster]'`` Ray.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from edgevid.errors import MissingDependencyError


def pyarrow() -> Any:
    """Returns PyArrow, with its Parquet part loaded.

    Raises:
        MissingDependencyError: it is not installed.
    """
    with _needed("pyarrow", "archive"):
        import_module("pyarrow.parquet")
        return import_module("pyarrow")


def duckdb() -> Any:
    """Returns DuckDB.

    Raises:
        MissingDependencyError: it is not installed.
    """
    with _needed("duckdb", "archive"):
        return import_module("duckdb")


def fsspec() -> Any:
    """Returns fsspec.

    Raises:
        MissingDependencyError: it is not installed.
    """
    with _needed("fsspec", "archive"):
        import_module("fsspec.core")
        return import_module("fsspec")


def ray() -> Any:
    """Returns Ray.

    Raises:
        MissingDependencyError: it is not installed.
    """
    with _needed("ray", "cluster"):
        return import_module("ray")


@contextmanager
def _needed(name: str, extra: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise MissingDependencyError(
            f"this needs {name}, which is not installed: pip install 'edgevid[{extra}]'"
        ) from error
