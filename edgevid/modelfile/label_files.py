"""The labels of a model whose file has none."""

from __future__ import annotations

from pathlib import Path

from edgevid.errors import LabelsError
from edgevid.modelfile import manifest


def read(path: str | Path) -> tuple[str, ...]:
    """Reads a file with a label a line, in the logits' order.

    Raises:
        LabelsError: it cannot be read, or is no list of labels.
    """
    try:
        return manifest.parse_labels(Path(path).read_text("utf-8"))
    except OSError as error:
        raise LabelsError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, LabelsError) as error:
        raise LabelsError(f"{path}: {error}") from error


def default(classes: int) -> tuple[str, ...]:
    """Returns the labels of a published model, which brings none: those of Kinetics-600.

    Raises:
        LabelsError: the model has another number of classes.
    """
    from importlib import resources  # here: a prepared file brings its own labels

    text = resources.files("edgevid").joinpath("labels", "kinetics_600.txt").read_text("utf-8")
    labels = manifest.parse_labels(text)
    if len(labels) != classes:
        raise LabelsError(f"{classes} classes and no labels: name a labels file")
    return labels
