"""Teaches a prepared network new labels: a head, from a few clips, with numpy alone."""

from edgevid.teach.model_file import taught

__all__ = ["taught"]
