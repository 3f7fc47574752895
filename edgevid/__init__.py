"""edgevid: action recognition on a small device, live, for ever.

Example:
    >>> model = edgevid.load_model("camera-motion")
    >>> for prediction in edgevid.classify("clip.mp4", model):
    ...     print(f"{prediction.timestamp:.1f} s  {prediction.top.label}")
    0.0 s  still
    0.2 s  still
    ...

Importing edgevid loads neither a runtime nor OpenCV; they come with the first use.
"""

from edgevid.command import ArgumentParser, complain, guard
from edgevid.errors import (
    DownloadError,
    EdgevidError,
    LabelsError,
    MissingDependencyError,
    ModelError,
    OutputError,
    SourceError,
    UsageError,
)
from edgevid.events import EventDetector
from edgevid.jpeg import from_jpeg, to_jpeg
from edgevid.loading import load_model
from edgevid.loop import classify, freshest
from edgevid.manifest import EventDefaults, Manifest
from edgevid.model import Model, Stream, StreamState
from edgevid.model_files import is_at_hand
from edgevid.orientation import oriented
from edgevid.pace import Pace
from edgevid.percentiles import Percentiles
from edgevid.records import Event, Frame, Prediction, Score
from edgevid.sinks import draw, open_video
from edgevid.sources import Source, clips, open_source
from edgevid.sources.address import without_secrets
from edgevid.version import __version__
from edgevid.watch import Watch
from edgevid.whole_file import WholeFile, sweep, whole_file

__all__ = [
    "ArgumentParser",
    "DownloadError",
    "EdgevidError",
    "Event",
    "EventDefaults",
    "EventDetector",
    "Frame",
    "LabelsError",
    "Manifest",
    "MissingDependencyError",
    "Model",
    "ModelError",
    "OutputError",
    "Pace",
    "Percentiles",
    "Prediction",
    "Score",
    "Source",
    "SourceError",
    "Stream",
    "StreamState",
    "UsageError",
    "Watch",
    "WholeFile",
    "__version__",
    "classify",
    "clips",
    "complain",
    "draw",
    "freshest",
    "from_jpeg",
    "guard",
    "is_at_hand",
    "load_model",
    "open_source",
    "open_video",
    "oriented",
    "sweep",
    "to_jpeg",
    "whole_file",
    "without_secrets",
]
