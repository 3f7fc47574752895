from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from edgevid.archive.layout import Layout, layout_of, place_of
from edgevid.errors import UsageError

AT = datetime(2026, 5, 1, 8, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "path",
    [
        "/media/frigate/recordings/2026-05-01/08/yard/10.30.mp4",
        "clips/yard_20260501T081030Z.mp4",
        "clips/yard_20260501T081030Z-2.mp4",
        "/recordings/yard/2026-05-01_08-10-30-123456.mp4",
        "/shinobi/videos/abc/yard/2026-05-01T08-10-30.mp4",
        "/ftp/yard_00_20260501081030.mp4",
        "/BlueIris/New/yard.20260501_081030.mp4",
        "/var/lib/motion/yard/07-20260501081030.mkv",
    ],
)
def test_known_layouts(path: str) -> None:
    assert place_of(path, None, UTC) == ("yard", AT)


def test_a_time_has_the_zone_that_is_told_unless_the_layout_has_its_own() -> None:
    zone = ZoneInfo("Europe/Berlin")
    local = place_of("yard/2026-05-01T10-10-30.mp4", None, zone)
    assert local == ("yard", AT)
    assert place_of("2026-05-01/08/yard/10.30.mp4", None, zone) == ("yard", AT)


@pytest.mark.parametrize("path", ["clip.mp4", "a/b/clip.mp4", "2026-13-01/08/yard/10.30.mp4"])
def test_what_follows_no_layout(path: str) -> None:
    assert place_of(path, None, UTC) == (None, None)


def test_a_pattern_of_ones_own() -> None:
    layout = layout_of("{year}{month}{day}/{camera}/*.mkv")
    assert layout.place("x/20260501/yard/1.mkv", UTC) == (
        "yard",
        datetime(2026, 5, 1, tzinfo=UTC),
    )
    assert layout.place("x/20260501/yard/more/1.mkv", UTC) is None
    assert layout_of("cameras/{camera}/*").place("/a/cameras/gate/x.mp4", UTC) == ("gate", None)


@pytest.mark.parametrize(
    ("text", "said"),
    [("nvr", "no layout 'nvr'"), ("{cam}/x", "{cam} is none of"), ("{year}/*", "it must hold")],
)
def test_patterns_that_make_no_sense(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        layout_of(text)


def test_a_field_that_comes_twice_must_be_the_same() -> None:
    layout = Layout("{camera}/{camera}_{year}{month}{day}.mp4")
    assert layout.place("yard/yard_20260501.mp4", UTC) is not None
    assert layout.place("yard/gate_20260501.mp4", UTC) is None
