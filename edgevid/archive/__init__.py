"""Recordings turned into features, labels and events on disk, to be searched.

``python -m edgevid.archive`` is the command. An archive is a folder of Parquet files, which DuckDB,
pandas and Spark read too.
"""

from edgevid.archive.index import index
from edgevid.archive.recordings import find
from edgevid.archive.store import Archive
from edgevid.archive.work import Settings

__all__ = ["Archive", "Settings", "find", "index"]
