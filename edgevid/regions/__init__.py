"""Watches parts of the picture: what moves, or people, each followed with a stream of its own."""

from edgevid.regions.finder import ByDetector, ByMotion, Detector, Finder
from edgevid.regions.follow import Followed, FollowingWatch

__all__ = ["ByDetector", "ByMotion", "Detector", "Finder", "Followed", "FollowingWatch"]
