"""Animated WebP pictures, which FFmpeg cannot decode, through OpenCV."""

from __future__ import annotations

from collections.abc import Iterator

from edgevid.errors import SourceError
from edgevid.records import Frame
from edgevid.sources.base import Source
from edgevid.support.opencv import cv2

_SHORTEST_S = 0.01  # of one picture; 0 stands for "as fast as possible"


class AnimatedWebpSource(Source):
    """The pictures of an animated WebP.

    Args:
        path: the file.
        name: for messages and results.

    Raises:
        SourceError: it cannot be decoded, is a single picture, or this OpenCV cannot do it.
    """

    is_live = False

    def __init__(self, path: str, name: str) -> None:
        self.name = name
        self.unreadable = 0
        try:
            decoded, animation = cv2.imreadanimation(path)
        except AttributeError as error:  # before OpenCV 4.11
            raise SourceError(
                f"{name}: this OpenCV cannot play WebP: convert it first: magick {name} clip.gif"
            ) from error
        except (cv2.error, UnicodeError) as error:
            raise SourceError(f"{name}: cannot be read as a video: damaged") from error
        if not decoded or len(animation.frames) < 2:
            raise SourceError(f"{name}: is a photograph, not a video")
        self._pictures = animation.frames
        self._durations = [max(_SHORTEST_S, float(ms) / 1000) for ms in animation.durations]
        self.length: int | None = len(self._pictures)
        self.fps: float | None = self.length / sum(self._durations)

    def __iter__(self) -> Iterator[Frame]:
        timestamp = 0.0
        for index, (picture, seconds) in enumerate(
            zip(self._pictures, self._durations, strict=True)
        ):
            has_alpha = picture.shape[2] == 4
            code = cv2.COLOR_BGRA2RGB if has_alpha else cv2.COLOR_BGR2RGB
            yield Frame(cv2.cvtColor(picture, code), timestamp, index)
            timestamp += seconds

    def close(self) -> None:
        """Nothing is held open."""
