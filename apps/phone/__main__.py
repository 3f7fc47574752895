"""``python -m apps.phone``: the page that runs edgevid's models in a phone's browser.

Browsers give their camera to secure pages only: those at https, and those of the phone itself.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from apps.phone import models, site
from edgevid import UsageError
from edgevid.support import command

_HERE = ("localhost", "127.0.0.1", "::1")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command.ArgumentParser(
        prog="python -m apps.phone",
        description="Serves a page that labels what a phone's camera sees, in the phone's own "
        "browser: no picture leaves it.",
    )
    parser.add_argument(
        "--model", action="append", default=[], metavar="MODEL",
        help="a name or a .tflite file to offer, can be repeated; the page begins with the first "
        f"(default: those of {' and '.join(models.DEFAULT)} that are found)",
    )  # fmt: skip
    parser.add_argument("--host", default="localhost", help="to listen at (default: localhost)")
    parser.add_argument("--port", type=int, default=8020, help="to listen at (default: 8020)")
    parser.add_argument("--cert", type=Path, help="a certificate (PEM), for https")
    parser.add_argument("--key", type=Path, help="its key, where that is in a file of its own")
    parser.add_argument(
        "--write", type=Path, metavar="FOLDER", help="write the site for a static host, and end"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    chosen = parser.parse_args(arguments)
    return command.guard(lambda: _run(chosen), debug=chosen.debug)


def _run(chosen: argparse.Namespace) -> int:
    if chosen.write is not None and chosen.write.exists():
        raise UsageError(f"{chosen.write} is there already: name a new folder")
    with tempfile.TemporaryDirectory(prefix="edgevid-phone-") as folder:
        built, prepared = Path(folder, "site"), Path(folder, "models")
        prepared.mkdir()
        site.assemble(built, models.prepared(chosen.model, prepared))
        if chosen.write is not None:
            _move(built, chosen.write)
            print(f"{chosen.write}: give this folder to a static host with https")
            return command.OK
        return _serve(built, chosen)


def _move(built: Path, target: Path) -> None:
    try:
        shutil.move(built, target)
    except OSError as error:
        raise UsageError(f"{target}: cannot be written: {error.strerror}") from error


def _serve(built: Path, chosen: argparse.Namespace) -> int:
    from apps.phone import server  # here: writing the site needs none of its libraries

    running = server.server(built, cert=chosen.cert, key=chosen.key)
    listening = server.listen(chosen.host, chosen.port)
    scheme = "https" if chosen.cert else "http"
    host = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
    print(f"{scheme}://{host}:{listening.getsockname()[1]}/", flush=True)
    if chosen.cert is None and chosen.host not in _HERE:
        command.complain(
            "without --cert browsers on other machines get the page, but no camera for it"
        )
    server.serve(running, listening)
    return command.OK


if __name__ == "__main__":
    sys.exit(main())
