from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.parts.whereabouts import Whereabouts
from tests.apps.review.parts import write_clip


def test_a_clip_is_found_in_the_videos_that_it_shows(tmp_path: Path) -> None:
    one = tmp_path / write_clip(tmp_path, 0, red=(2, 3), seconds=4)
    other = tmp_path / write_clip(tmp_path, 1, red=(0, 4), seconds=4)
    moments = Whereabouts([one, other]).of(one)
    assert {moment.video for moment in moments[:10]} == {one}
    assert [moment.second for moment in moments[:10]] == pytest.approx([m.at for m in moments[:10]])
    # While both are red nobody can tell.
    assert {moment.video for moment in moments[15:]} == {one}
