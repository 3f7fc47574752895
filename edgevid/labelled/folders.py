"""A folder with a folder for each class."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from edgevid.errors import SourceError
from edgevid.labelled import labels as naming
from edgevid.labelled.clip import Clip
from edgevid.sources.folders import is_hidden, natural_order, pictures_in, videos_in

_LOG = logging.getLogger("edgevid.labelled")  # below "edgevid": the commands print that
_SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"}


def read(folder: Path, labels: Sequence[str] = ()) -> list[Clip]:
    """Reads the videos and folders of pictures of each class; hidden files are passed over.

    Args:
        folder: holds the classes' folders.
        labels: names for folders that are numbers, from 0.

    Raises:
        SourceError: there is no class, or one without a clip.
    """
    classes = folders_in(folder)
    _refuse_splits(folder, classes)
    found = []
    for class_folder in classes:
        usable = [*videos_in(class_folder), *filter(pictures_in, folders_in(class_folder))]
        if not usable:
            raise SourceError(f"{class_folder}: a class without a video; {_advice(class_folder)}")
        label = naming.name(class_folder.name, labels, str(class_folder))
        found += [Clip(path, label) for path in usable]
    if loose := videos_in(folder):
        if not found:
            raise SourceError(
                f"{folder}: its {len(loose)} videos are in no class; "
                f"expected {folder}/<class>/{loose[0].name}"
            )
        _LOG.warning("%s: %d videos beside the classes are passed over", folder, len(loose))
    if not found:
        expected = f"{folder}/<class>/<video>.mp4{_lists(folder)}"
        raise SourceError(f"{folder}: no videos; expected {expected}")
    return found


def folders_in(folder: Path) -> list[Path]:
    """Returns a folder's folders in natural order, without hidden ones.

    Raises:
        SourceError: the folder cannot be read.
    """
    try:
        found = [path for path in folder.iterdir() if path.is_dir() and not is_hidden(path)]
    except OSError as error:
        raise SourceError(f"{folder}: cannot be read: {error.strerror}") from error
    return sorted(found, key=natural_order)


def _refuse_splits(folder: Path, classes: Sequence[Path]) -> None:
    splits = [path for path in classes if path.name.lower() in _SPLITS]
    nested = [path for path in splits if not videos_in(path) and _holds_classes(path)]
    if not nested:
        return
    train = next((path for path in nested if path.name.lower().startswith("train")), nested[0])
    others = [path for path in nested if path != train]
    also = f", and {others[0]} to test on" if others else ""
    raise SourceError(f"{folder}: holds no classes but {_names(nested)}: name {train}{also}")


def _holds_classes(folder: Path) -> bool:
    return any(
        videos_in(inner) or any(map(pictures_in, folders_in(inner))) for inner in folders_in(folder)
    )


def _advice(class_folder: Path) -> str:
    if _holds_classes(class_folder):
        return f"its folders hold some: is {class_folder} what you meant to name?"
    if pictures_in(class_folder):
        return "put each clip's pictures into a folder of its own"
    return "add some, or remove the folder"


def _lists(folder: Path) -> str:
    lists = sorted(p.name for p in folder.iterdir() if p.suffix in (".txt", ".csv", ".tsv"))
    return f"; or name a list, such as {folder / lists[0]}" if lists else ""


def _names(folders: Sequence[Path]) -> str:
    return " and ".join(f"{path.name}/" for path in folders)
