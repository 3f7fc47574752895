"""The interface of all sources of frames."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self

from edgevid.records import Frame


class Source(Protocol):
    """Gives frames, one after the other: a file, a folder of pictures, a camera, a URL.

    A context manager that can be iterated once. Timestamps strictly increase; indices count
    from 0. A source that cannot go on raises ``SourceError``; one that simply ends, ends.

    Attributes:
        name: for messages and results; holds no password.
        is_live: whether frames come in real time, and are lost when they are not taken.
        fps: its nominal frame rate, None when unknown.
        length: how many frames to expect, None when unknown or endless.
        unreadable: frames so far that could not be decoded and were passed over.

    Example:
        >>> with edgevid.open_source("clip.mp4") as source:
        ...     print(source.name, source.is_live, source.fps)
        clip.mp4 False 10.0
    """

    name: str
    is_live: bool
    fps: float | None
    length: int | None
    unreadable: int

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]: ...

    def skip_to(self, seconds: float) -> bool:
        """Lets it begin later, at the last frame not after a time from which it can be decoded.

        To be called before it is iterated. Then its indices count from there.

        Args:
            seconds: the time, as frames have it.

        Returns:
            Whether it can; else it begins at its beginning.
        """
        return False

    @abstractmethod
    def close(self) -> None:
        """Lets go of the file or device. Can be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
