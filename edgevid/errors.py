"""The errors that edgevid raises.

One root, so that a program can catch all of them with one ``except``; each child is also the
builtin that a caller would expect. A message says what, where, and what to do, in one line.
"""


class EdgevidError(Exception):
    """The root of all edgevid errors."""


class UsageError(EdgevidError, ValueError):
    """The request itself makes no sense: a wrong flag or a wrong argument."""


class SourceError(EdgevidError, OSError):
    """A camera, file or stream cannot be opened, or stopped giving frames."""


class ModelError(EdgevidError, ValueError):
    """A model file is damaged, or is not a MoViNet streaming network."""


class LabelsError(EdgevidError, ValueError):
    """The labels do not fit the model."""


class DownloadError(EdgevidError, OSError):
    """A model could not be fetched, or is not the file it should be."""


class OutputError(EdgevidError, OSError):
    """A result cannot be written."""


class MissingDependencyError(EdgevidError, ImportError):
    """An optional library is not installed; the message names the command that installs it."""
