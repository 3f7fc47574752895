"""Models made ready for a browser, with the commands that a user would type."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from edgevid import ModelError

DEFAULT = ("movinet-a0", "camera-motion")  # the first is what the page begins with


def prepared(names: Sequence[str], folder: Path) -> dict[str, Path]:
    """Prepares models for the page; returns their files by name, in the same order.

    Args:
        names: of models, or paths of files. Where empty, those of ``DEFAULT`` that are found.
        folder: where the files go.

    Raises:
        ModelError: there is no such model, or it cannot be prepared; the message says why.
    """
    known: dict[str, Path] = {
        row["name"]: Path(row["path"])
        for row in _json("edgevid.models", "--json")
        if row["path"] is not None
    }
    found: dict[str, Path] = {}
    for wanted in names or [name for name in DEFAULT if name in known]:
        source = known.get(wanted, Path(wanted))
        name = wanted if wanted in known else source.stem
        found[name] = folder / f"{name}.tflite"
        prepare = ["edgevid.prepare", str(source), "--target", "web", "--name", name]
        _run(*prepare, "-o", str(found[name]))
        with suppress(ModelError):  # then it runs in the page, but cannot be taught there
            _run(*prepare, "--features", "-o", str(features_of(found[name])))
    return found


def features_of(model: Path) -> Path:
    """Returns where the same network is up to its features, on which a head is taught."""
    return model.with_name(f"{model.stem}-features.tflite")


def _json(*command: str) -> Any:
    return json.loads(_run(*command))


def _run(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        problem = done.stderr.strip().rpartition("\n")[2].removeprefix("edgevid: ")
        raise ModelError(problem or f"{command[0]} ended with code {done.returncode}")
    return done.stdout
