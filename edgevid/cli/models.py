"""``python -m edgevid.models``: lists the models by name, and where each comes from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from edgevid.errors import ModelError
from edgevid.models import cache, locate
from edgevid.models.catalog import BUNDLED, CATALOG
from edgevid.support import command


@dataclass(frozen=True)
class Row:
    """One model, as it stands on this machine.

    Attributes:
        name: what to give to ``--model``.
        summary: what it is.
        path: its file; None when it is not here.
        size: of the file, in bytes.
        sha256: of the file.
        expected_sha256: published, or remembered from the first download; None if neither.
        problem: why its file is not used, or should be looked at; None when all is well.
        addresses: where it is published; empty for what comes with edgevid and the user's own.
    """

    name: str
    summary: str
    path: str | None = None
    size: int | None = None
    sha256: str | None = None
    expected_sha256: str | None = None
    problem: str | None = None
    addresses: tuple[str, ...] = ()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command.ArgumentParser(
        prog="python -m edgevid.models",
        description="Lists the models that are known by name, and where each would come from.",
        epilog=f"Folders with your own models go into {locate.FOLDERS_VARIABLE}, separated "
        "like those of PATH.",
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--fetch", metavar="NAME", help="download a model now, unless it was, and print its path"
    )
    action.add_argument("--addresses", action="store_true", help="list every address")
    action.add_argument("--json", action="store_true", help="list everything, for programs")
    parser.add_argument(
        "--accept",
        metavar="SHA256",
        help="with --fetch: take the file with this checksum, though it was another before",
    )
    chosen = parser.parse_args(arguments)
    if chosen.accept is not None and chosen.fetch is None:
        parser.error("--accept goes with --fetch")
    return command.guard(lambda: _run(chosen))


def rows() -> list[Row]:
    """Returns every model with a name: the published ones, the bundled, then the user's own."""
    found = {name: _published(name) for name in CATALOG}
    for name, model in BUNDLED.items():
        found[name] = _row(name, model.summary, locate.find(name))
    for path in locate.own_files():
        found.setdefault(path.stem, _row(path.stem, "your own", path))
    return list(found.values())


def _run(chosen: argparse.Namespace) -> int:
    if chosen.fetch is not None:
        print(_fetch(chosen.fetch, chosen.accept))
    elif chosen.json:
        print(json.dumps([asdict(row) for row in rows()], indent=2))
    elif chosen.addresses:
        for name, model in CATALOG.items():
            print("\n  ".join((name, *model.addresses)))
    else:
        _print_table(rows())
    return command.OK


def _fetch(name: str, accept: str | None) -> Path:
    """Returns the cached file; downloads it unless the right one is there already."""
    if accept is None:
        with suppress(ModelError):  # a file that has changed is one more reason to download
            path = locate.find_cached(name)
            if path is not None:
                return path
    return locate.fetch(name, accept=accept)


def _published(name: str) -> Row:
    model = CATALOG[name]
    try:
        path, expected = locate.find(name), locate.expected_sha256(name)
    except ModelError as error:
        # One bad file must not hide the other models.
        return Row(name, model.summary, problem=str(error), addresses=model.addresses)
    row = _row(name, model.summary, path)
    if path is not None and expected not in (None, row.sha256):
        row = replace(row, problem="a file of your own, not the published one")
    return replace(row, expected_sha256=expected, addresses=model.addresses)


def _row(name: str, summary: str, path: Path | None) -> Row:
    if path is None:
        return Row(name, summary)
    try:
        size = path.stat().st_size
        return Row(name, summary, str(path), size, cache.sha256_of(path))
    except OSError as error:
        return Row(name, summary, str(path), problem=f"cannot be read: {error.strerror}")
    except ModelError as error:
        return Row(name, summary, str(path), problem=str(error))


def _print_table(listed: list[Row]) -> None:
    names = max(len(row.name) for row in listed)
    summaries = max(len(row.summary) for row in listed)
    for row in listed:
        size = f"{row.size / 1e6:.1f} MB" if row.size is not None else "-"
        digest = (row.sha256 or "-")[:12]
        if row.path is not None:
            where = row.path
        elif row.problem is None:
            where = f"from {urlsplit(row.addresses[0]).hostname} when first used"
        else:
            where = "-"
        print(f"{row.name:{names}}  {row.summary:{summaries}}  {size:>7}  {digest:12}  {where}")
        if row.problem is not None:
            print(f"{'':{names}}  ! {row.problem}")
