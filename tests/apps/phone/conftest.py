"""The page's site, served, and a browser that looks at it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the page's libraries are not installed")
pytest.importorskip("uvicorn", reason="the page's libraries are not installed")

from apps.phone import models, site

PHONE_APP = site.PAGE.parent


@pytest.fixture(scope="session")
def libraries() -> None:
    """LiteRT.js and the type checker, installed."""
    if (PHONE_APP / "node_modules" / "@litertjs" / "core").is_dir():
        return
    if shutil.which("npm") is None:
        pytest.skip("LiteRT.js is not installed, and npm, which would, is not either")
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"],
        cwd=PHONE_APP, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode and "CI" not in os.environ:
        pytest.skip(f"npm cannot install LiteRT.js: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def built(libraries: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with the bundled model."""
    folder = tmp_path_factory.mktemp("phone")
    (folder / "models").mkdir()
    site.assemble(folder / "site", models.prepared(["camera-motion"], folder / "models"))
    return folder / "site"
