"""Keeps a camera's features on disk; a full disk stops no camera."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from pathlib import Path

from apps.raspberry_pi.config import CameraConfig
from edgevid import EdgevidError, FeatureWriter, Model, Stream, keep_features

_LOG = logging.getLogger("edgevid.service")

_AGAIN_S = 60.0  # between attempts to open a file that could not be used


def open_keepers(cameras: Iterable[CameraConfig], model: Model) -> dict[str, Keeper]:
    """Returns, by name, the keepers of those cameras whose features are to be kept."""
    return {
        camera.name: Keeper(camera.name, camera.features, model, camera.features_mb)
        for camera in cameras
        if camera.features is not None
    }


class Keeper:
    """Keeps one camera's features; says once when it cannot, and tries again every minute.

    Args:
        camera: its name.
        path: the file.
        model: shared by all cameras.
        megabytes: that the file may have.
    """

    def __init__(self, camera: str, path: Path, model: Model, megabytes: float) -> None:
        self._camera = camera
        self._path = path
        self._model = model
        self._budget = int(megabytes * 1e6)
        self._writer: FeatureWriter | None = None
        self._tried = -_AGAIN_S
        self._failing = False

    def add(self, stream: Stream, timestamp: float) -> None:
        """Keeps the features of the frame that a stream saw last."""
        try:
            if self._writer is None:
                if time.monotonic() - self._tried < _AGAIN_S:
                    return
                self._tried = time.monotonic()
                self._writer = keep_features(self._path, self._model, budget=self._budget)
            self._writer.add(stream.features, timestamp)
        except EdgevidError as error:
            self._fail(error)
        else:
            if self._failing:
                self._failing = False
                _LOG.info("%s: features are kept again", self._camera)

    def use(self, model: Model) -> None:
        """Another model runs from now on; features of another network go on in no file."""
        self._model = model

    def end(self) -> None:
        """What comes next has nothing to do with what was before; what is held goes to disk."""
        try:
            if self._writer is not None:
                self._writer.end()
        except EdgevidError as error:
            self._fail(error)

    def _fail(self, error: EdgevidError) -> None:
        self._writer = None
        if not self._failing:
            self._failing = True
            _LOG.error("%s: %s", self._camera, error)
