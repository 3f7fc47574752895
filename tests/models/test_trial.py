"""Files that nobody has loaded yet are tried out in a process of their own."""

from __future__ import annotations

import hashlib
import io
import os
import re
import signal
import stat
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.parts.tiny_model import LABELS, tiny_model
from edgevid import load_model
from edgevid.errors import LabelsError, ModelError
from edgevid.modelfile import manifest
from edgevid.modelfile.manifest import Manifest
from edgevid.models import attempt, cache, trial
from edgevid.models.attempt import Attempt, Wanted
from edgevid.models.catalog import CAMERA_MOTION
from edgevid.support.target import this_machine
from tests.prepare.mini_movinet import LABELS as MINI_LABELS
from tests.prepare.mini_movinet import mini_movinet

WANTED = Wanted("tiny", LABELS, prepare=False, target="x86", backend="auto")
PATH = Path("tiny.tflite")


@pytest.fixture
def tiny(folder: Path) -> Path:
    path = folder / "tiny.tflite"
    path.write_bytes(tiny_model())
    return path


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Wanted]:
    """What was tried out so far."""
    seen: list[Wanted] = []

    def run(path: Path, data: bytes, wanted: Wanted) -> Attempt:
        seen.append(wanted)
        return really(path, data, wanted)

    really = trial.run
    monkeypatch.setattr(trial, "run", run)
    return seen


def played_by(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Lets this program run in the process, once that has its limits."""
    program = program.replace("{", "{{").replace("}", "}}")  # the whole is filled in later
    start = trial._PROGRAM.replace(
        "from edgevid.models.attempt import serve\n",
        f"from edgevid.models import attempt\ndef played(data, wanted):\n    {program}\n"
        "attempt.attempt = played\nserve = attempt.serve\n",
    )
    assert start != trial._PROGRAM
    monkeypatch.setattr(trial, "_PROGRAM", start)


class TestProcess:
    def test_a_good_file(self) -> None:
        assert trial.run(PATH, tiny_model(), WANTED) == Attempt()

    def test_it_prepares_as_this_process_would(self) -> None:
        data = mini_movinet(int8=True)
        wanted = replace(WANTED, labels=MINI_LABELS, prepare=True)
        done = trial.run(PATH, data, wanted)
        assert done == attempt.attempt(data, wanted)
        assert done.prepared is not None
        assert dict(done.report)["bound_memory"]

    def test_a_file_that_cannot_be_prepared(self) -> None:
        def second(model: Any) -> None:
            model.signatureDefs *= 2

        done = trial.run(PATH, tiny_model(second), replace(WANTED, prepare=True))
        assert done.prepared is None
        assert "signature" in done.problem

    def test_errors_keep_their_kind(self) -> None:
        with pytest.raises(LabelsError, match="it has 4 classes, the labels name 1"):
            trial.run(PATH, tiny_model(), replace(WANTED, labels=("one",)))
        with pytest.raises(ModelError, match="the model file is empty"):
            trial.run(PATH, b"", WANTED)

    def test_logits_that_are_no_numbers(self) -> None:
        def spoil(model: Any) -> None:
            model.buffers[2].data = np.full(48, 255, np.uint8)  # the weights: all NaN

        with pytest.raises(ModelError, match="infinite or no numbers"):
            trial.run(PATH, tiny_model(spoil), WANTED)

    def test_shapes_that_are_others_when_it_runs(self) -> None:
        def claim(model: Any) -> None:
            model.subgraphs[0].tensors[6].shape = [1, 7]

        wanted = replace(WANTED, labels=tuple("abcdefg"))
        with pytest.raises(ModelError, match=r"'logits:0' is float32 \[1, 4\] when it runs"):
            trial.run(PATH, tiny_model(claim), wanted)

    @pytest.mark.parametrize(
        ("program", "problem"),
        [
            ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashes .*SIGSEGV"),
            ("import os; os.abort()", "crashes the runtime .SIGABRT"),
            ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "memory runs out"),
            ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", "take longer than any"),
            ("import os, signal; os.kill(os.getpid(), signal.SIGALRM)", "take longer than any"),
            ("bytearray(1 << 30)", "takes more than 400 MB"),
            ("raise ZeroDivisionError('two\\nlines')", "it is damaged, get it again .two lines"),
            ("def f(): f()\n    f()", "it is damaged, get it again .maximum recursion depth"),
        ],
        ids=["crash", "abort", "killed", "cpu", "time", "memory", "error", "recursion"],
    )
    def test_whatever_a_file_does_is_one_line(
        self, monkeypatch: pytest.MonkeyPatch, program: str, problem: str
    ) -> None:
        played_by(monkeypatch, program)
        with pytest.raises(ModelError, match=problem) as caught:
            trial.run(PATH, tiny_model(), WANTED)
        assert "\n" not in str(caught.value)

    def test_it_has_little_time_and_says_nothing(
        self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        played_by(
            monkeypatch,
            "import os, resource, signal; os.write(1, b'out'); os.write(2, b'err'); "
            "print('more'); left = signal.alarm(0); "
            "raise ValueError(f'{resource.getrlimit(resource.RLIMIT_CPU)} {left}')",
        )
        with pytest.raises(ModelError) as caught:
            trial.run(PATH, tiny_model(), WANTED)
        cpu_s, again_s, left_s = (int(number) for number in re.findall(r"\d+", str(caught.value)))
        assert cpu_s == again_s >= 15
        assert cpu_s < left_s <= cpu_s + 3
        assert capfd.readouterr() == ("", "")

    def test_a_sandbox_that_forbids_limits(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """As the service's own unit does; a crash is kept away all the same."""
        forbid = (
            "import resource\ndef forbidden(*given):\n    raise PermissionError(1, 'not here')\n"
            "resource.setrlimit = resource.getrlimit = forbidden\n"
        )
        monkeypatch.setattr(trial, "_PROGRAM", forbid + trial._PROGRAM)
        assert trial.run(PATH, tiny_model(), WANTED) == Attempt()
        played_by(monkeypatch, "import os; os.abort()")
        with pytest.raises(ModelError, match="SIGABRT"):
            trial.run(PATH, tiny_model(), WANTED)
        assert "without having been tried out" not in caplog.text

    def test_a_program_with_a_python_inside_is_not_started_again(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        program = tmp_path / "player"
        program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(sys, "executable", str(program))
        assert trial.run(PATH, tiny_model(), WANTED) == Attempt()
        assert "without having been tried out first" in caplog.text
        assert not (tmp_path / "started").exists()

    @pytest.mark.parametrize("executable", ["", "/nowhere/python", "python-that-fails"])
    def test_where_no_process_can_be_started(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
        executable: str,
    ) -> None:
        if executable == "python-that-fails":
            failing = tmp_path / executable
            failing.write_text("#!/bin/sh\necho no such library >&2\nexit 1\n")
            failing.chmod(0o755)
            executable = str(failing)
        monkeypatch.setattr(sys, "executable", executable)
        assert trial.run(PATH, tiny_model(), WANTED) == Attempt()
        assert "without having been tried out first" in caplog.text
        with pytest.raises(ModelError, match="empty"):
            trial.run(PATH, b"", WANTED)

    def test_it_loads_neither_opencv_nor_the_front_door(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        played_by(
            monkeypatch,
            "import sys; raise ValueError(sorted({'cv2', 'av', 'edgevid.sources', "
            "'edgevid.runtime.model', "
            "'flatbuffers', 'ai_edge_litert.schema_py_generated'} & set(sys.modules)))",
        )
        with pytest.raises(ModelError, match=r"get it again \(\[\]\)"):
            trial.run(PATH, tiny_model(), WANTED)

    def test_modules_beside_the_program_do_not_get_in_the_way(self, tmp_path: Path) -> None:
        (tmp_path / "re.py").write_text("raise SystemExit('not this one')")
        (tmp_path / "tiny.tflite").write_bytes(tiny_model())
        (tmp_path / "program.py").write_text(
            "import re, logging, edgevid\nlogging.basicConfig()\n"
            f"edgevid.load_model('tiny.tflite', labels={LABELS!r})\n"
        )
        path = os.pathsep.join([str(Path(attempt.__file__).parents[2])])
        # The modules that Python itself loads first come from where they should.
        first = "import sys; sys.path.remove(''); import re"
        started = f"{first}; sys.path.insert(0, {str(tmp_path)!r}); import program"
        ended = subprocess.run(
            [sys.executable, "-c", started],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "tried out" not in ended.stderr


class TestOnce:
    def test_a_file_is_tried_out_once(self, tiny: Path, runs: list[Wanted]) -> None:
        for _ in range(3):
            load_model(tiny, labels=LABELS)
        assert len(runs) == 1
        assert runs[0].target == this_machine()

    def test_another_file_in_its_place_is_tried_too(self, tiny: Path, runs: list[Wanted]) -> None:
        load_model(tiny, labels=LABELS)
        tiny.write_bytes(tiny.read_bytes() + b"\0")
        load_model(tiny, labels=LABELS)
        assert len(runs) == 2

    def test_another_runtime_tries_it_again(
        self, tiny: Path, runs: list[Wanted], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        load_model(tiny, labels=LABELS)
        import ai_edge_litert

        monkeypatch.setattr(ai_edge_litert, "__version__", "99.0")
        load_model(tiny, labels=LABELS)
        assert len(runs) == 2

    def test_what_comes_with_edgevid_is_not_tried(self, folder: Path, runs: list[Wanted]) -> None:
        load_model(CAMERA_MOTION.name)
        assert runs == []
        assert not cache.folder().exists()

    def test_a_file_that_failed_is_tried_again(self, tiny: Path, runs: list[Wanted]) -> None:
        def spoil(model: Any) -> None:
            model.buffers[2].data = np.full(48, 255, np.uint8)

        tiny.write_bytes(tiny_model(spoil))
        for _ in range(2):
            with pytest.raises(ModelError, match=r"tiny\.tflite: .*no numbers"):
                load_model(tiny, labels=LABELS)
        assert len(runs) == 2

    def test_what_a_file_says_of_itself_is_repeated_in_short(self, tiny: Path) -> None:
        described = manifest.write(tiny_model(), Manifest("tiny", LABELS))
        old, new = b'"fps": 5.0', b'"fps": "' + b"a" * 100_000 + b'"'
        with zipfile.ZipFile(io.BytesIO(described)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        assert old in members["manifest.json"]
        members["manifest.json"] = members["manifest.json"].replace(old, new)
        with zipfile.ZipFile(tiny, "a") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        with pytest.raises(ModelError, match="could not convert string to float") as caught:
            load_model(tiny)
        assert len(str(caught.value)) < 600 + len(str(tiny))

    def test_the_same_bytes_under_another_name_are_another_model(self, folder: Path) -> None:
        for name in ("first", "second"):
            path = folder / f"{name}.tflite"
            path.write_bytes(mini_movinet(int8=False))
            assert load_model(path, labels=MINI_LABELS).manifest.name == name
            assert load_model(path, labels=MINI_LABELS).manifest.name == name

    def test_a_name_that_cannot_be_written_is_replaced(self, folder: Path) -> None:
        path = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9\n.tflite"))
        path.write_bytes(tiny_model())
        assert load_model(path, labels=LABELS).manifest.name == "caf\ufffd\ufffd"

    @pytest.mark.parametrize("labels", [("a", "b", "c", "\x1b[2J"), ("a", "b", "c", "\ud800")])
    def test_labels_that_cannot_be_written(self, tiny: Path, labels: tuple[str, ...]) -> None:
        with pytest.raises(LabelsError, match="line 4 of the labels holds a control character"):
            load_model(tiny, labels=labels)

    def test_where_the_cache_cannot_be_written(self, tiny: Path, runs: list[Wanted]) -> None:
        cache.folder().parent.write_text("a file where the cache should be")
        for _ in range(2):
            load_model(tiny, labels=LABELS)
        assert len(runs) == 2


class TestCache:
    @pytest.fixture
    def mini(self, folder: Path) -> Path:
        path = folder / "mini.tflite"
        path.write_bytes(mini_movinet(int8=False))
        load_model(path, labels=MINI_LABELS)
        return path

    def kept(self) -> Path:
        (path,) = (cache.folder() / "prepared").iterdir()
        return path

    def test_a_prepared_file_is_kept_under_its_checksum(self, mini: Path) -> None:
        content = self.kept().read_bytes()
        assert self.kept().stem == hashlib.sha256(content).hexdigest()

    @pytest.mark.parametrize("damage", ["weights", "cut", "gone"])
    def test_it_is_made_again_when_it_was_damaged(
        self, mini: Path, runs: list[Wanted], damage: str
    ) -> None:
        kept = self.kept()
        content = kept.read_bytes()
        if damage == "gone":
            kept.unlink()
        elif damage == "cut":
            kept.write_bytes(content[:-1])
        else:
            at = len(content) // 2
            kept.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        load_model(mini, labels=MINI_LABELS)
        assert len(runs) == 1
        assert kept.read_bytes() == content

    @pytest.mark.parametrize(
        "note",
        [b"", b"\xff", b"[]", b"{}", b'{"sha256": 5, "problem": ""}', b"[" * 100_000,
         b'{"sha256": "../../etc/passwd", "problem": ""}'],
    )  # fmt: skip
    def test_a_damaged_note_is_none(self, mini: Path, runs: list[Wanted], note: bytes) -> None:
        (path,) = (cache.folder() / "tried").iterdir()
        path.write_bytes(note)
        load_model(mini, labels=MINI_LABELS)
        assert len(runs) == 1

    def test_what_was_left_half_written_goes_with_the_next(self, mini: Path) -> None:
        left = [
            cache.folder() / name / f".x.0123abcd.part{suffix}"
            for name, suffix in (("prepared", ".tflite"), ("tried", ".json"))
        ]
        for path in left:
            path.write_bytes(b"half")
        mini.write_bytes(mini_movinet(int8=True))
        load_model(mini, labels=MINI_LABELS)
        assert not [path for path in left if path.exists()]


def test_signals_have_names_even_where_python_has_none() -> None:
    assert "signal 34" in trial._death(34) or "SIG" in trial._death(34)
    assert "SIGBUS" in trial._death(signal.SIGBUS)
