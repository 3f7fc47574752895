from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.readme import PAGES, filled
from benchmarks.tables import TABLES
from edgevid import UsageError


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_holds_the_reference_figures(page: Path) -> None:
    text = page.read_text("utf-8")
    assert filled(text) == text, "python -m benchmarks.readme"


def test_each_table_is_on_one_page() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    assert sorted(re.findall(r"<!-- table: ([\w ]+) -->", text)) == sorted(TABLES)


def test_a_typed_figure_is_overwritten() -> None:
    text = "<!-- table: arm -->\n| 1 |\n<!-- end -->\n"
    assert "Raspberry Pi 5" in filled(text)


def test_an_unknown_table() -> None:
    with pytest.raises(UsageError, match="no table 'speed'"):
        filled("<!-- table: speed -->\n<!-- end -->")
