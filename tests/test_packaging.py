"""What pip installs: edgevid and what it needs for everybody, the rest by dependency group."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from tests.test_imports import files_in, imports_of

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
GROUPS: dict[str, list[str | dict[str, str]]] = PROJECT["dependency-groups"]
# Where groups, or extras that are no more, could be named.
TEXTS = [
    path
    for pattern in ("Makefile", "*.md", "*.py", "*.sh", "*.toml", "*.yml")
    for path in ROOT.rglob(pattern)
    if not {part for part in path.relative_to(ROOT).parts if part.startswith((".venv", "out"))}
]


def distribution(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")


def test_an_extra_is_for_what_the_wheel_holds() -> None:
    """Whoever has the wheel has edgevid alone: a library that it never imports is no use there."""
    names: set[str] = set()
    for path in files_in("edgevid"):
        names |= {name.split(".")[0] for name in imports_of(path.read_text("utf-8"))}
    known = packages_distributions()
    # One that is not installed here goes by the name of its module.
    found = {dist for name in names for dist in known.get(name, [name])}
    imported = {dist.lower().replace("_", "-") for dist in found} | {"edgevid"}
    assert {"numpy", "av", "tqdm"} <= imported
    # Ray is too large to be installed for tests; it has its import's name, as most have.
    imported |= names
    extras: dict[str, Any] = PROJECT["project"].get("optional-dependencies", {})
    for wanted in extras.values():
        assert {distribution(requirement) for requirement in wanted} <= imported


def test_the_wheel_holds_edgevid_alone() -> None:
    assert PROJECT["tool"]["setuptools"]["packages"] == {
        "find": {"include": ["edgevid", "edgevid.*"]}
    }


def test_the_group_for_tests_is_the_extra() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    assert GROUPS["archive"] == extras["archive"]


def test_groups_that_are_named_exist_and_all_are_of_use() -> None:
    named: set[str] = set()
    for path in TEXTS:
        named |= set(re.findall(r"--group[ =]([a-z]\w*)", path.read_text("utf-8")))
    included = {
        entry["include-group"]
        for group in GROUPS.values()
        for entry in group
        if isinstance(entry, dict)
    }
    assert named <= set(GROUPS)
    assert set(GROUPS) <= named | included


def test_nothing_names_an_extra() -> None:
    extras = set(PROJECT["project"].get("optional-dependencies", {}))
    for path in TEXTS:
        text = path.read_text("utf-8")
        found = re.findall(r"""(?:edgevid|["' ]\.|\.whl\)?"?)\[([a-z,]+)\]""", text)
        assert {name for names in found for name in names.split(",")} <= extras, path
