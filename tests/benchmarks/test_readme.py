from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.readme import CARD, README, filled
from edgevid import UsageError


@pytest.mark.parametrize("page", [README, CARD])
def test_a_page_holds_the_reference_figures(page: Path) -> None:
    text = page.read_text("utf-8")
    assert filled(text) == text, "python -m benchmarks.readme"
    assert text.count("<!-- table: ") >= 4


def test_a_typed_figure_is_overwritten() -> None:
    text = "<!-- table: arm -->\n| 1 |\n<!-- end -->\n"
    assert "Raspberry Pi 5" in filled(text)


def test_an_unknown_table() -> None:
    with pytest.raises(UsageError, match="no table 'speed'"):
        filled("<!-- table: speed -->\n<!-- end -->")
