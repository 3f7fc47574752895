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

# Untyped on purpose: the type stubs differ from release to release of OpenCV.
cv2: Any = importlib.import_module("cv2")
