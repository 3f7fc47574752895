"""What benchmarks share: arguments, tables, JSON."""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgevid.errors import MissingDependencyError
from edgevid.support.atomic_file import atomic_file
from edgevid.support.command import FAILED, OK, ArgumentParser


def arguments(module: str, description: str | None) -> argparse.ArgumentParser:
    """Returns a parser with the arguments that all benchmarks share."""
    parser = ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here too")
    parser.add_argument("--quick", action="store_true", help="a try-out with few steps or clips")
    parser.add_argument("--seed", type=int, default=0, help="of random choices (default: 0)")
    return parser


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Returns records as a Markdown table, with a column for each key of the first."""
    if not rows:
        return "none"
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(text.ljust(n) for text, n in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (n + 2) for n in widths) + "|")
    return "\n".join(lines)


def write_json(path: Path | None, results: dict[str, Any]) -> None:
    """Writes results as JSON; infinity, which JSON has not, as null.

    Raises:
        OutputError: the file cannot be written.
    """
    if path is not None:
        text = json.dumps(_finite(results), indent=1, ensure_ascii=False, allow_nan=False)
        with atomic_file(path, make_folder=True) as file:
            file.write(text.encode() + b"\n")


def conclude_soak(path: Path | None, results: dict[str, Any], periods: str) -> int:
    """Prints and writes what a long run came to; returns its exit code.

    Args:
        path: the JSON file to be; None for none.
        results: with ``held``, whether all that was promised was so.
        periods: the key of the rows of its hours, or other parts, which are a table of their own.

    Raises:
        OutputError: the file cannot be written.
    """
    print(table(results[periods]))
    print()
    print(table([{"what": key, "value": results[key]} for key in results if key != periods]))
    write_json(path, results)
    return OK if results["held"] else FAILED


def figure(width: float, height: float) -> tuple[Any, Any]:
    """Returns a matplotlib figure of so many inches, and its axes.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("pictures need matplotlib: pip install matplotlib") from error
    drawn = Figure(figsize=(width, height), layout="constrained")
    axes = drawn.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return drawn, axes


def logarithmic(axes: Any, title: str) -> None:
    """Makes the horizontal axis logarithmic, with plain numbers on it."""
    axes.set_xscale("log")
    for axis in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        axis(lambda value, _: f"{value:g}" if f"{value:.0e}"[0] in "125" else "")
    axes.set_xlabel(title)


def save_figure(drawn: Any, path: Path) -> None:
    """Writes a figure as PNG.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic_file(path, make_folder=True) as file:
        drawn.savefig(file, format="png", dpi=150)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        if math.isinf(value):
            return "never"
        return "-" if math.isnan(value) else f"{value:.3f}".rstrip("0").rstrip(".")
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(held) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(held) for held in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def spread(name: str, values: Sequence[float], digits: int) -> dict[str, float]:
    """Returns the median and the largest of some durations, named, rounded to so many digits."""
    ordered = sorted(values)
    return {
        f"{name}, median": round(ordered[len(ordered) // 2], digits),
        f"{name}, longest": round(ordered[-1], digits),
    }


def interruptions(
    module: str, doc: str | None, run: Callable[[int, Path], dict[str, float]]
) -> None:
    """Runs the command of a benchmark that interrupts something ``--times``, and prints figures.

    Args:
        module: the benchmark's.
        doc: its docstring, whose first line describes it.
        run: takes how many times, and a folder that lasts as long; returns figures by name.
    """
    parser = ArgumentParser(prog=f"python -m {module}", description=(doc or "").partition("\n")[0])
    parser.add_argument("--times", type=int, default=20, help="interruptions (default: 20)")
    parser.add_argument("--output", type=Path, help="also write the figures here, as JSON")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = run(chosen.times, Path(folder))
    for name, value in figures.items():
        print(f"{name:45} {value}")
    if chosen.output:
        chosen.output.write_text(json.dumps(figures, indent=2) + "\n")
