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
        ("[data]\ntrain = 'x'\n[model]\nfps = 25\n", "fps must be above 0 and at most 20"),
        ("[data]\ntrain = 'x'\n[train]\nmemory = 0.0\n", "memory must be more than 0 seconds"),
        ("[data]\ntrain = 'x'\n[export]\nprecision = 'int4'\n", "'int4'"),
        ("[data]\ntrain = 'x'\n[export]\ntarget = 'pi1'\n", "'pi1'; known"),
        ("[data]\ntrain = 'x'\nfolds = 1\n", "folds must be 2 or more"),
        ("[data]\ntrain = 'x'\nfolds = 2\nvalidation = 0.2\n", "there is no validation"),
        ("try = 3\n[data]\ntrain = 'x'\n", "needs a name"),
        ("[data]\ntrain = 'x'\n[try.base]\n", "needs another name"),
        ("[data]\ntrain = 'x'\n[try.'a/b']\n", "needs another name"),
        ("[data]\ntrain = 'x'\n[try.a]\ntrain.epoch = 3\n", r"\[try\.a\.train\] has no 'epoch'"),
        ("[data]\ntrain = 'x'\n[try.a]\nmodel.size = 'a1'\n", r"section \[try\.a\.model\]"),
        ("[data]\ntrain = 'x'\n[try.a]\ntrain.epochs = 0\n", "must be 1 or more"),
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


def test_a_variation_differs_from_the_recipe_in_what_it_says(
    tmp_path: Path, network_module: Any
) -> None:
    from export.config import read_config

    path = tmp_path / "tiny.toml"
    path.write_text(
        "[data]\ntrain = 'x'\nfolds = 3\n[train]\nepochs = 7\n[augmentation]\nhue = 0.0\n"
        "[try.longer]\naugmentation.seconds = 5.0\ntrain.layer_decay = 0.8\n"
    )
    plan = read_config(path, tmp_path)
    recipe = plan.variations["longer"]
    assert (plan.folds, plan.job.validation) == (3, 0.0)
    assert (recipe.epochs, recipe.layer_decay) == (7, 0.8)
    assert (recipe.augmentation.hue, recipe.augmentation.seconds) == (0.0, 5.0)
    assert plan.job.recipe.layer_decay == 1.0
