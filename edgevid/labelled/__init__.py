"""Labelled clips in folders and lists."""

from edgevid.labelled.clip import Clip, Part
from edgevid.labelled.reading import read
from edgevid.labelled.splits import check, deal, hold_out, with_groups

__all__ = ["Clip", "Part", "check", "deal", "hold_out", "read", "with_groups"]
