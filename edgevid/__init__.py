"""edgevid: continuous action recognition on small devices.

Example:
    >>> model = edgevid.load_model("camera-motion")
    >>> for prediction in edgevid.classify("clip.mp4", model):
    ...     print(f"{prediction.timestamp:.1f} s  {prediction.top.label}")
    0.0 s  still
    0.2 s  still
    ...

Importing edgevid loads neither a runtime nor OpenCV; they come with the first use.
"""

from edgevid.classify import classify
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
from edgevid.modelfile.manifest import EventRules, Manifest
from edgevid.models.load import load_model
from edgevid.models.locate import is_available
from edgevid.records import Event, Frame, Prediction, Score
from edgevid.regions import follow
from edgevid.regions.following import FollowingWatch
from edgevid.regions.zones import Zone, parse_zones
from edgevid.runtime.events import EventDetector
from edgevid.runtime.kept_features import FeatureWriter, KeptFeatures, keep_features
from edgevid.runtime.model import Model, Stream, StreamState
from edgevid.runtime.pace import Pace
from edgevid.runtime.rules import RuleChanges, load_rules
from edgevid.runtime.watch import Watch
from edgevid.sinks import Sink, draw, open_video
from edgevid.sources import ReplaySource, Source, clips, freshest, open_source
from edgevid.version import __version__

__all__ = [
    "DownloadError",
    "EdgevidError",
    "Event",
    "EventDetector",
    "EventRules",
    "FeatureWriter",
    "FollowingWatch",
    "Frame",
    "KeptFeatures",
    "LabelsError",
    "Manifest",
    "MissingDependencyError",
    "Model",
    "ModelError",
    "OutputError",
    "Pace",
    "Prediction",
    "ReplaySource",
    "RuleChanges",
    "Score",
    "Sink",
    "Source",
    "SourceError",
    "Stream",
    "StreamState",
    "UsageError",
    "Watch",
    "Zone",
    "__version__",
    "classify",
    "clips",
    "draw",
    "follow",
    "freshest",
    "is_available",
    "keep_features",
    "load_model",
    "load_rules",
    "open_source",
    "open_video",
    "parse_zones",
]
