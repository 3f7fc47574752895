"""``python -m benchmarks.readme``: writes the pages' tables from ``benchmarks/reference``.

The pages are the README, those in ``docs``, the phone's, and the bundled model's card. A table
stands between ``<!-- table: NAME -->`` and ``<!-- end -->``, a figure within a sentence between
``<!-- figure: NAME -->`` and ``<!-- end -->``; what is there is never typed.
``--check`` only says whether all are up to date.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.tables import FIGURES, TABLES
from edgevid.errors import UsageError
from edgevid.models.catalog import CAMERA_MOTION
from edgevid.support import command
from edgevid.support.atomic_file import atomic_file

_ROOT = Path(__file__).parent.parent
CARD = CAMERA_MOTION.path.with_name("README.md")
_BLOCK = re.compile(r"(<!-- table: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_FIGURE = re.compile(r"(<!-- figure: ([\w ]+) -->)[^\n]*?(<!-- end -->)")
PAGES = [
    _ROOT / "README.md",
    *sorted(_ROOT.glob("docs/*.md")),
    _ROOT / "apps" / "phone" / "README.md",
    CARD,
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command.ArgumentParser(prog="python -m benchmarks.readme", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if it is stale")
    chosen = parser.parse_args(arguments)
    return command.guard(lambda: _run(chosen.check))


def _run(check: bool) -> int:
    stale = False
    for page in PAGES:
        old = page.read_text("utf-8")
        new = filled(old)
        stale |= old != new
        if check and old != new:
            print(f"{page} is stale: python -m benchmarks.readme")
        elif old != new:
            with atomic_file(page) as file:
                file.write(new.encode())
    return command.FAILED if check and stale else command.OK


def filled(text: str) -> str:
    """Returns a page with all its tables and figures made anew.

    Raises:
        UsageError: it names one that does not exist.
    """

    def table(block: re.Match[str]) -> str:
        name = block[2]
        if name not in TABLES:
            raise UsageError(f"no table {name!r}: choose {', '.join(TABLES)}")
        return f"{block[1]}{report.table(TABLES[name]())}\n{block[3]}"

    def figure(place: re.Match[str]) -> str:
        name = place[2]
        if name not in FIGURES:
            raise UsageError(f"no figure {name!r}: choose {', '.join(FIGURES)}")
        return f"{place[1]}{FIGURES[name]()}{place[3]}"

    return _FIGURE.sub(figure, _BLOCK.sub(table, text))


if __name__ == "__main__":
    sys.exit(main())
