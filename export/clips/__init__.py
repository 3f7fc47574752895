"""Labelled clips, in the forms in which people keep them."""

from export.clips.clip import Clip, Part
from export.clips.reading import read
from export.clips.splits import check, hold_out, with_groups

__all__ = ["Clip", "Part", "check", "hold_out", "read", "with_groups"]
