"""The site's files, the commands that make and serve it, and the types of its programs."""

from __future__ import annotations

import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from apps.phone import __main__, models, site
from benchmarks.parts.phone_page import serving
from edgevid import ModelError, UsageError
from tests.apps.phone.conftest import PHONE_APP


def test_types(libraries: None) -> None:
    if shutil.which("npx") is None:
        pytest.skip("npx is not installed")
    done = subprocess.run(
        ["npx", "--no-install", "tsc", "--project", "jsconfig.json"],
        cwd=PHONE_APP, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_the_lock_file_names_no_registry() -> None:
    lock = (PHONE_APP / "package-lock.json").read_text()
    assert "http" not in re.sub(r'"url": "[^"]*"', "", lock)  # where somebody gives money
    packages = json.loads(lock)["packages"]
    assert all("integrity" in about for name, about in packages.items() if name)


def test_what_the_page_asks_for_is_there(built: Path) -> None:
    for page in ("index.html", "bench.html"):
        text = (built / page).read_text()
        for name in re.findall(r'(?:href|src)="([^":]+\.\w+)"', text):
            assert (built / name).is_file(), name
    for script in built.rglob("*.js"):
        if "wasm" in script.parts:
            continue
        for name in re.findall(r'(?:from|import\() ?"(\.[^"]+)"', script.read_text()):
            assert (script.parent / name).is_file(), f"{script}: {name}"
    icons = json.loads((built / "manifest.webmanifest").read_text())["icons"]
    assert all((built / icon["src"]).is_file() for icon in icons)


def test_models_are_listed_by_checksum(built: Path) -> None:
    import hashlib

    (model,) = json.loads((built / "models.json").read_text())
    data = (built / model["file"]).read_bytes()
    assert (model["name"], model["size"]) == ("camera-motion", len(data))
    assert model["sha256"] == hashlib.sha256(data).hexdigest()


def test_the_version_changes_with_any_file(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "site")
    before = (built / "files.js").read_text()
    site._list_files(tmp_path / "site")
    assert (tmp_path / "site" / "files.js").read_text() == before
    (tmp_path / "site" / "style.css").write_text("* { color: red }")
    site._list_files(tmp_path / "site")
    assert (tmp_path / "site" / "files.js").read_text() != before


def test_headers(built: Path) -> None:
    with serving(built) as address:
        with urllib.request.urlopen(f"{address}vendor/wasm/litert_wasm_internal.wasm") as answer:
            assert answer.headers["content-type"] == "application/wasm"
            assert answer.headers["cross-origin-embedder-policy"] == "require-corp"
            assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        with urllib.request.urlopen(address) as answer:
            assert b"<title>edgevid</title>" in answer.read()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{address}../models.py")


def test_with_a_certificate_it_is_at_https(built: Path, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-days", "2", "-out", cert, "-keyout", key],
        check=True, capture_output=True,
    )  # fmt: skip
    with serving(built, cert=cert, key=key) as address:
        assert address.startswith("https:")
        trust = ssl.create_default_context(cafile=str(cert))
        with urllib.request.urlopen(address, context=trust) as answer:
            assert answer.status == 200


def test_no_certificate_that_can_be_used(built: Path, tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("hello")
    with (
        pytest.raises(UsageError, match=r"cert\.pem: no certificate that can be used"),
        serving(built, cert=tmp_path / "cert.pem"),
    ):
        pass


def test_no_such_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nothing\.tflite"):
        models.prepared([str(tmp_path / "nothing.tflite")], tmp_path)


def test_write_leaves_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kept").mkdir()
    assert __main__.main(["--write", str(tmp_path / "kept")]) == 2
    assert "is there already" in capsys.readouterr().err


def test_without_litert_js_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "_LIBRARIES", tmp_path / "nowhere")
    with pytest.raises(UsageError, match="npm ci"):
        site.assemble(tmp_path / "site", {})


def test_the_command_serves(libraries: None) -> None:
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "apps.phone", "--model", "camera-motion", "--port", str(port)],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert "Address already in use" in done.stderr
    process = subprocess.Popen(
        [sys.executable, "-m", "apps.phone", "--model", "camera-motion", "--port", "0"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    with urllib.request.urlopen(f"{address}models.json") as answer:
        assert json.loads(answer.read())[0]["name"] == "camera-motion"
    process.terminate()
    process.wait(30)
