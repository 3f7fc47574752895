from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.conftest import LabelledClip


def test_exported_again_it_is_as_good_and_as_fast(
    network_module: Any, real_clips: list[LabelledClip], tmp_path: Path
) -> None:
    """The short form of ``python -m tests.export.recovered``."""
    from tests.export.recovered import measure

    found = measure(tmp_path, 4)
    assert found["partitions"] == 1
    assert found["step, of the published"] < 1.15
    assert found["divergence"] < 0.02
    assert found["agreement"] == 1
