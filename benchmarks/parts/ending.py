"""How what a benchmark or a test started comes to its end."""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from typing import Any, Self


class Stoppable(ABC):
    """Runs from the beginning of a ``with`` block, or since it was made, to the block's end."""

    def start(self) -> None:  # noqa: B027
        """Begins, and waits until it is ready; does nothing where making it does that."""

    @abstractmethod
    def stop(self) -> None:
        """Ends, and waits for that."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def wait_or_kill(process: subprocess.Popen[Any], seconds: float) -> None:
    """Waits until a process that was told to end has ended; one that does not is killed."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
