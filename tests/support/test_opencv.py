from __future__ import annotations

import os
import subprocess
import sys

import pytest

_ASK = "from edgevid.support.opencv import cv2; print(cv2.getNumThreads())"


@pytest.mark.parametrize(("asked", "threads"), [(None, "1"), ("2", "2")])
def test_threads(asked: str | None, threads: str) -> None:
    """One, unless the user asks for more: OpenCV's threads wait for each other in a loop."""
    environment = {k: v for k, v in os.environ.items() if k != "OPENCV_FOR_THREADS_NUM"}
    if asked:
        environment["OPENCV_FOR_THREADS_NUM"] = asked
    command = [sys.executable, "-c", _ASK]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.split() == [threads]
