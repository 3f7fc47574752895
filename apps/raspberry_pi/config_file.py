"""Reads ``edgevid.toml`` into the records of ``config.py``, and says where it is wrong.

What only shows when the settings are put to use is for ``check.py``.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_type_hints

from apps.raspberry_pi.config import CameraConfig, Config, Kind
from edgevid import UsageError

# The tables of the file and their records; [[camera]] comes several times.
_TABLES: dict[str, type] = {
    name: kind for name, kind in get_type_hints(Config).items() if name != "cameras"
}
_CAMERA = "camera"


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

    def wrong(self, table: str, key: str, problem: str, *, camera: int = 0) -> UsageError:
        """Returns what to raise where a setting cannot work.

        Args:
            table: such as ``web``.
            key: in it; empty where it is the table that is wrong.
            problem: in words, without the value of what may be secret.
            camera: which ``[[camera]]``, from 0.
        """
        return _wrong(self.path, self.lines, table, camera, key, problem)


def read(path: Path) -> ConfigFile:
    """Reads a configuration.

    Raises:
        UsageError: it cannot be read, or something in it is wrong; names the line.
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

    def config(self, content: dict[str, Any]) -> Config:
        for name, value in content.items():
            if name not in (*_TABLES, _CAMERA):
                raise self._wrong(name, 0, "", _no_such("table", name, (_CAMERA, *_TABLES)))
            if name != _CAMERA and not isinstance(value, dict):
                raise self._wrong(name, 0, "", f"{name} is a table: write [{name}]")
        cameras = content.get(_CAMERA, [])
        if not isinstance(cameras, list) or not all(isinstance(one, dict) for one in cameras):
            raise self._wrong(_CAMERA, 0, "", "each camera is a table: write [[camera]]")
        if not cameras:
            raise UsageError(f"{self._path}: names no camera: add a [[camera]]")
        read = tuple(self._record(CameraConfig, _CAMERA, n, c) for n, c in enumerate(cameras))
        names = [camera.name for camera in read]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise self._wrong(_CAMERA, number, "name", f"a second camera called {name!r}")
        tables = {
            name: self._record(record, name, 0, content.get(name, {}))
            for name, record in _TABLES.items()
        }
        return Config(read, **tables)

    def _record(self, record: type, table: str, number: int, values: dict[str, Any]) -> Any:
        kinds = {
            name: next(k for k in hint.__metadata__ if isinstance(k, Kind))
            for name, hint in get_type_hints(record, include_extras=True).items()
        }
        given = {}
        for key, value in values.items():
            if key not in kinds:
                raise self._wrong(table, number, key, _no_such("key", key, tuple(kinds)))
            if not kinds[key].accepts(value):
                raise self._wrong(table, number, key, f"{key} must be {kinds[key].says}")
            given[key] = kinds[key].convert(value)
        for field in fields(record):
            if field.default is MISSING and field.name not in given:
                raise self._wrong(table, number, "", f"{field.name} is missing")
        return record(**given)

    def _wrong(self, table: str, number: int, key: str, problem: str) -> UsageError:
        return _wrong(self._path, self._lines, table, number, key, problem)


def _wrong(
    path: Path, lines: list[str], table: str, number: int, key: str, problem: str
) -> UsageError:
    where = f"[[{table}]]" if table == _CAMERA else f"[{table}]"
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
