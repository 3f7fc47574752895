"""Finds the file of a model by name or path.

A name is looked up in the folders that ``EDGEVID_MODELS`` lists, then in the user's cache, then
among the bundled models, and is downloaded into the cache when it is in none.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from edgevid.errors import DownloadError, ModelError, OutputError, UsageError
from edgevid.models import cache, catalog
from edgevid.models.catalog import BUNDLED, CAMERA_MOTION, CATALOG
from edgevid.plain_text import similar
from edgevid.support.atomic_file import is_unfinished

FOLDERS_VARIABLE = "EDGEVID_MODELS"

AUTO = "auto"  # in place of a name: the best model that can be had
_FIRST_CHOICE = "movinet-a0"
_PATIENCE_S = 8.0  # where there is another model, a silent server is not waited for longer


def choose() -> tuple[str, Path]:
    """Returns the best model that can be had, which is what ``auto`` stands for: name and file.

    That is MoViNet-A0, which knows actions, where it is here or can be downloaded; else the
    bundled model. One line on standard error says which, and why.

    Raises:
        ModelError: MoViNet-A0 is in the cache, but has changed since it was downloaded.
    """
    path = find(_FIRST_CHOICE)
    if path is not None:
        print(f"edgevid: using {_FIRST_CHOICE}: {path}", file=sys.stderr)
        return _FIRST_CHOICE, path
    try:
        # It says where it came from.
        return _FIRST_CHOICE, fetch(_FIRST_CHOICE, timeout=_PATIENCE_S)
    except DownloadError as error:
        print(
            f"edgevid: using {CAMERA_MOTION.name}, which comes with edgevid and tells what the "
            f"camera does, not what people do: {error}",
            file=sys.stderr,
        )
        return CAMERA_MOTION.name, locate(CAMERA_MOTION.name)


def is_available(name_or_path: str | Path) -> bool:
    """Whether ``load_model`` can do without downloading: what is wanted is here, or nowhere.

    Raises:
        ModelError: the file in the cache has changed since it was downloaded.

    Example:
        >>> edgevid.is_available("camera-motion")
        True
    """
    name = _FIRST_CHOICE if name_or_path == AUTO else str(name_or_path)
    return name not in CATALOG or find(name) is not None


def locate(name_or_path: str | Path) -> Path:
    """Returns a model's file, which is downloaded if it has to be.

    Raises:
        ModelError: no such file, no such name, or a downloaded file that has changed.
        DownloadError: the model had to be fetched, and could not.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or not _is_name(text):
        return _existing(Path(text))
    found = find(text)
    if found is not None:
        return found
    if text in CATALOG:
        return fetch(text)
    if _is_file(Path(text)):
        return Path(text)
    near = similar(text.lower(), [AUTO, *CATALOG, *BUNDLED, *(path.stem for path in own_files())])
    hint = f"did you mean {' or '.join(near)}?" if near else "python -m edgevid.models lists them"
    raise ModelError(f"there is no model called {text!r}: {hint}")


def find(name: str) -> Path | None:
    """Returns the file of a model that is here already, None when it is not.

    A file in the user's own folders is taken as it is; one in the cache must still be what was
    downloaded. A bundled model is always found.

    Raises:
        ModelError: the file in the cache has changed.
    """
    if not _is_name(name):
        return None
    file_names = [f"{name}.tflite"]
    if name in CATALOG:
        file_names.append(CATALOG[name].file_name)
    for folder in folders():
        for file_name in file_names:
            if _is_file(folder / file_name):
                return folder / file_name
    cached = find_cached(name)
    if cached is None and name in BUNDLED:
        return BUNDLED[name].path
    return cached


def find_cached(name: str) -> Path | None:
    """Returns the file of a model that was downloaded before, None when it was not.

    A file without a remembered checksum was not downloaded by ``fetch``.

    Raises:
        ModelError: the file is no longer what was downloaded.
    """
    path = cache.path_of(name)
    if not _is_file(path):
        return None
    expected = expected_sha256(name)
    if expected is None:
        return None
    if expected != cache.sha256_of(path):
        raise ModelError(
            f"{path} has changed since it was downloaded; to download it again, type "
            f"python -m edgevid.models --fetch {name}"
        )
    return path


def fetch(
    name: str, *, accept: str | None = None, progress: bool = True, timeout: float | None = None
) -> Path:
    """Downloads a model into the user's cache, in place of the file that may be there.

    A file whose checksum is not published is checked for its structure, and its checksum is
    remembered beside it: from then on only that file will do.

    Args:
        name: a name of the catalog.
        accept: the SHA-256, in hexadecimal, that such a file shall have from now on.
        progress: show a bar on standard error, and say where the file came from.
        timeout: seconds to wait for a server that stays silent; the usual when None.

    Raises:
        ModelError: no such name.
        UsageError: ``accept`` is no SHA-256, or contradicts the published one.
        DownloadError: no address gives the right file, or the cache cannot be written.
    """
    from edgevid.models import (
        download,  # here: HTTP and TLS take longer to import than all the rest
    )

    if name not in CATALOG:
        raise ModelError(f"{name!r} cannot be downloaded: only {', '.join(CATALOG)} can")
    model, target, digest = CATALOG[name], cache.path_of(name), ""

    def note(content: bytes) -> None:
        # Before the file is there: a file without its note would be open to any other.
        nonlocal digest
        digest = hashlib.sha256(content).hexdigest()
        if model.sha256 is None:
            cache.remember(name, digest)

    expected = expected_sha256(name) if accept is None else _accepted(model, accept)
    try:
        address = download.fetch(
            model.addresses,
            target,
            check=lambda content: catalog.check(model, content, expected),
            note=note,
            progress=progress,
            timeout=download.TIMEOUT_S if timeout is None else timeout,
        )
    except (DownloadError, OutputError) as error:
        raise DownloadError(
            f"{name} cannot be downloaded: {error}. "
            f"You may also put its file into a folder and name that in {FOLDERS_VARIABLE}"
        ) from error
    if progress:
        print(f"edgevid: {name} downloaded from {address}, sha256 {digest}", file=sys.stderr)
    return target


def expected_sha256(name: str) -> str | None:
    """Returns the checksum that a downloaded model must have; None where none is known yet."""
    published = CATALOG[name].sha256 if name in CATALOG else None
    return published or cache.remembered(name)


def folders() -> list[Path]:
    """Returns the folders in which the user keeps models, in order."""
    listed = os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)
    return [Path(folder) for folder in listed if folder]


def own_files() -> Iterator[Path]:
    """Yields the user's own models: files in those folders that the catalog does not name."""
    known = {f"{name}.tflite" for name in (*CATALOG, *BUNDLED)} | {
        m.file_name for m in CATALOG.values()
    }
    for folder in folders():
        try:
            yield from (
                path
                for path in sorted(folder.glob("*.tflite"))
                if path.name not in known and not path.name.startswith(".")
            )
        except OSError:
            continue  # a folder that may not be entered holds nothing for us


def _accepted(model: catalog.Published, accept: str) -> str:
    chosen = accept.lower()
    if not cache.is_sha256(chosen):
        raise UsageError(f"{accept!r} is no SHA-256: that has 64 hexadecimal digits")
    if model.sha256 not in (None, chosen):
        raise UsageError(
            f"{model.name} is published with sha256 {model.sha256}: give another file by its path"
        )
    return chosen


def _is_name(text: str) -> bool:
    # A hidden file is no model: it may be one that is being written.
    return (
        bool(text)
        and Path(text).name == text
        and not text.startswith(".")
        and not text.endswith(".tflite")
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a folder that may not be entered, or no possible name
        return False


def _existing(path: Path) -> Path:
    try:
        path.stat()
    except FileNotFoundError as error:
        raise ModelError(f"there is no model file {path}") from error
    except OSError as error:
        raise ModelError(f"the model file {path} cannot be reached: {error.strerror}") from error
    except ValueError as error:
        raise ModelError(f"{str(path)!r} cannot be the name of a file") from error
    if is_unfinished(path):
        raise ModelError(f"{path} is half-written, by a process that runs or was killed")
    if path.is_dir():
        raise ModelError(f"{path} is a folder: name the .tflite file in it")
    return path
