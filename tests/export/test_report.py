import os
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path, network_module: Any) -> None:
    from edgevid.errors import OutputError
    from export.report import write_json

    tmp_path.chmod(0o500)
    with pytest.raises(OutputError):
        write_json(tmp_path / "sub" / "x.json", {})
