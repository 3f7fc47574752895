"""Keeps features beside a run; a problem with their file does not end the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgevid.errors import EdgevidError
from edgevid.records import Prediction
from edgevid.runtime.feature_file import Network
from edgevid.runtime.kept_features import FeatureWriter
from edgevid.runtime.model import Model
from edgevid.runtime.watch import Watch


class Keeper:
    """Keeps features until their file cannot be used any more.

    Args:
        path: the file.
        model: whose features they are.
        budget: bytes that the file may have.
        complain: is told, once, what is wrong with the file.

    Raises:
        UsageError: the model gives no features.
    """

    def __init__(
        self, path: Path, model: Model, budget: int, complain: Callable[[EdgevidError], None]
    ) -> None:
        network = Network.of(model)
        self._complain = complain
        self._writer: FeatureWriter | None = None
        try:
            self._writer = FeatureWriter(path, network, budget)
        except EdgevidError as error:
            complain(error)

    def add(self, watch: Watch, prediction: Prediction) -> None:
        """Keeps the features behind a prediction; of a step that was saved, those before."""
        self._try(lambda writer: writer.add(watch.stream.features, prediction.timestamp))

    def end(self) -> None:
        """What comes next has nothing to do with what was before."""
        self._try(lambda writer: writer.end())

    def close(self) -> None:
        """Writes what is left. Harmless when it was called before."""
        self._try(lambda writer: writer.close())
        self._writer = None

    def _try(self, use: Callable[[FeatureWriter], None]) -> None:
        if self._writer is None:
            return
        try:
            use(self._writer)
        except EdgevidError as error:
            self._writer = None
            self._complain(error)
