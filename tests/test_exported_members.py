"""The names that other people's programs rely on."""

from __future__ import annotations

import ast
import importlib
import inspect
from dataclasses import fields
from pathlib import Path

import pytest

import edgevid

PROMISED = {"Frame", "Prediction", "Score", "classify", "load_model", "open_source"}


def test_what_is_imported_is_exported() -> None:
    """Type checkers read the imports; who runs it gets what they say."""
    source = Path(edgevid.__file__).read_text("utf-8")
    imported = [
        (node.module, alias.name)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("edgevid.")
        for alias in node.names
    ]
    assert sorted(edgevid.__all__) == sorted(name for _, name in imported)
    for module, name in imported:
        assert getattr(edgevid, name) is getattr(importlib.import_module(module), name)
    assert set(dir(edgevid)) >= set(edgevid.__all__)


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(AttributeError, match="module 'edgevid' has no attribute 'load_modle'"):
        edgevid.load_modle  # type: ignore[attr-defined]  # noqa: B018


def test_the_promised_names_are_there() -> None:
    assert set(edgevid.__all__) >= PROMISED


@pytest.mark.parametrize("name", sorted(set(edgevid.__all__) - {"__version__"}))
def test_everything_public_says_what_it_is(name: str) -> None:
    member = getattr(edgevid, name)
    # Neither the parent's text nor the one that dataclass makes up from the fields.
    text = vars(member).get("__doc__") if inspect.isclass(member) else member.__doc__
    assert text
    assert not text.startswith(f"{name}(")
    assert member.__module__.startswith("edgevid.")


@pytest.mark.parametrize(
    ("record", "names"),
    [
        (edgevid.Frame, ["image", "timestamp", "index"]),
        (edgevid.Score, ["label", "probability"]),
        (edgevid.Prediction, ["timestamp", "index", "scores", "inference_ms", "track", "box"]),
    ],
)
def test_the_records(record: type, names: list[str]) -> None:
    assert [field.name for field in fields(record)] == names


@pytest.mark.parametrize(
    ("function", "optional"),
    [
        (edgevid.load_model, {"labels": None, "threads": 1, "backend": "auto"}),
        (edgevid.classify, {"top_k": 5}),
    ],
)
def test_options_have_their_promised_defaults(
    function: object, optional: dict[str, object]
) -> None:
    parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    named = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert named.items() >= optional.items()


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (edgevid.SourceError, OSError),
        (edgevid.ModelError, ValueError),
        (edgevid.LabelsError, ValueError),
        (edgevid.DownloadError, OSError),
        (edgevid.OutputError, OSError),
        (edgevid.UsageError, ValueError),
        (edgevid.MissingDependencyError, ImportError),
    ],
)
def test_errors_are_also_the_builtin_that_a_caller_expects(
    error: type[Exception], builtin: type[Exception]
) -> None:
    assert issubclass(error, edgevid.EdgevidError)
    assert issubclass(error, builtin)
