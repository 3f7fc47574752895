"""Which recordings there are: in folders, lists, globs and other computers' storage."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, BinaryIO

from edgevid.archive import libraries
from edgevid.archive.layout import Layout, place_of
from edgevid.errors import SourceError, UsageError
from edgevid.plain_text import printable
from edgevid.sources.address import is_url, local_path, without_secrets
from edgevid.sources.folders import VIDEO_SUFFIXES, is_hidden, natural_order
from edgevid.support.pyav import READING, av

_LIVE = ("rtsp", "rtsps", "rtmp", "rtmps", "rtp", "udp", "srt")
_PIECE = 1 << 16  # bytes
_PIECES = 32  # that stand for a long file
_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)  # cameras whose clock was never set say 1970


@dataclass(frozen=True)
class Recording:
    """One video file that can be indexed.

    Attributes:
        address: its path or address, as it can be shown and opened again.
        camera: which camera it is of.
        began: when it begins, in UTC; None where only the file's inside can tell.
        size: bytes.
        modified: when it was last written, in UTC; None when that is not known.
        remote: an ``fsspec`` file that can be opened; None for a local path.
    """

    address: str
    camera: str
    began: datetime | None
    size: int
    modified: datetime | None
    remote: Any = None

    @property
    def name(self) -> str:
        """How to call it in front of people."""
        return without_secrets(self.address)

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Opens it, to read its bytes.

        Raises:
            SourceError: it cannot be read.
        """
        with _as_source_error(self.name), self._open() as file:
            yield file

    def _open(self) -> Any:
        return Path(self.address).open("rb") if self.remote is None else self.remote

    @contextmanager
    def at_hand(self) -> Iterator[Path]:
        """Gives the path of a local file with its content, for as long as the block lasts.

        Raises:
            SourceError: it cannot be read.
        """
        if self.remote is None:
            yield Path(self.address)
            return
        with tempfile.TemporaryDirectory(prefix="edgevid-") as folder:
            path = Path(folder, f"recording{Path(self.address).suffix}")
            with self.opened() as file, path.open("wb") as copy:
                shutil.copyfileobj(file, copy, 1 << 20)
            yield path

    def content(self) -> str:
        """Returns what tells its content from any other's: 32 hexadecimal digits.

        Of a file over two megabytes, beginning, end and 30 pieces between count, and the size: to
        read months of video twice would take longer than to index them on many machines.

        Raises:
            SourceError: it cannot be read.
        """
        digest = hashlib.sha256(str(self.size).encode())
        with self.opened() as file:
            if self.size <= _PIECE * _PIECES:
                digest.update(file.read())
            else:
                for piece in range(_PIECES):
                    file.seek((self.size - _PIECE) * piece // (_PIECES - 1))
                    digest.update(file.read(_PIECE))
        return digest.hexdigest()[:32]


@dataclass(frozen=True)
class Naming:
    """How cameras and times are told.

    Attributes:
        layout: of the paths; None tries those that are known.
        zone: of the times in them; this machine's when None.
        camera: the name of the only camera; None takes it from the paths.
    """

    layout: Layout | None = None
    zone: tzinfo | None = None
    camera: str | None = None


def find(sources: Iterable[str], naming: Naming | None = None) -> list[Recording]:
    """Returns the recordings that sources stand for, each once, in their order.

    Args:
        sources: videos; folders, with all that is below them; ``.txt`` files with one of these a
            line; globs; addresses that ``fsspec`` opens (``s3://bucket/folder``).
        naming: how cameras and times are told.

    Raises:
        SourceError: there is no such file or folder, or it holds no videos.
        UsageError: an address of a live stream.
        MissingDependencyError: an address needs a library that is not installed.
    """
    found: dict[str, Recording] = {}
    for source in sources:
        for recording in _found(source, naming or Naming()):
            found.setdefault(recording.address, recording)
    return list(found.values())


def began(recording: Recording, path: Path, seconds: float) -> tuple[datetime, str]:
    """Returns when a recording begins, in UTC, and what said so: path, metadata, or file.

    Args:
        recording: what is known of it.
        path: a local file with its content.
        seconds: how long it is.
    """
    if recording.began is not None:
        return recording.began, "path"
    told = _metadata_time(path)
    if told is not None:
        return told, "metadata"
    modified = (recording.modified or datetime.fromtimestamp(0, UTC)).timestamp()
    # Recorders write a file until it ends.
    return datetime.fromtimestamp(max(0.0, round(modified - seconds, 3)), UTC), "file"


def _found(source: str, naming: Naming) -> Iterator[Recording]:
    if is_url(source) or "::" in source:
        yield from _remote(source, naming)
        return
    path = Path(local_path(source))
    name = without_secrets(str(path))
    with _as_source_error(name):
        if path.is_dir():
            videos = [Path(folder, file) for folder, file in _walk(path)]
            if not videos:
                raise SourceError(f"{name}: holds no videos")
        elif path.suffix.lower() == ".txt" and path.is_file():
            yield from _listed(path, naming)
            return
        elif not path.exists() and glob.has_magic(str(path)):
            videos = sorted(
                (Path(one) for one in glob.glob(str(path), recursive=True)),  # noqa: PTH207
                key=_in_order,
            )
            videos = [one for one in videos if one.is_file() and not is_hidden(one)]
            if not videos:
                raise SourceError(f"{name}: there is nothing of that name")
        elif not path.exists():
            raise SourceError(f"{name}: no such file")
        else:
            videos = [path]
        for video in videos:
            stat = video.stat()
            modified = datetime.fromtimestamp(stat.st_mtime, UTC)
            absolute = Path.cwd() / video  # links stay: their names tell the camera
            yield _named(Recording(str(absolute), "", None, stat.st_size, modified), naming)


def _walk(folder: Path) -> Iterator[tuple[str, str]]:
    for where, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(
            (name for name in folders if not is_hidden(Path(name))),
            key=lambda n: _in_order(Path(n)),
        )
        for file in sorted(files, key=lambda name: _in_order(Path(name))):
            path = Path(file)
            if path.suffix.lower() in VIDEO_SUFFIXES and not is_hidden(path):
                yield where, file


def _in_order(path: Path) -> tuple[str, list[tuple[int, str]]]:
    return str(path.parent), natural_order(path)


def _listed(path: Path, naming: Naming) -> Iterator[Recording]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: is no list: it is not UTF-8 text") from error
    for line in (line.strip() for line in lines):
        if line and not line.startswith("#"):
            remote = is_url(line) or "::" in line
            yield from _found(line if remote else str(path.parent / line), naming)


def _remote(source: str, naming: Naming) -> Iterator[Recording]:
    if source.lower().startswith(_LIVE):
        raise UsageError(f"{without_secrets(source)}: is live; an archive is made of recordings")
    fsspec = libraries.fsspec()
    name = without_secrets(source)
    with _as_source_error(name):
        system, path = fsspec.core.url_to_fs(source)
        if glob.has_magic(path):
            names = system.glob(path)
        elif system.isdir(path):
            names = system.find(path)
        else:
            names = [path]
        named = [one for one in names if len(names) == 1 or _is_video(one)]
        if not named:
            raise SourceError(f"{name}: holds no videos")
        for one in sorted(named, key=lambda name: _in_order(Path(name))):
            told = system.info(one)
            opener = fsspec.core.OpenFile(system, one)
            address = without_secrets(system.unstrip_protocol(one))
            yield _named(
                Recording(address, "", None, int(told["size"]), _modified(told), opener), naming
            )


def _is_video(name: str) -> bool:
    path = Path(name)
    return path.suffix.lower() in VIDEO_SUFFIXES and not is_hidden(path)


def _modified(told: dict[str, Any]) -> datetime | None:
    for name in ("LastModified", "last_modified", "mtime", "updated", "created"):
        value = told.get(name)
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, (int, float)):
            return datetime.fromtimestamp(value, UTC)
    return None


def _named(recording: Recording, naming: Naming) -> Recording:
    place = place_of(recording.address, naming.layout, naming.zone)
    camera = naming.camera or place.camera or Path(recording.address).parent.name or "camera"
    return replace(recording, camera=printable(camera), began=place.began)


def _metadata_time(path: Path) -> datetime | None:
    """Returns when a container says that it was made; None when it does not."""
    try:
        with av.open(str(path), **READING) as container:
            text = container.metadata.get("creation_time", "")
        told = datetime.fromisoformat(text)
    except (OSError, ValueError, av.FFmpegError):
        return None
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    return told.astimezone(UTC) if told > _OLDEST else None


@contextmanager
def _as_source_error(name: str) -> Iterator[None]:
    """Whatever storage raises, it is one line."""
    try:
        yield
    except (SourceError, UsageError):
        raise
    except ImportError as error:  # s3:// without s3fs: fsspec says what to install
        raise SourceError(f"{name}: {error}") from error
    except OSError as error:
        raise SourceError(f"{name}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # each storage library has errors of its own
        raise SourceError(f"{name}: cannot be read: {type(error).__name__}: {error}") from error
