"""The rooms of edgevid and which of them imports which: a table of figures, and a drawing.

    python -m benchmarks.structure --svg docs/structure.svg

A room is a folder, a file directly inside the package, or a folder's command; an arrow says that
one room imports another. The depth is the longest way down along arrows. What only calls a command,
in a line or two, is left out.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from benchmarks.report import arguments, table
from edgevid.support.atomic_file import atomic_file
from edgevid.support.command import OK, guard

_ROOT = Path(__file__).parents[1] / "edgevid"
_DOOR = 400  # bytes; a file that is typed (python -m edgevid.stream) and only calls a command
_WIDTH, _HEIGHT, _GAP = 150, 34, 60

Arrows = Mapping[str, frozenset[str]]


def main(given: list[str] | None = None) -> int:
    """Prints the figures; returns the exit code."""
    parser = arguments("benchmarks.structure", __doc__)
    parser.add_argument("--package", type=Path, default=_ROOT, help="the package's folder")
    parser.add_argument("--svg", type=Path, help="draw the rooms there")
    chosen = parser.parse_args(given)
    return guard(lambda: _run(chosen.package, chosen.svg))


def _run(package: Path, svg: Path | None) -> int:
    arrows = rooms(package)
    figures = {
        "rooms": len(arrows),
        "arrows between rooms": sum(map(len, arrows.values())),
        "depth": max(floors(arrows).values()),
    }
    print(table([figures]))
    if svg is not None:
        with atomic_file(svg) as file:
            file.write(drawing(arrows).encode())
    return OK


def rooms(package: Path) -> dict[str, frozenset[str]]:
    """Returns each room of a package with those that it imports, from the text of its files."""
    found: dict[str, set[str]] = {}
    paths = [p for p in sorted(package.rglob("*.py")) if not _is_door(p, package)]
    names = {_room(path, package) for path in paths}
    for path in paths:
        room = _room(path, package)
        used = found.setdefault(room, set())
        for name in _imports(path, package.name):
            part = name.split(".")[0]
            used |= {part if part in names else "__init__"} - {room}
    return {room: frozenset(used) for room, used in found.items()}


def floors(arrows: Arrows) -> dict[str, int]:
    """Returns how far down each room reaches: 0 for one that imports no other.

    Raises:
        ValueError: rooms import each other in a circle.
    """
    climbing: list[str] = []

    @cache
    def floor(room: str) -> int:
        if room in climbing:
            raise ValueError(f"a circle: {' -> '.join([*climbing, room])}")
        climbing.append(room)
        found = max((1 + floor(other) for other in arrows[room]), default=0)
        climbing.pop()
        return found

    return {room: floor(room) for room in sorted(arrows)}


def drawing(arrows: Arrows) -> str:
    """Returns the rooms as an SVG: those that import nothing at the bottom, arrows downwards.

    Where a room reaches another by way of a third, the straight arrow is left out.
    """
    storeys: dict[int, list[str]] = {}
    for room, floor in floors(arrows).items():
        storeys.setdefault(floor, []).append(room)
    top, widest = max(storeys), max(map(len, storeys.values()))
    places = {}
    for floor, row in storeys.items():
        left = (widest - len(row)) * (_WIDTH + _GAP) / 2
        for number, room in enumerate(row):
            x = _GAP / 2 + left + number * (_WIDTH + _GAP)
            places[room] = (x, _GAP / 2 + (top - floor) * (_HEIGHT + _GAP))
    width, height = widest * (_WIDTH + _GAP), (top + 1) * (_HEIGHT + _GAP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="14">',
        '<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#888"/></marker>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for room, others in sorted(arrows.items()):
        x, y = places[room]
        for other in sorted(others - _further(arrows, others)):
            to_x, to_y = places[other]
            lines.append(
                f'<line x1="{x + _WIDTH / 2:g}" y1="{y + _HEIGHT:g}" x2="{to_x + _WIDTH / 2:g}" '
                f'y2="{to_y:g}" stroke="#888" marker-end="url(#head)"/>'
            )
    for room, (x, y) in sorted(places.items()):
        lines.append(
            f'<rect x="{x:g}" y="{y:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="4" fill="#e8f0fa" '
            'stroke="#357"/>'
            f'<text x="{x + _WIDTH / 2:g}" y="{y + 22:g}" text-anchor="middle">{room}</text>'
        )
    return "\n".join([*lines, "</svg>", ""])


def _further(arrows: Arrows, rooms: frozenset[str]) -> set[str]:
    """Returns what some rooms reach, beyond themselves."""
    found: set[str] = set()
    for room in rooms:
        found |= arrows[room] | _further(arrows, arrows[room])
    return found


def _room(path: Path, package: Path) -> str:
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts) if parts[-1] == "__main__" else parts[0]  # a command is not its package


def _is_door(path: Path, package: Path) -> bool:
    is_typed = path.name == "__main__.py" or path.parent == package
    text = path.read_text("utf-8")
    return is_typed and len(text) < _DOOR and "sys.exit(main())" in text


def _imports(path: Path, package: str) -> list[str]:
    """Returns the modules of the package that a file imports, without the package's own name."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == package:
                found += [alias.name for alias in node.names]
            elif node.module.startswith(f"{package}."):
                found.append(node.module.removeprefix(f"{package}."))
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            found += [n.removeprefix(f"{package}.") for n in names if n.startswith(f"{package}.")]
    return found


if __name__ == "__main__":
    sys.exit(main())
