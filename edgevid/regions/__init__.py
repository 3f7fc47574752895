"""Watches parts of the picture: what moves, or people, each followed with a stream of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgevid.errors import UsageError
from edgevid.modelfile.manifest import EventRules, Manifest
from edgevid.models.catalog import PERSON_DETECTOR
from edgevid.regions.zones import Zone
from edgevid.runtime.model import Stream

if TYPE_CHECKING:
    from edgevid.regions.finder import Finder
    from edgevid.regions.following import FollowingWatch

FOLLOWS = Manifest.FOLLOWS
TRACKS = 4  # at a time: a stream takes a step for each


def follow(
    what: str,
    new_stream: Callable[[], Stream],
    *,
    rules: EventRules | None = None,
    fps: float | None = None,
    gated: bool = False,
    paced: bool = False,
    tracks: int = TRACKS,
    detector: str | Path = PERSON_DETECTOR,
    threads: int = 1,
    zones: Sequence[Zone] = (),
    dwell_s: float | None = None,
) -> FollowingWatch:
    """Returns what watches several things in one picture, in the place of a ``Watch``.

    Args:
        what: ``motion``, for what moves before a camera that stands still; ``people``, with what
            is around them; or ``people-close``, whose upper body fills what is looked at: for what
            they do with their hands.
        new_stream: starts a stream of the model, one for each track: ``model.stream``.
        rules: when an action counts as started or ended; the model's own when None.
        fps: frames a second that the model is to see; the model's own when None.
        gated: as in ``Watch``.
        paced: as in ``Watch``.
        tracks: at most so many at a time.
        detector: what finds people: a name that ``python -m edgevid.models`` lists, or a
            ``.tflite`` file with box decoding inside.
        threads: CPU threads of the detector.
        zones: parts of the picture that events shall name.
        dwell_s: seconds after which it is an event that something stays in a zone, or before the
            camera where there are none; None for never.

    Raises:
        UsageError: a value that makes no sense.
        ModelError: no such detector, or a file that is damaged or none.
        DownloadError: the detector had to be fetched, and could not.

    Example:
        >>> model = edgevid.load_model("camera-motion")
        >>> watch = edgevid.follow("motion", model.stream)
        >>> with edgevid.open_source("clip.mp4") as frames:
        ...     said = [watch.take(frame).predictions or [] for frame in frames]
        >>> first = next(prediction for predictions in said for prediction in predictions)
        >>> first.track, len(first.box)
        (1, 4)
    """
    from edgevid.regions.following import FollowingWatch  # most runs follow nothing

    return FollowingWatch(
        new_stream,
        find(what, tracks=tracks, detector=detector, threads=threads),
        rules,
        fps=fps,
        gated=gated,
        paced=paced,
        zones=zones,
        dwell_s=dwell_s,
    )


def find(
    what: str,
    *,
    tracks: int = TRACKS,
    detector: str | Path = PERSON_DETECTOR,
    threads: int = 1,
) -> Finder:
    """Returns what finds the things that are followed; arguments and errors as in ``follow``."""
    from edgevid.models.locate import locate  # most runs follow nothing, and these load OpenCV
    from edgevid.regions.detector import load_detector
    from edgevid.regions.finder import ByDetector, ByMotion
    from edgevid.regions.square import CLOSE, WITH_ROOM

    if what not in FOLLOWS:
        raise _unknown(what)
    if tracks < 1:
        raise UsageError(f"there must be 1 track or more, not {tracks}")
    if what == "motion":
        return ByMotion(most=tracks)
    return ByDetector(
        load_detector(locate(detector), threads=threads),
        most=tracks,
        view=CLOSE if what == "people-close" else WITH_ROOM,
    )


def finds_people(what: str) -> bool:
    """Returns whether a detector is needed to follow this.

    Example:
        >>> [edgevid.finds_people(what) for what in ("motion", "people")]
        [False, True]
    """
    return what in FOLLOWS and what != "motion"


@dataclass(frozen=True, slots=True)
class Follow:
    """What is to be followed, said once for many recordings; can be sent to other processes.

    Attributes:
        what: as ``follow`` takes it.

    Raises:
        UsageError: there is no such thing.

    Example:
        >>> from edgevid.regions import Follow
        >>> model = edgevid.load_model("camera-motion")
        >>> watch = Follow("motion")(model.stream)
    """

    what: str

    def __post_init__(self) -> None:
        if self.what not in FOLLOWS:
            raise _unknown(self.what)

    def __call__(
        self, new_stream: Callable[[], Stream], rules: EventRules | None = None
    ) -> FollowingWatch:
        """Returns what watches a recording from its beginning; see ``follow``."""
        return follow(self.what, new_stream, rules=rules)


def _unknown(what: str) -> UsageError:
    return UsageError(f"what is followed must be {' or '.join(FOLLOWS)}, not {what!r}")
