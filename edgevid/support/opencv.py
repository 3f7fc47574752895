"""Loads OpenCV; no other module does.

FFmpeg and OpenCV write their own complaints to standard error; edgevid says what went wrong in
its own words, once, so theirs are switched off unless the user has asked for them.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
# OpenCV's threads wait for work in a loop: for pictures as small as a network's that takes more of
# the processor than they save. A second of two people who are followed costs a fifth less with one.
os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")

# Untyped on purpose: the type stubs differ from release to release of OpenCV.
cv2: Any = importlib.import_module("cv2")
