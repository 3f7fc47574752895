"""Reads ``edgevid.toml`` into the records of ``config.py``, and says where it is wrong.

What only shows when the settings are put to use is for ``check.py``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import MISSING, Field, dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_type_hints

from apps.raspberry_pi.config import AlertConfig, CameraConfig, Config, Kind
from edgevid import UsageError

# The tables of the file and their records; of some there may be several.
_CAMERA = "camera"
_LISTS: dict[str, type] = {_CAMERA: CameraConfig, "alert": AlertConfig}
_TABLES: dict[str, type] = {
    name: kind
    for name, kind in get_type_hints(Config).items()
    if name.removesuffix("s") not in _LISTS
}


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A configuration, and the text that it was read from.

    Attributes:
        path: the file.
        config: what it says.
        lines: of its text.
    """

    path: Path
    config: Config
    lines: list[str]

    def wrong(self, table: str, key: str, problem: str, *, number: int = 0) -> UsageError:
        """Returns what to raise where a setting cannot work.

        Args:
            table: such as ``web``.
            key: in it; empty where it is the table that is wrong.
            problem: in words, without the value of what may be secret.
            number: which of the tables of that name, from 0.
        """
        return _wrong(self.path, self.lines, table, number, key, problem)


class WrongError(UsageError):
    """All that is wrong with a configuration.

    Attributes:
        problems: a line each, in the file's order.
    """

    def __init__(self, problems: Iterable[UsageError]) -> None:
        told = dict.fromkeys(str(problem) for problem in problems)
        self.problems = tuple(sorted(told, key=_place))
        super().__init__("\n".join(self.problems))


def _place(problem: str) -> int:
    found = re.search(r":(\d+): ", problem)
    return int(found[1]) if found else 0


def read(path: Path) -> ConfigFile:
    """Reads a configuration.

    Raises:
        UsageError: it cannot be read, or something in it is wrong; says all of it, with the lines.
    """
    try:
        text = path.read_text("utf-8-sig")  # editors on Windows begin it with a byte-order mark
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 text") from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = re.fullmatch(r"(.*) \(at (?:line (\d+), .*|end of document)\)", str(error))
        problem, line = told.groups() if told else (str(error), None)
        place = f"{path}:{line or len(text.splitlines())}"
        raise UsageError(f"{place}: {problem[0].lower()}{problem[1:]}") from error
    reader = _Reader(path, text.splitlines())
    return ConfigFile(path, reader.config(content), text.splitlines())


class _Reader:
    def __init__(self, path: Path, lines: list[str]) -> None:
        self._path = path
        self._lines = lines
        self._problems: list[UsageError] = []

    def config(self, content: dict[str, Any]) -> Config:
        for name, value in content.items():
            if name not in (*_TABLES, *_LISTS):
                self._wrong(name, 0, "", _no_such("table", name, (*_LISTS, *_TABLES)))
            if name in _TABLES and not isinstance(value, dict):
                self._wrong(name, 0, "", f"{name} is a table: write [{name}]")
        lists: dict[str, Any] = {
            f"{name}s": tuple(
                self._record(record, name, number, values)
                for number, values in enumerate(self._tables(content, name))
            )
            for name, record in _LISTS.items()
        }
        if not content.get(_CAMERA):
            self._problems.append(UsageError(f"{self._path}: names no camera: add a [[camera]]"))
        names = [camera and camera.name for camera in lists["cameras"]]
        for number, name in enumerate(names):
            if name and name in names[:number]:
                self._wrong(_CAMERA, number, "name", f"a second camera called {name!r}")
        tables = {
            name: self._record(record, name, 0, content.get(name, {}))
            for name, record in _TABLES.items()
        }
        if self._problems:
            raise WrongError(self._problems)
        return Config(**lists, **tables)

    def _tables(self, content: dict[str, Any], name: str) -> list[dict[str, Any]]:
        """Returns the tables of which there may be several."""
        tables = content.get(name, [])
        if isinstance(tables, list) and all(isinstance(one, dict) for one in tables):
            return tables
        self._wrong(name, 0, "", f"each {name} is a table: write [[{name}]]")
        return []

    def _record(self, record: type, table: str, number: int, values: Any) -> Any:
        """Returns one table's record; None where something in it is wrong."""
        if not isinstance(values, dict):  # which was told
            return None
        known = len(self._problems)
        kinds = {
            name: next(k for k in hint.__metadata__ if isinstance(k, Kind))
            for name, hint in get_type_hints(record, include_extras=True).items()
        }
        given = {}
        for key, value in values.items():
            if key not in kinds:
                self._wrong(table, number, key, _no_such("key", key, tuple(kinds)))
            elif not kinds[key].accepts(value):
                self._wrong(table, number, key, f"{key} must be {kinds[key].says}")
            else:
                given[key] = kinds[key].convert(value)
        for field in fields(record):
            if _must_be_given(field) and field.name not in values:
                self._wrong(table, number, "", f"{field.name} is missing")
        return record(**given) if len(self._problems) == known else None

    def _wrong(self, table: str, number: int, key: str, problem: str) -> None:
        self._problems.append(_wrong(self._path, self._lines, table, number, key, problem))


def _must_be_given(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _wrong(
    path: Path, lines: list[str], table: str, number: int, key: str, problem: str
) -> UsageError:
    where = f"[[{table}]]" if table in _LISTS else f"[{table}]"
    return UsageError(f"{path}:{_line(lines, table, number, key)}: {where}: {problem}")


def _line(lines: list[str], table: str, number: int, key: str) -> int:
    """Returns the line of a key, else of its table; tables of one name count from 0."""
    found, current, seen = 1, "", -1
    for place, line in enumerate(lines, 1):
        if header := re.match(r"\s*\[\[?\s*([\w-]+)", line):
            current = header[1]
            seen += current == table
        inside = current == table and seen == number
        if inside and key and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return place
        if (header and inside) or (not current and re.match(rf"\s*{table}\s*[.=]", line)):
            found = place
    return found


def _no_such(what: str, name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, 1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
    return f"there is no {what} {name}: {hint}"
