"""The whole way: videos, a table, a taught file, and the same answers from a stream of it."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import edgevid
from edgevid.cli.teach import main
from edgevid.errors import SourceError, UsageError
from edgevid.modelfile import manifest as manifests
from edgevid.models.load import load_model
from edgevid.teach import Follow, examples_of, report_of, storing, teach
from tests.conftest import moving_pictures, write_video

RED = (230, 20, 20)


def write_clip(path: Path, *, red: tuple[float, float] | None = None, seconds: float = 8) -> Path:
    """Writes a video in which a blob moves, and which is red all over for a while."""
    pictures = moving_pictures(round(5 * seconds))
    if red is not None:
        for picture in pictures[round(5 * red[0]) : round(5 * red[1])]:
            picture[...] = RED
    return write_video(path, pictures, fps=5.0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six videos, in five of which it is red for a while, and a table that says when."""
    folder = tmp_path_factory.mktemp("red")
    lines = ["path,start,end,label"]
    for number in range(5):
        start = 2 + number / 2
        write_clip(folder / f"P{number}_red.mp4", red=(start, start + 2.4))
        lines.append(f"P{number}_red.mp4,{start},{start + 2.4},red")
    write_clip(folder / "ordinary.mp4", seconds=20)
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, prepared: bytes) -> Path:
    path = tmp_path_factory.mktemp("model") / "mini.tflite"
    path.write_bytes(prepared)
    return path


@pytest.fixture(scope="module")
def made(data: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A taught file, with what lies beside it."""
    output = tmp_path_factory.mktemp("made") / "red.tflite"
    teach(data / "table.csv", output, background=[str(data / "ordinary.mp4")], model=model)
    return output


@pytest.fixture
def here(tmp_path: Path, made: Path) -> Path:
    """A folder of the test's own with the taught file and its examples."""
    shutil.copytree(made.parent, tmp_path / "here")
    return tmp_path / "here" / made.name


def flags(data: Path, model: Path, output: Path) -> list[str]:
    return [str(data / "table.csv"), "--model", str(model), "-o", str(output)]


def test_it_tells_what_it_was_taught(made: Path, tmp_path: Path) -> None:
    taught = load_model(made)
    assert (taught.manifest.name, taught.manifest.labels) == ("red", ("red",))
    watch, started = edgevid.Watch(taught.stream()), []
    with edgevid.open_source(write_clip(tmp_path / "new.mp4", red=(4, 7), seconds=12)) as frames:
        for frame in frames:
            started += [e.timestamp for e in watch.take(frame).events if e.state == "start"]
    assert len(started) == 1
    assert 4 <= started[0] <= 6
    assert taught.manifest.metrics["held_out"]["red"]["shown"] == 5


def test_live_is_as_in_the_report(made: Path, data: Path) -> None:
    taught = load_model(made)
    told: dict[str, list[tuple[float, float]]] = {}
    with (report_of(made) / "steps.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            step = float(row["seconds"]), float(row["red"])
            told.setdefault(row["source"], []).append(step)
    assert len(told) == 6
    for source, steps in told.items():
        live = [(p.timestamp, p.top.probability) for p in edgevid.classify(source, taught)]
        np.testing.assert_allclose(live, steps, atol=1e-3)
        np.testing.assert_allclose(np.array(live)[:, 1], np.array(steps)[:, 1], atol=1e-6)


def test_the_report_has_its_parts(made: Path) -> None:
    page = (report_of(made) / "report.md").read_text()
    for part in ("# red", "Before you trust it", "What it finds", "What was taken for what"):
        assert part in page
    assert (report_of(made) / "curve-1.png").read_bytes().startswith(b"\x89PNG")
    assert not (made.parent / "red.features").exists()


def test_it_goes_on_from_the_examples(here: Path, tmp_path: Path) -> None:
    new = write_clip(tmp_path / "P9_red.mp4", red=(3, 5))
    (tmp_path / "more.csv").write_text(f"path,start,end,label\n{new},3,5,red\n")
    result = teach(tmp_path / "more.csv", here, add=here)
    assert result.judgements[0].shown == 6
    assert len(storing.load(examples_of(here))[0]) == 7
    (tmp_path / "more.csv").write_text(f"path,start,end,label\n{new},3,5,green\n")
    again = teach(tmp_path / "more.csv", here, add=here)
    assert again.labels == ("green", "red")
    assert again.judgements[1].shown == 5


def test_examples_of_another_network_are_refused(here: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="another network"):
        teach(None, tmp_path / "x.tflite", add=here, model="camera-motion")
    assert not (tmp_path / "x.tflite").exists()


def test_what_was_extracted_outlives_an_interruption(
    data: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "red.tflite"

    def interrupted(what: str, done: int, of: int) -> None:
        if what == "looking at videos" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teach(data / "table.csv", output, model=model, told=interrupted)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["red.features"]
    assert len(list((tmp_path / "red.features").iterdir())) == 3
    looked_at: list[str] = []
    real = edgevid.open_source

    def counted(source: str) -> edgevid.Source:
        looked_at.append(source)
        return real(source)

    monkeypatch.setattr("edgevid.teach.features.open_source", counted)
    teach(data / "table.csv", output, model=model)
    assert len(looked_at) == 2
    assert not (tmp_path / "red.features").exists()


def test_a_damaged_one_is_looked_at_again(
    data: Path, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output = tmp_path / "red.tflite"
    teach(data / "table.csv", output, model=model)
    teach(data / "table.csv", output, model=model)
    before = examples_of(output).read_bytes()

    def damage(what: str, done: int, of: int) -> None:
        for kept in tmp_path.glob("red.features/*"):
            kept.write_bytes(b"damaged")
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teach(data / "table.csv", output, model=model, told=damage)
    teach(data / "table.csv", output, model=model)
    assert "is damaged" in caplog.text
    assert examples_of(output).read_bytes() == before


def test_what_cannot_be_used_is_named(
    data: Path, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    short = write_clip(tmp_path / "short.mp4", seconds=0.4)
    rows = [f"{data / f'P{n}_red.mp4'},{2 + n / 2},{4.4 + n / 2},red" for n in range(5)]
    rows += [f"{data / 'P0_red.mp4'},90,95,red", f"{short},0.1,0.2,red", "missing.mp4,1,2,red"]
    (tmp_path / "table.csv").write_text("path,start,end,label\n" + "\n".join(rows) + "\n")
    result = teach(tmp_path / "table.csv", tmp_path / "red.tflite", model=model)
    assert result.judgements[0].shown == 5
    for part in ("'red' from 90 s", "short.mp4 has 2 frames", "missing.mp4"):
        assert part in caplog.text
    assert all("\n" not in record.getMessage() for record in caplog.records)


def test_a_single_clip_is_taught_and_not_measured(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "table.csv").write_text(f"path,start,end,label\n{data}/P0_red.mp4,2,4.4,red\n")
    output = tmp_path / "red.tflite"
    assert main([str(tmp_path / "table.csv"), "--model", str(model), "-o", str(output)]) == 0
    said = capsys.readouterr()
    assert "red: taught, but not measured" in said.out
    assert "nothing could be held out" in said.err
    assert "nothing could be held out" in (report_of(output) / "report.md").read_text()
    assert load_model(output).manifest.labels == ("red",)


def test_nothing_usable_is_one_line(model: Path, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("path,start,end,label\nmissing.mp4,1,2,red\n")
    with pytest.raises(SourceError, match="nothing to learn from"):
        teach(tmp_path / "table.csv", tmp_path / "red.tflite", model=model)
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_the_command(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "red.tflite"
    assert main([*flags(data, model, output), "--group", r"^(P\d)_"]) == 0
    said = capsys.readouterr()
    assert "red: 5 of 5 announced" in said.out
    assert "red-report/report.md" in said.out
    assert "do not show that there are 1 an hour or fewer" in said.err
    assert output.exists()


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--false-alarms", "0"], "over 0"),
        (["--group", "("], "group pattern"),
        (["--group", "^(T)"], "does not fit"),
        (["--add", "nowhere.tflite"], "nowhere"),
    ],
)
def test_wrong_usage_is_one_line(
    data: Path,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    problem: str,
) -> None:
    code = main([*flags(data, model, tmp_path / "red.tflite"), *more])
    said = capsys.readouterr().err
    assert code in (1, 2)
    assert problem in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments", [["-o", "x.tflite"], ["data", "-o", "x.txt"], ["data"]], ids=" ".join
)
def test_arguments_that_make_no_sense(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2
    assert capsys.readouterr().err


def test_an_unprepared_file_cannot_be_taught(tmp_path: Path, data: Path) -> None:
    from benchmarks.parts.tiny_model import LABELS, tiny_model

    (tmp_path / "tiny.tflite").write_bytes(tiny_model())
    (tmp_path / "tiny.txt").write_text("\n".join(LABELS))
    output = tmp_path / "x.tflite"
    with pytest.raises(edgevid.EdgevidError):
        teach(data / "table.csv", output, model=tmp_path / "tiny.tflite")
    assert not output.exists()


def test_what_was_extracted_may_stay(data: Path, model: Path, tmp_path: Path) -> None:
    keep, written = tmp_path / "kept", []
    for number in range(2):
        teach(data / "table.csv", tmp_path / f"{number}.tflite", model=model, keep=keep)
        written.append({path: path.stat().st_mtime_ns for path in keep.iterdir()})
    assert len(written[0]) == 5
    assert written[0] == written[1]


def test_what_is_followed_is_taught_and_said(model: Path, tmp_path: Path) -> None:
    output, clips = tmp_path / "moves.tflite", tmp_path / "clips"
    for label in ("left", "right"):
        (clips / label).mkdir(parents=True)
        for number in range(2):
            write_clip(clips / label / f"{number}.mp4", seconds=4 + number)
    arguments = [str(clips), "--model", str(model), "-o", str(output)]
    assert main([*arguments, "--follow", "motion"]) == 0
    manifest = load_model(output).manifest
    assert manifest.follows == "motion"
    examples, _ = storing.load(examples_of(output))
    assert all(len(example.times) > 3 for example in examples)
    # Nothing moves in the first picture: the whole picture would have it.
    assert all(example.times[0] > 0 for example in examples)
    with pytest.raises(UsageError, match="was taught with --follow motion"):
        teach(clips, tmp_path / "more.tflite", add=output)


def test_what_happens_where_nothing_is_followed_is_left_out(
    data: Path, model: Path, tmp_path: Path
) -> None:
    # All turns red at once, which is another scene: what was followed ends.
    with pytest.raises(UsageError, match="nothing but background"):
        teach(
            data / "table.csv",
            tmp_path / "red.tflite",
            model=model,
            follow=Follow("motion", partial(edgevid.follow, "motion")),
        )
    assert not (tmp_path / "red.tflite").exists()


def test_a_model_of_whole_pictures_follows_nothing(made: Path) -> None:
    assert load_model(made).manifest.follows == ""


def test_a_network_trained_on_what_is_followed_wants_to_be_taught_so(
    data: Path, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content, described = manifests.split(model.read_bytes())[0], load_model(model).manifest
    provenance = {**described.provenance, "follow": "people-close"}
    close = tmp_path / "close.tflite"
    close.write_bytes(manifests.write(content, replace(described, provenance=provenance)))
    assert load_model(close).manifest.follows == "people-close"
    teach(data / "table.csv", tmp_path / "red.tflite", model=close)
    assert "trained with --follow people-close, and is taught on whole pictures" in caplog.text
    assert load_model(tmp_path / "red.tflite").manifest.follows == ""  # as it was taught
