from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.latency import PARTS, draw, drawn, main, percentiles
from edgevid import UsageError


def test_it_measures_a_published_model(
    published_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, plot = tmp_path / "latency.json", tmp_path / "latency.png"
    arguments = [str(published_path), "--quick", "--json", str(out), "--plot", str(plot)]
    assert main(arguments) == 0
    (model,) = json.loads(out.read_text())["models"]
    for way in model["ways"].values():
        assert 0 < way["p50"] <= way["p90"] <= way["p95"] <= way["p99"] <= way["max"]
    assert set(model["parts_p50_ms"]) == set(PARTS)
    assert min(model["parts_p50_ms"][part] for part in ("preprocess", "inference")) > 0
    assert model["parts_p50_ms"]["capture"] is None  # drawn, not captured
    assert model["agrees_with_published"] > 0.7
    assert model["weights"] == "trained"
    assert model["rss_mb"] > 30
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "movinet_a0_stream_int8 | trained | back to back" in capsys.readouterr().out


def test_percentiles_are_those_of_the_steps() -> None:
    found = percentiles([float(n) for n in range(1, 102)])
    assert found == {"steps": 101, "p50": 51, "p90": 91, "p95": 96, "p99": 100, "max": 101}


def test_drawn_pictures_have_the_size_and_move() -> None:
    first, second, *_ = drawn("64x48")
    assert first.shape == (48, 64, 3)
    assert (first[:, 8:] == second[:, :-8]).all()


@pytest.mark.parametrize("size", ["640", "x480", "0x9", "axb"])
def test_a_size_that_is_none(size: str) -> None:
    with pytest.raises(UsageError, match="WIDTHxHEIGHT"):
        drawn(size)


def test_no_model_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGEVID_MODELS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main([]) == 2
    assert "movinet-a0" in capsys.readouterr().err


def test_draw_puts_each_way_on_a_line_of_its_own(tmp_path: Path) -> None:
    ways = {way: percentiles([1.0, 2.0, 3.0]) for way in ("back to back", "at 5 fps")}
    draw([{"model": "a", "ways": ways}], tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000
