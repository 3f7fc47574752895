"""Run by ``test_picamera.py`` where the real picamera2 is; prints what it sees."""

from __future__ import annotations

import sys
import time
from typing import Any

from picamera2 import Picamera2

from edgevid import SourceError, open_source
from edgevid.sources import picamera
from edgevid.testing import check_source


def main(red: int, green: int, blue: int) -> None:
    """Checks the camera, whose picture has this RGB colour."""
    check_source(open_source("picamera"), take=30, colour=(red, green, blue))
    print("contract kept")

    with open_source("picamera"):
        try:
            open_source("picamera")
        except SourceError as error:
            print(error)

    picamera._PATIENCE_S = 0.5
    with open_source("picamera") as source:
        frames = iter(source)
        next(frames)
        Picamera2.process_requests = without_pictures
        try:
            list(frames)
        except SourceError as error:
            print(error)


def without_pictures(self: Any, display: object) -> None:
    """What the event loop does, but for handing anything over."""
    time.sleep(0.03)
    with self._requestslock:
        requests, self._requests = self._requests, []
    for request in requests:
        request.release()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
