"""edgevid: action recognition on a small device, live, for ever.

    import edgevid

    model = edgevid.load_model("movinet-a0")
    for prediction in edgevid.classify("clip.mp4", model):
        print(f"{prediction.timestamp:6.1f} s  {prediction.top.label}")

Importing edgevid loads neither a runtime nor OpenCV; they come with the first use.
"""

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
from edgevid.loading import load_model
from edgevid.loop import classify
from edgevid.manifest import Manifest
from edgevid.model import Model, Stream, StreamState
from edgevid.records import Frame, Prediction, Score
from edgevid.sources import Source, clips, open_source
from edgevid.version import __version__

__all__ = [
    "DownloadError",
    "EdgevidError",
    "Frame",
    "LabelsError",
    "Manifest",
    "MissingDependencyError",
    "Model",
    "ModelError",
    "OutputError",
    "Prediction",
    "Score",
    "Source",
    "SourceError",
    "Stream",
    "StreamState",
    "UsageError",
    "__version__",
    "classify",
    "clips",
    "load_model",
    "open_source",
]
