"""``python -m apps.raspberry_pi.review.export --config edgevid.toml FOLDER``.

Copies what was said of clips into a folder: ``labels.csv``, the clips, and the features of quiet
hours. ``python -m edgevid.teach FOLDER/labels.csv`` and ``export.finetune`` read it.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from apps.raspberry_pi import config_file, folders
from apps.raspberry_pi.review.lists import lessons
from apps.raspberry_pi.review.store import Store
from edgevid import OutputError
from edgevid.support.atomic_file import atomic_file
from edgevid.support.command import OK, ArgumentParser, guard


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = ArgumentParser(
        prog="python -m apps.raspberry_pi.review.export",
        description="Copies what was said of clips into a folder, for edgevid.teach and export. "
        "The service may run meanwhile.",
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="edgevid.toml")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where it is to go")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    chosen = parser.parse_args(arguments)

    def run() -> int:
        config = config_file.read(chosen.config).config
        with closing(Store(folders.state_folder(config) / "review", held=False)) as store:
            count = export(store, chosen.folder)
        print(f"{chosen.folder / 'labels.csv'}: {count} rows")
        return OK

    return guard(run, debug=chosen.debug)


def export(store: Store, folder: Path) -> int:
    """Copies what was said; returns how many rows there are.

    Raises:
        OutputError: it cannot be written.
    """
    found = lessons(store)
    try:
        (folder / "clips").mkdir(parents=True, exist_ok=True)
        for name in sorted({row.clip for row in found.rows}):
            shutil.copy2(store.clip(name), folder / "clips" / name)
        if found.background:
            (folder / "background").mkdir(exist_ok=True)
        for path in found.background:
            shutil.copy2(path, folder / "background" / path.name)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from error
    with atomic_file(folder / "labels.csv") as file:
        file.write(found.table(None).encode())
    return len(found.rows)


if __name__ == "__main__":
    sys.exit(main())
