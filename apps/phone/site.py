"""Puts the page, LiteRT.js and the models together: a folder that any static host can serve."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import edgevid
from apps.phone.models import features_of
from edgevid import UsageError

_HERE = Path(__file__).parent
PAGE = _HERE / "page"
_LIBRARIES = _HERE / "node_modules" / "@litertjs"
_LABELS = Path(edgevid.__file__).parent / "labels" / "kinetics_600.txt"
# Of LiteRT.js: for browsers with relaxed SIMD, and for those without.
_RUNTIMES = ("litert_wasm_internal", "litert_wasm_compat_internal")
_CACHED_LATER = ("vendor/wasm/", "models/")  # large: the page says which of them it needs


def assemble(folder: Path, models: Mapping[str, Path]) -> None:
    """Writes the site.

    Args:
        folder: is made; what it holds already stays, unless it has a name of the site's.
        models: prepared for ``web``, by the names under which the page offers them.

    Raises:
        UsageError: LiteRT.js is not there.
    """
    if not (_LIBRARIES / "core").is_dir():
        raise UsageError(
            f"LiteRT.js is not there: run `npm ci` in {_HERE}, or `make phone` in the checkout"
        )
    shutil.copytree(
        PAGE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.d.ts", "__pycache__")
    )
    _copy_litert(folder / "vendor")
    shutil.copyfile(_LABELS, folder / "kinetics_600.txt")
    _copy_models(folder, models)
    _list_files(folder)


def _copy_litert(folder: Path) -> None:
    (folder / "wasm").mkdir(parents=True, exist_ok=True)
    core = (_LIBRARIES / "core" / "dist" / "index.js").read_text("utf-8")
    # A worker has no import map: the library's own import has to name a file.
    (folder / "litert.js").write_text(
        core.replace('"@litertjs/wasm-utils"', '"./wasm-utils.js"'), "utf-8"
    )
    shutil.copyfile(_LIBRARIES / "wasm-utils" / "dist" / "index.js", folder / "wasm-utils.js")
    for name in _RUNTIMES:
        for ending in (".js", ".wasm"):
            shutil.copyfile(
                _LIBRARIES / "core" / "wasm" / f"{name}{ending}",
                folder / "wasm" / f"{name}{ending}",
            )


def _copy_models(folder: Path, models: Mapping[str, Path]) -> None:
    (folder / "models").mkdir(exist_ok=True)
    listed = []
    for name, path in models.items():
        row: dict[str, Any] = {"name": name, **_copy_model(folder, path)}
        if features_of(path).exists():
            row["features"] = _copy_model(folder, features_of(path))
        listed.append(row)
    (folder / "models.json").write_text(json.dumps(listed, indent=2) + "\n", "utf-8")


def _copy_model(folder: Path, path: Path) -> dict[str, Any]:
    data, file = path.read_bytes(), f"models/{path.name}"
    (folder / file).write_bytes(data)
    return {"file": file, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _list_files(folder: Path) -> None:
    """Writes what the service worker is to keep, and a version that changes with any of it."""
    files = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in ("files.js", "sw.js"):
            files[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    version = hashlib.sha256(json.dumps(files).encode()).hexdigest()[:16]
    kept = [name for name in files if not name.startswith(_CACHED_LATER)]
    site = json.dumps({"version": version, "files": kept})
    (folder / "files.js").write_text(f"self.SITE = {site};\n", "utf-8")
