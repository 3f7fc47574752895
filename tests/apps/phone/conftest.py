"""The page's site, served, and a browser that looks at it."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the page's libraries are not installed")
pytest.importorskip("uvicorn", reason="the page's libraries are not installed")

from apps.phone import models, server, site
from tests.apps.browser import Browser

PHONE_APP = site.PAGE.parent


@contextmanager
def serving(folder: Path, *, cert: Path | None = None, key: Path | None = None) -> Iterator[str]:
    """Serves a folder as the command does; gives its address."""
    running = server.server(folder, cert=cert, key=key)
    listening = server.listen("localhost", 0)
    thread = threading.Thread(target=server.serve, args=(running, listening), daemon=True)
    thread.start()
    try:
        yield f"{'https' if cert else 'http'}://localhost:{listening.getsockname()[1]}/"
    finally:
        running.should_exit = True
        thread.join(30)


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


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started
