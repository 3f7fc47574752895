"""What ``install.sh`` installs, as far as that can be told without a machine to install it on.

``benchmarks/boot.py`` runs it.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import apps.raspberry_pi as app

HERE = Path(app.__file__).parent
SCRIPT = HERE / "install.sh"
PROJECT = HERE.parents[1] / "pyproject.toml"
# The first versions without a known hole in what a stranger on the network can reach.
SAFE = {"starlette": (0, 49, 1), "h11": (0, 16, 0)}


def pinned(release: str, ending: str = "") -> dict[str, tuple[int, ...]]:
    """Returns the versions that are installed on a release of Debian."""
    text = (HERE / f"requirements-{release}{ending}.txt").read_text("utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, version, hashes = re.fullmatch(
            r"([\w-]+)==([\d.]+\d)(?:\.post\d+)?((?:\s+--hash=sha256:[0-9a-f]{64})+)\s*", line
        ).groups()  # type: ignore[union-attr]
        assert hashes
        found[name] = tuple(map(int, version.split(".")))
    return found


def test_the_script_can_be_read() -> None:
    subprocess.run(["sh", "-n", str(SCRIPT)], check=True)


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
def test_every_library_has_one_version_and_its_checksums(release: str) -> None:
    versions = pinned(release)
    project = tomllib.loads(PROJECT.read_text("utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["service"]]
    for requirement in [*wanted, "setuptools>=77"]:
        name, least = re.match(r"([\w-]+)>=([\d.]+)", requirement).groups()  # type: ignore[union-attr]
        assert versions[name] >= tuple(map(int, least.split("."))), requirement
    for name, least_safe in SAFE.items():
        assert versions[name] >= least_safe
    assert (versions["numpy"][0] == 1) == (release == "bookworm")  # as the system's packages


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
def test_what_notifications_need_goes_with_the_rest(release: str) -> None:
    always, more = pinned(release), pinned(release, "-notify")
    assert not always.keys() & more.keys()
    assert more["apprise"] >= (2, 3)


def test_nothing_is_installed_but_what_is_listed() -> None:
    script = SCRIPT.read_text("utf-8").replace("\\\n", " ")
    installs = re.findall(r'bin/pip" install (.*)', script)
    assert len(installs) == 2
    listed, itself = installs
    for flag in ("--require-hashes", "--no-deps", "--only-binary :all:"):
        assert flag in listed
    for flag in ("--no-index", "--no-deps", "--no-build-isolation"):
        assert flag in itself


def test_it_does_not_depend_on_roots_umask() -> None:
    lines = [line for line in SCRIPT.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert lines[1].startswith("umask 022")
    assert 'chmod -R u=rwX,go=rX "$home"' in lines
