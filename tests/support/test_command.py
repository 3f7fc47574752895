"""How commands begin and end: one line, the right code."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tqdm import tqdm

from edgevid.cli import demo, models, options, stream
from edgevid.cli import prepare as prepare
from edgevid.plain_text import readable
from edgevid.support.command import complain, guard

ICE = "-n.mp4"


def code_of(main: object, arguments: list[str]) -> int | str | None:
    assert callable(main)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


@pytest.mark.parametrize(
    ("main", "arguments", "said"),
    [
        (stream.main, ["--source", ICE], "expected at least one argument; a file of that name is"),
        (stream.main, ["--source", "a.mp4", ICE], f"unrecognized arguments: {ICE}; a file of"),
        (stream.main, ["--source", "a.mp4", "--frob"], "unrecognized arguments: --frob"),
        (stream.main, ["--source", "a.mp4", "--threads", "0"], "--threads: 0 is not 1 or more"),
        (stream.main, [], "give a --camera or a --source"),
        (stream.main, ["--source", "a.mp4", "--crop", "-1,2,3,4"], "--crop: expected one argument"),
        (demo.main, ["--frob"], "unrecognized arguments: --frob"),
        (models.main, ["--accept", "0"], "--accept goes with --fetch"),
        (prepare.main, ["a.tflite"], "the following arguments are required: -o/--output"),
    ],
)
def test_a_wrong_flag_is_one_line_that_says_where_help_is(
    main: object, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of(main, arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("edgevid: ")
    assert said in line
    assert line.endswith(" --help)")
    assert "(python -m edgevid." in line
    assert ("written ./-n.mp4 (" in line) == (ICE in arguments)


def test_a_lone_dash_is_standard_input() -> None:
    assert options.parse(["--source", "-"]).sources == ("-",)
    assert options.parse(["--source", "./-n.mp4"]).sources == ("./-n.mp4",)


def test_the_librarys_warnings_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("edgevid.somewhere")

    def run() -> int:
        log.warning("assumed %d frames a second\n", 25)
        log.info("not this")
        return 0

    assert guard(run) == 0
    assert capsys.readouterr().err == "edgevid: assumed 25 frames a second\ufffd\n"
    guard(run, warnings=False)
    log.warning("nobody listens any more")
    assert capsys.readouterr().err == ""


def test_a_line_does_not_break_the_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with tqdm(total=10, file=sys.stderr, ncols=40) as bar:
        bar.update(5)
        bar.refresh()
        complain("something")
    said = capsys.readouterr().err
    assert "\redgevid: something\n" in said  # on a line of its own, and the bar again after it
    assert "5/10" in said[said.index("something") :]


def test_names_that_cannot_be_printed() -> None:
    assert readable("caf\udce9\n\x1b[1m.mp4") == "caf\ufffd\ufffd\ufffd[1m.mp4"
    assert readable("größe 視.mp4") == "größe 視.mp4"


def test_a_terminal_that_knows_ascii_only() -> None:
    program = "from edgevid.support.command import guard; guard(lambda: print('größe') or 0)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"gr??e\n"


def test_without_standard_error_nothing_goes_to_standard_output() -> None:
    program = "from edgevid.support.command import complain; complain('hello')"
    shell = f'exec {sys.executable} -c "{program}" 2>&-'
    done = subprocess.run(["sh", "-c", shell], stdout=subprocess.PIPE, check=True)
    assert done.stdout == b""


def test_a_file_is_not_replaced_by_what_is_made_of_it(tmp_path: Path) -> None:
    """The command that prepares a model refuses to write over what it reads."""
    model = tmp_path / "model.tflite"
    model.write_bytes(b"model")
    (tmp_path / "link.tflite").symlink_to(model)
    (tmp_path / "labels.txt").write_text("one\n")
    for output in ("model.tflite", "link.tflite", "labels.txt"):
        flags = ["-o", str(tmp_path / output), "--labels", str(tmp_path / "labels.txt")]
        assert prepare.main([str(model), *flags]) == 2
    assert model.read_bytes() == b"model"


@pytest.mark.parametrize(
    "module",
    [
        *("edgevid.stream", "edgevid.prepare", "edgevid.models", "edgevid.demo"),
        *("apps.raspberry_pi", "benchmarks.memory", "benchmarks.readme"),
    ],
)
def test_a_wrong_flag_is_one_line_in_every_command(module: str) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", module, "--no-such-flag"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("edgevid: ")
    assert f"{module} --help" in line
