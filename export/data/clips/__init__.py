"""Labelled clips, in the forms in which people keep them."""

from export.data.clips.clip import Clip, Part
from export.data.clips.reading import read
from export.data.clips.splits import check, hold_out, with_groups

__all__ = ["Clip", "Part", "check", "hold_out", "read", "with_groups"]
