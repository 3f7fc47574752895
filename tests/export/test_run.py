"""From clips to a verified file, by the command that a user types."""

from __future__ import annotations

import gc
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgevid.modelfile import manifest
from edgevid.models.load import load_model
from edgevid.sources import open_source
from edgevid.sources.base import Source
from tests.export.conftest import MakeClip


def forty_clips(folder: Path, make_clip: MakeClip) -> None:
    for number in range(20):
        for label, step in (("right", (3, 0)), ("down", (0, 3))):
            side = "test" if number >= 16 else "train"
            make_clip(folder / side / label / f"p{number}_{label}.avi", step=step, seed=number)
    (folder / "train" / "right" / "p99_broken.avi").write_bytes(b"not a video")
    cut = make_clip(folder / "train" / "down" / "p98_cut.avi", frames=30, step=(0, 3))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])


def test_forty_clips_to_a_verified_file(
    tmp_path: Path, make_clip: MakeClip, small: None, depth: None,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from export import run

    forty_clips(tmp_path, make_clip)
    config = tmp_path / "tiny.toml"
    config.write_text(
        '[data]\ntrain = "train"\ntest = "test"\ngroup = "^(p[0-9]+)_"\n'
        "[model]\nfps = 10\n[train]\nepochs = 2\nfrozen = 0\nmemory = 1.0\n"
        "[export]\ntop1_drop = 0.2\n"  # eight clips to measure on: one is 0.125
    )
    code = run.main([str(config)])
    out = tmp_path / "out"
    written = capsys.readouterr()
    figures = json.loads((out / "metrics.json").read_text())
    assert code == 0, written.err
    assert figures["test"]["clips"] == 8
    assert figures["unreadable"][0]["path"].endswith("p99_broken.avi")
    assert figures["partial"][0]["path"].endswith("p98_cut.avi")
    told = [line for line in written.err.splitlines() if line.startswith("edgevid: ")]
    for place in ((out / "report.md").read_text(), "\n".join(told)):
        assert place.count("p99_broken.avi") > 0
        assert place.count("p98_cut.avi") > 0
    assert len(told) == 3  # one a clip, once, and the count
    assert told[-1].endswith("1 of 42 clips are left out, 1 used in part")
    for picture in ("curves.png", "test_confusion.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")
    model = load_model(out / "tiny_int8.tflite")
    assert model.manifest.labels == ("down", "right")
    assert (model.manifest.fps, model.manifest.memory_s) == (10, 1.0)
    verified = figures["verified"]["tiny_int8.tflite"]
    assert model.manifest.metrics["verified"]["divergence"] == verified["divergence"]
    assert verified["divergence"] < 0.02
    assert verified["measured_on"] == "test"
    assert "tiny_int8.tflite | 8 test" in (out / "report.md").read_text()
    assert not [path for path in out.rglob("*") if ".part" in path.name]


def test_a_file_of_no_frames_a_second_is_not_made(
    tmp_path: Path, network_module: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from export import convert

    out = tmp_path / "x.tflite"
    assert convert.main([str(tmp_path / "network.npz"), "--out", str(out), "--fps", "0"]) == 2
    assert "fps must be above 0 and at most 20, not 0" in capsys.readouterr().err


@pytest.fixture
def four_people(tmp_path: Path, make_clip: MakeClip) -> Path:
    """A config for two folds and a variation, and eight clips."""
    for number in range(8):
        label, step = ("right", (3, 0)) if number % 2 else ("down", (0, 3))
        make_clip(
            tmp_path / "train" / label / f"p{number // 2}_{label}.avi", step=step, seed=number
        )
    config = tmp_path / "tiny.toml"
    config.write_text(
        '[data]\ntrain = "train"\ngroup = "^(p[0-9]+)_"\nfolds = 2\n'
        "[train]\nepochs = 1\nbatch = 4\n[export]\nprecision = 'float32'\n"
        "[augmentation]\nspeed = [1.0, 1.0]\nshorten = 0.0\n"  # a graph for all clips
        "[try.more]\ntrain.epochs = 2\n"
    )
    return config


def test_folds_go_on_where_they_were_stopped_and_variations_are_compared(
    four_people: Path, small: None, few_blocks: None,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With a stand-in for the training, which says that everything is right."""
    from export import run
    from export.training import folds
    from export.training.finetune import Job, Trained

    trained: list[tuple[int, int]] = []
    stop = [True]

    def stand_in(job: Job, data: Any) -> Trained:
        if len(trained) == 1 and stop:
            stop.clear()
            raise KeyboardInterrupt
        trained.append((len(data.train), job.recipe.epochs))
        held = data.validation.clips
        files = [{"path": str(c.path), "true": c.label, "predicted": "down"} for c in held]
        measured = {"top1": 0.5, "clips": len(files), "files": files}
        return Trained(None, data.labels, {"validation": measured})  # type: ignore[arg-type]

    monkeypatch.setattr(folds, "finetune", stand_in)
    command, out = [str(four_people), "--try"], four_people.parent / "out"
    run.main([*command, "base"])  # stopped in the second fold
    assert trained == [(4, 1)]
    assert run.main([*command, "base", "more"]) == 0
    assert trained == [(4, 1), (4, 1), (4, 2), (4, 2)]  # the first is not trained again
    found = (out / "folds" / "report.md").read_text()
    assert "| variation | p0 | p1 | p2 | p3 |" in found
    assert "| base | 0.500 / 0.500 | 0.500 ± 0.000 |  |  |" in found
    assert "| more | 0.500 / 0.500 | 0.500 ± 0.000 | +0.000 ± 0.000 | 0, 0 |" in found
    capsys.readouterr()
    assert run.main([*command, "less"]) == 2
    assert "the config has no [try.less]; it has more" in capsys.readouterr().err
    four_people.write_text(four_people.read_text().replace("epochs = 1", "epochs = 3"))
    assert run.main([*command, "more"]) == 0  # what differs in that is the same
    assert "| base |" not in (out / "folds" / "report.md").read_text()  # it is another now
    assert run.main([*command, "base"]) == 1
    assert "was trained by another recipe: choose another folder" in capsys.readouterr().err


@pytest.mark.slow
def test_folds_and_then_a_network_of_everybody(
    four_people: Path, small: None, few_blocks: None, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks.exported import views
    from export import run

    out = four_people.parent / "out"
    assert run.main([str(four_people)]) == 0
    assert load_model(out / "tiny_float32.tflite").manifest.labels == ("down", "right")
    assert "## Cross-validation" in (out / "report.md").read_text()
    found = json.loads((out / "folds" / "base" / "folds.json").read_text())
    assert [len(fold) for fold in found["right"]] == [4, 4]
    command = ["--json", str(out / "views.json"), str(four_people), str(out / "folds" / "base")]
    assert views.main(command) == 0
    assert "| whole and followed |" in capsys.readouterr().out
    seen = json.loads((out / "views.json").read_text())
    assert {"whole", "followed", "whole and moving part"} <= seen.keys()
    assert {len(top1) for top1 in seen.values()} == {2}


def test_verified_on_what_was_trained_on_is_said(
    tmp_path: Path, make_clip: MakeClip, small: None, few_blocks: None,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """And ``verify``, asked again with other clips, keeps what else the manifest holds.

    The frames that only a training needs, hundreds of megabytes, are let go before a file is made.
    """
    from export import pipeline, run, verify
    from export.conversion.export import export_tflite
    from export.data.frames import Frames

    held: list[int] = []

    def counted(*arguments: Any, **options: Any) -> bytes:
        held.append(sum(isinstance(each, Frames) for each in gc.get_objects()))
        return export_tflite(*arguments, **options)

    monkeypatch.setattr(pipeline, "export_tflite", counted)
    forty_clips(tmp_path, make_clip)
    config, out = tmp_path / "tiny.toml", tmp_path / "out"
    config.write_text(
        '[data]\ntrain = "train"\nvalidation = 0.0\n[train]\nepochs = 1\n'
        "[export]\nprecision = 'float32'\n"
    )
    assert run.main([str(config)]) == 0
    assert held == [0]
    file = out / "tiny_float32.tflite"
    before = load_model(file).manifest
    assert before.metrics["verified"]["measured_on"] == "training"
    for text in ((out / "report.md").read_text(), capsys.readouterr().out):
        assert "clips that were trained on" in text
    content = file.read_bytes()
    described = replace(before, metrics={**before.metrics, "of_ours": {"top1": 0.5}})
    file.write_bytes(manifest.write(content, described))
    command = [str(out / "network.npz"), str(file), "--data", str(tmp_path / "test")]
    assert verify.main(command) == 0
    assert f"written into the manifest of {file}" in capsys.readouterr().out
    metrics = load_model(file).manifest.metrics
    assert metrics["of_ours"] == {"top1": 0.5}
    assert metrics["verified"]["measured_on"] == "given"
    assert metrics["verified"]["clips"] == 8


@pytest.mark.slow
def test_training_on_with_rounding_takes_the_clips_as_they_are(
    tmp_path: Path, make_clip: MakeClip, small: None, few_blocks: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from export import run
    from export.data import frames

    opened: Counter[str] = Counter()

    def counted(path: Path) -> Source:
        opened[path.name] += 1
        return open_source(path)

    monkeypatch.setattr(frames, "open_source", counted)
    forty_clips(tmp_path, make_clip)
    config, out = tmp_path / "tiny.toml", tmp_path / "out"
    config.write_text(
        '[data]\ntrain = "train"\ntest = "test"\n[train]\nepochs = 1\n'
        "[export]\ndivergence = 0.0\nquantization_aware = 1\n"  # which no file keeps
    )
    assert run.main([str(config)]) == 1
    assert set(opened.values()) == {1}
    for folder in (out, out / "quantization_aware"):
        assert (folder / "tiny_int8.tflite").exists()
        figures = json.loads((folder / "metrics.json").read_text())
        assert figures["verified"]["tiny_int8.tflite"]["worst_layers"]
        assert "worst layers of tiny_int8.tflite" in (folder / "report.md").read_text()
