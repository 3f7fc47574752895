from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevid.errors import UsageError
from edgevid.runtime.pace import Pace

RATES = [60.0, 30.0, 29.97, 25.0, 24.0, 23.976, 15.0, 12.5, 10.0, 8.0, 7.5, 6.0, 5.0]


def kept(timestamps: list[float], fps: float = 5.0) -> tuple[list[float], Pace]:
    pace = Pace(fps)
    return [t for t in timestamps if pace.due(t)], pace


@pytest.mark.parametrize("rate", RATES)
def test_one_frame_a_tick_and_no_drift(rate: float) -> None:
    seconds = 600
    chosen, pace = kept([n / rate for n in range(round(seconds * rate))])
    assert len(chosen) == seconds * 5
    assert pace.skipped == 0
    for tick, timestamp in enumerate(chosen):
        assert abs(timestamp - tick / 5) <= 0.5 / rate + 1e-6


@pytest.mark.parametrize("rate", [3.0, 2.0, 1.0, 0.5])
def test_a_source_slower_than_the_clock_gives_each_frame_once(rate: float) -> None:
    timestamps = [n / rate for n in range(100)]
    chosen, pace = kept(timestamps)
    assert chosen == timestamps
    assert pace.skipped == pytest.approx(99 * (5 / rate - 1), abs=1)


@given(
    st.lists(st.floats(0.001, 3.0), min_size=1, max_size=300),
    st.floats(1, 30),
    st.floats(0, 1e7),
)
def test_any_timing_keeps_at_most_one_frame_a_tick(
    gaps: list[float], fps: float, start: float
) -> None:
    timestamps = [start]
    for gap in gaps:
        timestamps.append(timestamps[-1] + gap)
    chosen, pace = kept(timestamps, fps)
    assert chosen[0] == start
    assert len(set(chosen)) == len(chosen)
    ticks = (timestamps[-1] - start) * fps
    assert len(chosen) + pace.skipped <= ticks + 1.5 + 1e-6
    # Kept frames are near distinct ticks, so k of them span at least k - 2 tick intervals.
    assert chosen[-1] - start >= (len(chosen) - 2) / fps - 1e-6


# Below 10 frames a second half a frame is half a tick, and a late frame may belong to the next.
FAST_RATES = [rate for rate in RATES if rate >= 10]


@given(st.lists(st.floats(-0.4, 0.4), min_size=200, max_size=200), st.sampled_from(FAST_RATES))
def test_jitter_below_half_a_frame_costs_no_tick(jitter: list[float], rate: float) -> None:
    timestamps = [0.0] + [(n + 1 + j / 2) / rate for n, j in enumerate(jitter)]
    _, pace = kept(timestamps)
    assert pace.skipped == 0


def test_a_gap_is_counted_and_then_the_clock_goes_on() -> None:
    timestamps = [n / 30 for n in range(60)] + [12 + n / 30 for n in range(60)]
    chosen, pace = kept(timestamps)
    assert pace.skipped == 50
    assert chosen[10:12] == pytest.approx([12.0, 12.2])


@pytest.mark.parametrize("fps", [0.0, -5.0, float("nan"), float("inf")])
def test_refuses_a_rate_that_is_none(fps: float) -> None:
    with pytest.raises(UsageError):
        Pace(fps)
