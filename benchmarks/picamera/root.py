"""The Debian with picamera2 that ``make_root.sh`` builds, made ready for one run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgevid import UsageError
from edgevid.support.opencv import cv2

REPOSITORY = Path(__file__).parents[2]
# Every Python inside, the service's capture processes too, begins with the four shims that a
# machine without a Pi needs: Python imports ``sitecustomize`` by itself.
_SHIMS = "import benchmarks.picamera.shims\n"
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/bin",
    "PYTHONPATH": "/edgevid/shims:/edgevid",
    # The virtual camera forgets to say whether a picture is whole. Memory that is all zeros
    # when it is handed out says so in its place.
    "GLIBC_TUNABLES": "glibc.malloc.perturb=255:glibc.malloc.tcache_count=0",
}


def prepare(root: Path) -> None:
    """Puts this repository's code and an empty scene into the Debian.

    Raises:
        UsageError: this process is not root, and so may not chroot.
    """
    if os.geteuid() != 0:
        raise UsageError(f"only root may chroot into {root}")
    shutil.rmtree(root / "edgevid", ignore_errors=True)
    for name in ("edgevid", "apps", "benchmarks"):
        shutil.copytree(REPOSITORY / name, root / "edgevid" / name)
    for name in ("scene", "shims"):
        (root / "edgevid" / name).mkdir()
    (root / "edgevid" / "shims" / "sitecustomize.py").write_text(_SHIMS)


def show(root: Path, pictures: Iterable[NDArray[np.uint8]]) -> None:
    """Puts RGB pictures in front of the camera, which shows them again and again."""
    for number, picture in enumerate(pictures):
        fitting = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), (640, 480))
        cv2.imwrite(str(root / "edgevid" / "scene" / f"{number}.jpg"), fitting)


def command(root: Path, *arguments: str) -> list[str]:
    """Returns what runs a module of this repository inside."""
    return ["chroot", str(root), "/venv/bin/python", "-m", *arguments]
