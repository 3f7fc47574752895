from __future__ import annotations

import pytest

from benchmarks.readme import README, filled
from edgevid import UsageError


def test_the_readme_holds_the_reference_figures() -> None:
    text = README.read_text("utf-8")
    assert filled(text) == text, "python -m benchmarks.readme"
    assert text.count("<!-- table: ") >= 4


def test_a_typed_figure_is_overwritten() -> None:
    text = "<!-- table: arm -->\n| 1 |\n<!-- end -->\n"
    assert "Raspberry Pi 5" in filled(text)


def test_an_unknown_table() -> None:
    with pytest.raises(UsageError, match="no table 'speed'"):
        filled("<!-- table: speed -->\n<!-- end -->")
