"""Recordings that show what an archive of cameras says: it holds no pictures itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from edgevid.archive.recordings import Recording
from edgevid.archive.search import Answer
from edgevid.archive.tables import CAMERA
from edgevid.errors import SourceError
from edgevid.sources import open_source

_LONGEST = timedelta(hours=12)  # of a recording
_TRIED = 5  # recordings for an answer, the latest first: of events that overlap there are several


def shown(answer: Answer, recordings: Sequence[Recording]) -> Answer:
    """Returns an answer as one of a recording that shows it, to have pictures of it.

    Args:
        answer: any; returned as it is where it is of a recording already.
        recordings: of cameras, by whose names and times they are found.

    Raises:
        SourceError: it is of a camera, and none of them shows it.
    """
    if not answer.source.startswith(CAMERA):
        return answer
    begins, ends = answer.time, answer.time + timedelta(seconds=answer.end - answer.start)
    near = [
        (recording.began, recording)
        for recording in recordings
        if recording.camera == answer.camera
        and recording.began is not None
        and begins - _LONGEST < recording.began < ends
    ]
    near.sort(key=lambda pair: pair[0], reverse=True)
    for began, recording in near[:_TRIED]:
        end = min((ends - began).total_seconds(), _length(recording))
        start = max(0.0, (begins - began).total_seconds())
        if start < end:
            return replace(answer, source=recording.address, start=start, end=end)
    raise SourceError(
        f"{answer.source}: an archive holds no pictures, and no recording shows this: give those "
        "of the camera with --recordings"
    )


def _length(recording: Recording) -> float:
    """Returns how long a recording is, in seconds; infinity where it does not say."""
    with recording.at_hand() as path, open_source(path) as source:
        return source.length / source.fps if source.length and source.fps else math.inf
