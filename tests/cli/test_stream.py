"""The command as a person meets it: exit codes, messages, files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.parts.tiny_model import LABELS
from edgevid.cli import stream
from edgevid.modelfile import manifest
from edgevid.modelfile.manifest import Manifest
from edgevid.prepare import prepare
from edgevid.runtime.kept_features import KeptFeatures
from edgevid.support.opencv import cv2
from tests.conftest import LabelledClip, moving_pictures, tiny_flags_in, write_video
from tests.prepare.mini_movinet import LABELS as MINI_LABELS
from tests.prepare.mini_movinet import mini_movinet

RED = np.zeros((48, 64, 3), np.uint8) + np.array([255, 0, 0], np.uint8)


@pytest.fixture
def tiny_flags(tmp_path: Path) -> list[str]:
    return [*tiny_flags_in(tmp_path), "--headless"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mp4", moving_pictures(50))


def run(*flags: object) -> int:
    """Runs the command in this process; returns its exit code."""
    try:
        return stream.main([str(flag) for flag in flags])
    except SystemExit as end:
        return int(end.code or 0)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """A file's predictions and its summary."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [line for line in lines if line["type"] != "event"]


def events_of(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [line for line in lines if line["type"] == "event"]


def test_json_lines_hold_each_step_and_a_summary(
    tiny_flags: list[str], clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    assert run("--source", clip, "--output", out, "--top-k", 2, *tiny_flags) == 0
    *predictions, summary = lines_of(out)
    assert len(predictions) == 10
    assert [line["timestamp"] for line in predictions] == pytest.approx([n / 5 for n in range(10)])
    for line in predictions:
        assert list(line) == [
            *("type", "source", "index", "timestamp", "scores", "inference_ms"),
        ]
        assert (line["type"], line["source"]) == ("prediction", str(clip))
        assert [list(score) for score in line["scores"]] == [["label", "probability"]] * 2
    assert summary["type"] == "summary"
    assert (summary["frames"], summary["predictions"], summary["skipped_ticks"]) == (50, 10, 0)
    assert list(summary["inference_ms"]) == ["p50", "p95", "p99"]
    assert summary["wall_s"] > 0


def test_standard_output_holds_json_lines_and_nothing_else(
    tiny_flags: list[str], clip: Path
) -> None:
    command = [sys.executable, "-m", "edgevid.stream", "--source", str(clip), "--output", "-"]
    quiet = ["--event-on", "1", "--event-off", "1"]
    done = subprocess.run(
        [*command, *quiet, *tiny_flags], capture_output=True, text=True, check=True
    )
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()] == [
        *["prediction"] * 10,
        "summary",
    ]
    assert "50 frames, 10 predictions" in done.stderr


def test_a_reader_that_leaves_early_is_no_error_message(tiny_flags: list[str], clip: Path) -> None:
    command = [sys.executable, "-m", "edgevid.stream", "--source", str(clip), "--output", "-"]
    process = subprocess.Popen(
        [*command, *tiny_flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.wait()


def test_the_saved_video_has_the_sources_rate_and_length(
    tiny_flags: list[str], clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    assert run("--source", clip, "--save", out, *tiny_flags) == 0
    video = cv2.VideoCapture(str(out))
    assert video.get(cv2.CAP_PROP_FPS) == 25
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 50
    assert not list(tmp_path.glob(".*.part*"))


def test_several_clips_start_afresh_unless_continuous(
    tiny_flags: list[str], clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    assert run("--source", clip, clip, "--output", out, *tiny_flags) == 0
    scores = [line["scores"] for line in lines_of(out)[:-1]]
    assert scores[:10] == scores[10:]
    assert run("--source", clip, clip, "--continuous", "--output", out, *tiny_flags) == 0
    scores = [line["scores"] for line in lines_of(out)[:-1]]
    assert len(scores) == 20
    assert scores[0] != scores[10]


def test_threshold_allow_and_deny(tiny_flags: list[str], clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    flags = ["--source", clip, "--output", out, *tiny_flags]
    assert run(*flags, "--score-threshold", 0.9) == 0
    assert all(s["probability"] >= 0.9 for line in lines_of(out)[:-1] for s in line["scores"])
    assert run(*flags, "--allow", "green", "--allow", "blue", "--deny", "blue") == 0
    assert {s["label"] for line in lines_of(out)[:-1] for s in line["scores"]} == {"green"}


def test_events_come_between_predictions_and_flags_change_them(
    tiny_flags: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clip, out = write_video(tmp_path / "red.mp4", [RED] * 50), tmp_path / "out.jsonl"
    flags = ["--source", clip, "--output", out, *tiny_flags]
    assert run(*flags, "--event-min-duration", 0.4) == 0
    start, end = events_of(out)
    assert list(start) == ["type", "source", "state", "label", "timestamp", "probability"]
    assert (start["state"], start["label"], start["timestamp"]) == ("start", "red", 0.4)
    assert (end["state"], end["label"], end["timestamp"]) == ("end", "red", 1.8)
    assert "0.4 s  + red" in capfd.readouterr().out
    assert run(*flags, "--event-min-duration", 60) == 0
    assert events_of(out) == []
    assert run(*flags, "--event-on", 0.2, "--event-off", 0.4) == 2


def test_duration_fps_mirror_and_crop(tiny_flags: list[str], clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    flags = ["--source", clip, "--output", out, *tiny_flags]
    assert run(*flags, "--duration", 1) == 0
    assert lines_of(out)[-1]["frames"] == 25
    assert run(*flags, "--fps", 10) == 0
    assert lines_of(out)[-1]["predictions"] == 20
    plain = lines_of(out)[0]["scores"]
    assert run(*flags, "--fit", "stretch", "--mirror", "--crop", "0,0,16,16") == 0
    assert lines_of(out)[0]["scores"] != plain


def test_realtime_plays_a_file_as_a_camera(tiny_flags: list[str], tmp_path: Path) -> None:
    clip = write_video(tmp_path / "short.mp4", moving_pictures(10))
    out = tmp_path / "out.jsonl"
    assert run("--source", clip, "--realtime", "--output", out, *tiny_flags) == 0
    summary = lines_of(out)[-1]
    assert summary["predictions"] >= 1
    assert summary["wall_s"] >= 0.36  # the last frame of a clip at 25 fps is due then


# What goes wrong: one line, the right code, nothing left behind.


def broken_cases(folder: Path) -> dict[str, tuple[list[str], str]]:
    (folder / "text.mp4").write_text("no video\n" * 100)
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "hollow").mkdir()
    (folder / "bad.tflite").write_bytes(b"TFL3")
    return {
        "missing": (["--source", str(folder / "none.mp4")], "none.mp4: no such file"),
        "text": (["--source", str(folder / "text.mp4")], "cannot be read as a video"),
        "empty": (["--source", str(folder / "empty.mp4")], "the file is empty"),
        "hollow": (["--source", str(folder / "hollow")], "neither videos nor pictures"),
        "camera": (["--camera", "97"], "/dev/video97 does not exist"),
        "model": (["--camera", "0", "--model", str(folder / "bad.tflite")], "not a .tflite file"),
        "no labels": (["--camera", "0", "--labels", "none.txt"], "none.txt: cannot be read"),
        "label": (["--camera", "0", "--allow", "greem"], "did you mean green"),
    }


@pytest.mark.parametrize(
    "case", ["missing", "text", "empty", "hollow", "camera", "model", "no labels", "label"]
)
def test_bad_input(
    case: str, tiny_flags: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    flags, reason = broken_cases(tmp_path)[case]
    out, video = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    assert run(*tiny_flags, *flags, "--output", out, "--save", video) == 1
    complaints = [line for line in capfd.readouterr().err.splitlines() if "INFO:" not in line]
    assert len(complaints) == 1
    assert reason in complaints[0]
    assert not out.exists()
    assert not video.exists()
    assert not list(tmp_path.glob(".*.part*"))


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--camera", "0", "--source", "a.mp4"],
        ["--camera", "kitchen"],
        ["--source", "a.mp4", "--threads", "0"],
        ["--source", "a.mp4", "--crop", "1,2,3"],
        ["--source", "a.mp4", "--score-threshold", "7"],
        ["--source", "a.mp4", "--fit", "squeeze"],
    ],
)
def test_wrong_usage_is_code_2(
    flags: list[str], tiny_flags: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(*tiny_flags, *flags) == 2
    assert "Traceback" not in capfd.readouterr().err


def test_unwritable_output(
    tiny_flags: list[str], clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    flags = ["--source", clip, *tiny_flags]
    assert run(*flags, "--output", tmp_path / "no" / "out.jsonl") == 1
    assert run(*flags, "--save", tmp_path / "no" / "out.mp4") == 1
    assert run(*flags, "--save", tmp_path / "out.avi") == 1
    assert run(*flags, "--output", tmp_path) == 1
    assert capfd.readouterr().err.count("cannot be written") == 3


# The same numbers whichever way they are asked for.


def test_command_and_python_agree_on_a_real_clip(
    published_path: Path, real_clips: list[LabelledClip], tmp_path: Path
) -> None:
    import edgevid

    clip = next(c.path for c in real_clips if "rpi_carving_ice" in c.path.name)
    out = tmp_path / "out.jsonl"
    assert run("--source", clip, "--output", out, "--headless", "--model", published_path) == 0
    from_command = [line["scores"] for line in lines_of(out)[:-1]]
    model = edgevid.load_model(published_path)
    from_python = [
        [{"label": s.label, "probability": s.probability} for s in p.scores]
        for p in edgevid.classify(clip, model)
    ]
    steps, pace = model.stream(), edgevid.runtime.pace.Pace(5)
    with edgevid.open_source(clip) as source:
        by_hand = [steps.step(frame) for frame in source if pace.due(frame.timestamp)]
    assert from_command == from_python
    assert [p.scores for p in by_hand] == [p.scores for p in edgevid.classify(clip, model)]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_and_libraries_of_a_run(published_path: Path, carving_ice: Path) -> None:
    code = (
        "import sys; from edgevid.cli import stream; code = stream.main(sys.argv[1:]);"
        "names = ('RssAnon:', 'VmHWM:');"
        "kb = dict(line.split()[:2] for line in open('/proc/self/status') if 'kB' in line);"
        "print(code, 'tensorflow' in sys.modules, *(int(kb[n]) // 1024 for n in names))"
    )
    flags = ["--source", str(carving_ice), "--headless", "--model", str(published_path)]
    done = subprocess.run(
        [sys.executable, "-c", code, *flags],
        capture_output=True,
        text=True,
        check=True,
    )
    exit_code, has_tensorflow, own, peak = done.stdout.splitlines()[-1].split()
    assert (exit_code, has_tensorflow) == ("0", "False")
    assert int(own) < 60  # megabytes; 42 were seen
    # With the libraries' pages that the kernel has mapped. It maps more of a file that has only
    # just been written: 113 MB were seen of old files, 162 of new ones.
    assert int(peak) < 200


def test_pictures_in_a_folder_are_one_clip(tiny_flags: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, picture in enumerate(moving_pictures(10)):
        cv2.imwrite(str(folder / f"{number}.png"), np.ascontiguousarray(picture[..., ::-1]))
    (folder / "4.png").write_bytes(b"broken")
    out = tmp_path / "out.jsonl"
    flags = ["--source", folder, "--output", out, *tiny_flags]
    assert run(*flags) == 0
    assert lines_of(out)[-1]["predictions"] == 2
    assert run(*flags, "--picture-fps", 5) == 0
    summary = lines_of(out)[-1]
    assert (summary["frames"], summary["unreadable"], summary["predictions"]) == (9, 1, 9)
    assert summary["skipped_ticks"] == 1


@pytest.fixture
def mini_flags(tmp_path: Path) -> list[str]:
    """A network that gives features."""
    data = prepare(mini_movinet(int8=True, se=False), name="mini", labels=MINI_LABELS).data
    (tmp_path / "mini.tflite").write_bytes(data)
    return ["--model", str(tmp_path / "mini.tflite"), "--headless"]


def test_features_are_kept_and_the_next_run_goes_on(
    mini_flags: list[str], clip: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "front.features"
    flags = ["--source", clip, clip, "--keep-features", kept, *mini_flags]
    assert run(*flags) == 0
    assert [len(segment.features) for segment in KeptFeatures(kept)] == [10, 10]
    assert run(*flags) == 0
    assert [segment.follows for segment in KeptFeatures(kept)] == [False] * 4


@pytest.mark.parametrize("content", [b"another file", b"edgevid features\n{"])
def test_a_file_that_cannot_take_features_stops_nothing(
    mini_flags: list[str],
    clip: Path,
    tmp_path: Path,
    content: bytes,
    capfd: pytest.CaptureFixture[str],
) -> None:
    kept, out = tmp_path / "front.features", tmp_path / "out.jsonl"
    kept.write_bytes(content)
    flags = ["--source", clip, "--keep-features", kept, "--output", out, *mini_flags]
    assert run(*flags) == 2
    assert len(lines_of(out)) == 11
    assert kept.read_bytes() == content
    (problem,) = lines_of(out)[-1]["problems"]
    assert problem["source"] == str(kept)
    assert problem["problem"].endswith("keep features in another file")
    assert capfd.readouterr().err.count("keep features in another file") == 2  # and the summary


def test_a_disk_without_room_for_features_stops_nothing(
    mini_flags: list[str], clip: Path, small_disk: Path, tmp_path: Path
) -> None:
    kept, out = small_disk / "front.features", tmp_path / "out.jsonl"
    assert run("--source", clip, "--keep-features", kept, *mini_flags) == 0
    with pytest.raises(OSError, match="No space"):
        (small_disk / "other").write_bytes(bytes(2_000_000))
    flags = ["--source", clip, clip, "--keep-features", kept, "--output", out, *mini_flags]
    code = 0
    while not code:  # what a few clips take may fit into the last block of the file
        code = run(*flags)
        assert kept.stat().st_size < 50_000
        assert len(lines_of(out)) == 21
    (problem,) = lines_of(out)[-1]["problems"]
    assert problem == {
        "source": str(kept),
        "problem": "features cannot be kept: No space left on device",
    }
    assert code == 1
    assert len(list(KeptFeatures(kept))) >= 1


def test_keeping_features_of_a_model_that_gives_none(
    tiny_flags: list[str], clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "front.features"
    assert run("--source", clip, "--keep-features", kept, *tiny_flags) == 2
    assert "tiny gives no features: only a published model" in capfd.readouterr().err
    assert not kept.exists()
    assert run("--source", clip, "--keep-features", clip, *tiny_flags) == 2
    assert run("--source", clip, "--keep-features-mb", "0.5", *tiny_flags) == 2
    assert run("--source", clip, "--keep-features", kept, "--follow", "motion", *tiny_flags) == 2


def test_follow_says_which_track_and_where(
    tiny_flags: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    still = np.full((360, 640, 3), 90, np.uint8)
    moving = still.copy()
    moving[100:300, 200:400] = (255, 0, 0)
    clip = write_video(tmp_path / "moves.mp4", [still] * 50 + [moving] * 50)
    out, saved = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    zone = ["--zone", "room=0,0;640,0;640,360;0,360", "--dwell", 1]
    flags = ["--source", clip, "--output", out, *tiny_flags]
    assert run(*flags, "--follow", "motion", "--save", saved, *zone) == 0
    *predictions, summary = lines_of(out)
    assert {line["track"] for line in predictions} == {1}
    assert all(len(line["box"]) == 4 for line in predictions)
    assert summary["predictions"] == len(predictions)
    assert "saved" not in summary
    events = events_of(out)
    assert {(e["label"], e["track"], e["zone"]) for e in events} >= {
        ("red", 1, "room"),
        ("dwell", 1, "room"),
    }
    assert "+ dwell  100%  track 1 in room" in capfd.readouterr().out
    video = cv2.VideoCapture(str(saved))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 100


@pytest.mark.parametrize(
    "flags",
    [
        ["--zone", "a=0,0;1,0;1,1"],
        ["--dwell", "3"],
        ["--zone-allow", "a=red"],
        ["--follow", "motion", "--crop", "0,0,9,9"],
        ["--follow", "motion", "--zone", "a=1"],
        ["--follow", "motion", "--zone-allow", "a=red"],
        ["--follow", "motion", "--tracks", "0"],
        ["--follow", "cats"],
    ],
)
def test_following_that_makes_no_sense_is_one_line(
    tiny_flags: list[str], clip: Path, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--source", clip, *flags, *tiny_flags) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_detector_that_is_none_is_one_line(
    tiny_flags: list[str], clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    detector = tmp_path / "tiny.tflite"
    flags = ["--source", clip, "--follow", "people", "--detector", detector, *tiny_flags]
    assert run(*flags) == 1
    assert "this is no detector" in capfd.readouterr().err


def test_a_still_picture_saves_steps_live_and_always_takes_them(
    tiny_flags: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file is stepped throughout; what the bundled model sees as a camera is not."""
    clip = write_video(tmp_path / "still.mp4", [RED] * 100, fps=10)
    out = tmp_path / "out.jsonl"
    flags = ["--source", clip, "--output", out, "--headless", "--model", "camera-motion"]
    assert run(*flags) == 0
    assert "saved" not in lines_of(out)[-1]
    assert run(*flags, "--realtime") == 0
    *predictions, summary = lines_of(out)
    assert summary["predictions"] == len(predictions)
    assert 0 < summary["saved"] < len(predictions)
    assert [line["inference_ms"] == 0 for line in predictions[-3:]] == [True] * 3
    assert "stood without a step" in capfd.readouterr().err
    assert run(*flags, "--realtime", "--always") == 0
    assert "saved" not in lines_of(out)[-1]


def test_a_taught_file_follows_what_it_was_taught_with(
    tiny_flags: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = Path(tiny_flags[tiny_flags.index("--model") + 1])
    described = Manifest(
        name="tiny", labels=tuple(LABELS), provenance={"taught": {"follow": "motion"}}
    )
    taught = tmp_path / "taught.tflite"
    taught.write_bytes(manifest.write(model.read_bytes(), described))
    still = np.full((360, 640, 3), 90, np.uint8)
    moving = still.copy()
    moving[100:300, 200:400] = (255, 0, 0)
    clip = write_video(tmp_path / "moves.mp4", [still] * 20 + [moving] * 20)
    out = tmp_path / "out.jsonl"
    flags = ["--source", clip, "--output", out, "--headless", "--model", taught]
    assert run(*flags) == 0
    *predictions, _ = lines_of(out)
    assert {line["track"] for line in predictions if line["type"] == "prediction"} == {1}
    assert run(*flags, "--follow", "none") == 0
    *predictions, _ = lines_of(out)
    assert all("track" not in line for line in predictions)
