from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgevid.errors import UsageError
from edgevid.modelfile import label_files
from export.data import clips


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[data", "tiny.toml: "),
        ("[data]\n", "train is missing"),
        ("[dat]\ntrain = 'x'\n", "unknown section"),
        ("\ufeff[dat]\ntrain = 'x'\n", "unknown section"),
        ("[data]\ntrain = 'x'\n[train]\nepoch = 3\n", "has no 'epoch'"),
        ("[data]\ntrain = 'x'\n[train]\nepochs = 'many'\n", "wrong kind"),
        ("[data]\ntrain = 'x'\n[model]\nsize = 'a9'\n", "size must be one of a0, a1, a2"),
        ("[data]\ntrain = 'x'\n[export]\nprecision = 'int4'\n", "'int4'"),
        ("[data]\ntrain = 'x'\n[export]\ntarget = 'pi1'\n", "'pi1'; known"),
    ],
)
def test_configs_that_cannot_be_meant(
    tmp_path: Path, network_module: Any, text: str, message: str
) -> None:
    from export.config import read_config

    path = tmp_path / "tiny.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_config(path, tmp_path)


def test_a_config_as_windows_saves_it(tmp_path: Path, network_module: Any) -> None:
    from export.config import read_config

    path = tmp_path / "tiny.toml"
    path.write_bytes(b"\xef\xbb\xbf[data]\r\ntrain = 'train.csv'\r\nlabels = 'names.txt'\r\n")
    (tmp_path / "train.csv").write_bytes(b"\xef\xbb\xbfa.avi,1\r\nb.avi,0\r\n")
    (tmp_path / "names.txt").write_bytes(b"\xef\xbb\xbfnod\r\nwave\r\n")
    job = read_config(path, tmp_path).job
    assert job.names is not None
    names = label_files.read(job.names)
    assert names == ("nod", "wave")
    assert [clip.label for clip in clips.read(job.data, labels=names)] == ["wave", "nod"]
