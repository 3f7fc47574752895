"""What an exported file may lose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from edgevid.errors import ModelError


@dataclass(frozen=True)
class Limits:
    """What an exported file may lose against the float network.

    Attributes:
        top1_drop: share of clips, 0 to 1.
        divergence: mean over the clips' ends, or over all frames of a taught file, in nats.
        drift: mean over the last third of a stream of three memories, in nats.
        live: in a taught file, how far any probability of a stream may be from what the head makes
            of the same features all at once.
    """

    top1_drop: float = 0.01
    divergence: float = 0.02
    drift: float = 0.04
    live: float = 1e-4


class Compared(Protocol):
    """A file that was compared."""

    def failures(self, limits: Limits) -> list[str]:
        """What is past a limit, in words; empty when all is well."""


def refuse(results: Mapping[str, Compared], limits: Limits) -> None:
    """Fails loudly.

    Raises:
        ModelError: a file is past a limit.
    """
    found = [
        f"{name}: {failure}"
        for name, result in results.items()
        for failure in result.failures(limits)
    ]
    if found:
        raise ModelError("; ".join(found))
