"""edgevid: continuous action recognition on small devices.

Example:
    >>> model = edgevid.load_model("camera-motion")
    >>> for prediction in edgevid.classify("clip.mp4", model):
    ...     print(f"{prediction.timestamp:.1f} s  {prediction.top.label}")
    0.0 s  still
    0.2 s  still
    ...

Importing edgevid loads next to nothing: what a name needs comes with its first use, a runtime and
OpenCV with the first step.
"""

import importlib
from typing import TYPE_CHECKING

from edgevid.classify import classify
from edgevid.version import __version__

if TYPE_CHECKING:
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
    from edgevid.regions import finds_people, follow
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
    "finds_people",
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

# Which module brings which names, at their first use; the imports above say the same to type
# checkers. ``classify`` is not among them: its module has that name too, and would take its place.
_HOMES = {
    "errors": "DownloadError EdgevidError LabelsError MissingDependencyError ModelError "
    "OutputError SourceError UsageError",
    "modelfile.manifest": "EventRules Manifest",
    "models.load": "load_model",
    "models.locate": "is_available",
    "records": "Event Frame Prediction Score",
    "regions": "finds_people follow",
    "regions.following": "FollowingWatch",
    "regions.zones": "Zone parse_zones",
    "runtime.events": "EventDetector",
    "runtime.kept_features": "FeatureWriter KeptFeatures keep_features",
    "runtime.model": "Model Stream StreamState",
    "runtime.pace": "Pace",
    "runtime.rules": "RuleChanges load_rules",
    "runtime.watch": "Watch",
    "sinks": "Sink draw open_video",
    "sources": "ReplaySource Source clips freshest open_source",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

if not TYPE_CHECKING:  # to whom it would mean that there is a name for everything

    def __getattr__(name: str) -> object:
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = importlib.import_module(f"edgevid.{_HOME_OF[name]}")
        value = globals()[name] = getattr(home, name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
