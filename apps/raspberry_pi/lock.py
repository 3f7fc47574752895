"""``python -m apps.raspberry_pi.lock``: writes down which libraries ``install.sh`` installs.

For each release of Debian one file with the newest versions that go together, and one with what
notifications need besides; with the SHA-256 of each wheel, for both processors. Needs the network.
To be run, and the service's tests after it, when a library has a new version that is wanted.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_PROJECT = _HERE.parents[1] / "pyproject.toml"
_PROCESSORS = ("aarch64", "x86_64")
_ALSO = ("setuptools>=77", "wheel")  # to install edgevid itself without asking the network

# Python, glibc, and what the system's own libraries demand: on Bookworm they are built for numpy 1,
# which picamera2 shares with us.
_RELEASES: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "bookworm": ("3.11", 36, ("numpy<2",)),
    "trixie": ("3.13", 41, ()),
}


def main() -> int:
    """Writes the files."""
    project = tomllib.loads(_PROJECT.read_text("utf-8"))
    groups = project["dependency-groups"]
    wanted = [*project["project"]["dependencies"], *groups["service"], *_ALSO]
    for release, (_, _, demands) in _RELEASES.items():
        always = _write(release, "", [*wanted, *demands], set())
        # What only notifications need, beside the same versions of all else.
        _write(release, "-notify", [*groups["notify"], *always], set(always))
    return 0


def _write(release: str, ending: str, wanted: list[str], but: set[str]) -> list[str]:
    """Writes one file; returns all that it and ``but`` have, as ``name==version``."""
    python, glibc, _ = _RELEASES[release]
    pins: list[str] = []
    hashes: dict[str, set[str]] = {}
    for processor in _PROCESSORS:
        found = _resolved([*wanted, *pins], python, glibc, processor)
        pins = list(found)  # the other processor is to have the same versions
        for pin, sha256 in found.items():
            if pin not in but:
                hashes.setdefault(pin, set()).add(sha256)
    lines = [f"# Made by python -m apps.raspberry_pi.lock, for Python {python}."]
    for pin in sorted(hashes):
        lines.append(f"{pin} \\")
        lines += [f"    --hash=sha256:{sha256} \\" for sha256 in sorted(hashes[pin])]
        lines[-1] = lines[-1].removesuffix(" \\")
    path = _HERE / f"requirements-{release}{ending}.txt"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{path.name}: {len(hashes)} libraries")
    return pins


def _resolved(wanted: list[str], python: str, glibc: int, processor: str) -> dict[str, str]:
    """Returns what pip would install: ``name==version`` and the wheel's SHA-256."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        platforms = [f"manylinux_2_{minor}_{processor}" for minor in range(glibc, 4, -1)]
        platforms += [f"manylinux2014_{processor}", f"linux_{processor}"]
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"]
        command += ["--quiet", "--only-binary", ":all:", "--target", folder]
        command += ["--python-version", python, "--report", str(report)]
        command += [f"--platform={platform}" for platform in platforms]
        subprocess.run([*command, *wanted], check=True)
        told: dict[str, Any] = json.loads(report.read_text("utf-8"))
    return {
        f"{_name(one)}=={one['metadata']['version']}": one["download_info"]["archive_info"][
            "hashes"
        ]["sha256"]
        for one in told["install"]
    }


def _name(one: dict[str, Any]) -> str:
    return re.sub(r"[-_.]+", "-", one["metadata"]["name"]).lower()


if __name__ == "__main__":
    sys.exit(main())
