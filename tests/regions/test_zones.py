from __future__ import annotations

from dataclasses import replace

import pytest

from edgevid.errors import UsageError
from edgevid.records import Event
from edgevid.regions.zones import DWELL, Visit, Zone, parse_zone

LEFT = Zone("left", ((0, 0), (100, 0), (100, 200), (0, 200)), allow=("waving",))
INSIDE, OUTSIDE = (20, 20, 40, 100), (200, 20, 40, 100)


def test_the_feet_decide_where_somebody_is() -> None:
    assert LEFT.holds(INSIDE)
    assert not LEFT.holds(OUTSIDE)
    assert not LEFT.holds((20, 150, 40, 100))


def test_a_polygon_may_have_a_notch() -> None:
    notched = Zone("u", ((0, 0), (30, 0), (30, 80), (60, 80), (60, 0), (90, 0), (90, 99), (0, 99)))
    assert notched.holds((10, 0, 10, 50))
    assert not notched.holds((40, 0, 10, 50))
    assert notched.holds((70, 0, 10, 50))


@pytest.mark.parametrize(
    "text", ["", "door", "door=", "door=1,2;3,4", "door=1;2;3", "=0,0;1,0;1,1", "a=0,0;1,0;nan,1"]
)
def test_what_is_no_zone_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_zone(text)


def test_a_stay_becomes_an_event_and_ends() -> None:
    visit = Visit([LEFT], dwell_s=1.0)
    came = [event for n in range(10) for event in visit.move(INSIDE, n / 5)]
    assert [(e.state, e.label, e.timestamp, e.zone) for e in came] == [
        ("start", DWELL, 1.0, "left")
    ]
    left = visit.move(OUTSIDE, 2.0)
    assert [(e.state, e.label, e.timestamp, e.zone) for e in left] == [("end", DWELL, 2.0, "left")]
    assert [e for n in range(20) for e in visit.move(OUTSIDE, 2 + n / 5)] == []
    assert visit.leave(9.0) == []


def test_without_zones_it_is_a_stay_before_the_camera() -> None:
    visit = Visit([], dwell_s=1.0)
    came = [event for n in range(10) for event in visit.move(OUTSIDE, n / 5)]
    assert [(e.state, e.zone) for e in came] == [("start", None)]
    assert [e.state for e in visit.leave(2.0)] == ["end"]


def test_a_zone_tells_only_what_it_allows_and_every_end_has_its_start() -> None:
    visit = Visit([LEFT], None)
    visit.move(INSIDE, 0.0)
    assert visit.tell(Event("start", "waving", 0.0, 0.9))
    assert not visit.tell(Event("start", "falling", 0.0, 0.9))
    visit.move(OUTSIDE, 1.0)
    assert not visit.tell(Event("end", "falling", 1.0, 0.1))
    assert visit.tell(Event("end", "waving", 1.0, 0.1))
    assert visit.tell(Event("start", "falling", 1.0, 0.9))


def test_a_zone_may_have_a_time_of_its_own() -> None:
    left = replace(LEFT, dwell_s=0.4)
    visit = Visit([left], dwell_s=10.0)
    told = [event for n in range(4) for event in visit.move((0, 0, 10, 10), n / 5)]
    assert [(event.state, event.timestamp, event.zone) for event in told] == [
        ("start", 0.4, left.name)
    ]
