"""Builds what an ARM program needs to run here: ``python -m benchmarks.arm.sysroot FOLDER``.

Everything goes into one folder: QEMU's user-mode emulation, Debian's arm64 Python and C library,
the published aarch64 wheels, and a folder for each board that shows its processor. Nothing is
installed on this machine, and no rights are needed. The packages come from this machine's own
package sources, which must be those of Debian bookworm.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.arm.boards import BOARDS
from edgevid.errors import MissingDependencyError, OutputError
from edgevid.support import command

EMULATOR = "qemu-user"
GUEST = ("python3.11-minimal", "libpython3.11-stdlib", "libgcc-s1", "libstdc++6")
# The counts hold for this runtime: another one has other kernels.
LITERT = "2.3.0"
WHEELS = (
    f"ai-edge-litert=={LITERT}",
    "numpy==2.4.6",
    "opencv-python-headless==5.0.0.93",
    "av==18.0.0",
)
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_27_aarch64", "manylinux_2_28_aarch64")
PLUGIN = Path(__file__).with_name("count.c")


def build(root: Path) -> None:
    """Builds the sysroot, or what is missing of it.

    Raises:
        MissingDependencyError: this machine lacks a tool, or its sources a package.
    """
    root.mkdir(parents=True, exist_ok=True)
    if not (root / "host").exists():
        _unpack_packages(root)
    if not all(
        (root / "site" / one).exists() for one in (f"ai_edge_litert-{LITERT}.dist-info", "av")
    ):
        install_wheels(root / "site", WHEELS)
    for board in BOARDS:
        folder = root / board.name
        (folder / "proc").mkdir(parents=True, exist_ok=True)
        (folder / "proc/cpuinfo").write_text(board.cpuinfo)
        for part in ("lib", "usr"):
            if not (folder / part).is_symlink():
                (folder / part).symlink_to(Path("..", "guest", part))
    _run("gcc", "-shared", "-fPIC", "-O2", "-o", str(root / "count.so"), str(PLUGIN))


def _unpack_packages(root: Path) -> None:
    apt = root / "apt"
    for folder in ("lists/partial", "archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    get = (
        "apt-get", "--quiet", "--yes", "--no-install-recommends",
        "-o", "APT::Architectures::=amd64", "-o", "APT::Architectures::=arm64",
        # A state of its own, in which nothing is installed: the machine's stays as it is.
        "-o", f"Dir::State={apt}", "-o", "Dir::State::status=/dev/null", "-o", f"Dir::Cache={apt}",
        "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=",
    )  # fmt: skip
    _run(*get, "update")
    guest = (f"{package}:arm64" for package in GUEST)
    _run(*get, "--download-only", "install", f"{EMULATOR}:amd64", *guest)
    for folder, architecture in (("guest", "arm64"), ("host", "amd64")):
        part = root / f"{folder}.part"
        for package in sorted((apt / "archives").glob(f"*_{architecture}.deb")):
            _run("dpkg", "-x", str(package), str(part))
        _name(part, root / folder)


def install_wheels(site: Path, wanted: Iterable[str]) -> None:
    """Has pip install aarch64 wheels into a folder, in place of what is there.

    Raises:
        MissingDependencyError: pip failed.
    """
    part = site.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    platforms = (word for platform in PLATFORMS for word in ("--platform", platform))
    _run(
        sys.executable, "-m", "pip", "install", "--quiet", "--target", str(part),
        "--implementation", "cp", "--python-version", "3.11", "--only-binary", ":all:",
        *platforms, *wanted,
    )  # fmt: skip
    _name(part, site)


def _name(part: Path, whole: Path) -> None:
    """Gives a finished folder its name."""
    shutil.rmtree(whole, ignore_errors=True)
    part.rename(whole)


def _run(*words: str) -> None:
    try:
        subprocess.run(words, check=True, env={**os.environ, "LC_ALL": "C"})
    except FileNotFoundError as error:
        raise MissingDependencyError(
            f"{words[0]} is not installed: the sysroot is built on Debian bookworm with "
            "apt, dpkg and gcc"
        ) from error
    except subprocess.CalledProcessError as error:
        raise MissingDependencyError(
            f"{words[0]} failed ({error.returncode}); its own message is above. The sysroot "
            "needs the package sources of Debian bookworm"
        ) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command.ArgumentParser(
        prog="python -m benchmarks.arm.sysroot", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("folder", type=Path, help="for the sysroot")
    chosen = parser.parse_args(arguments)

    def run() -> int:
        root = chosen.folder.resolve()
        try:
            build(root)
        except OSError as error:
            raise OutputError(f"{root}: cannot be written: {error.strerror}") from error
        return command.OK

    return command.guard(run)


if __name__ == "__main__":
    sys.exit(main())
