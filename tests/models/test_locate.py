from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import edgevid
from benchmarks.parts.local_server import LocalServer
from edgevid.errors import DownloadError, ModelError, UsageError
from edgevid.models import cache, locate
from edgevid.models.catalog import CAMERA_MOTION, CATALOG
from edgevid.support.atomic_file import AtomicFile
from tests.tiny_stream import tiny_stream

A1 = tiny_stream(note="the file")
OTHER_A1 = tiny_stream(note="another file")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def published_a0(published_path: Path) -> bytes:
    return published_path.read_bytes()


@pytest.fixture
def models(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in EDGEVID_MODELS, an empty cache, and no address to download from."""
    for name, model in CATALOG.items():
        monkeypatch.setitem(CATALOG, name, replace(model, addresses=()))
    return folder


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture
def publish(
    models: Path, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, bytes], None]:
    """Gives a model of the catalog one address, with this content."""

    def publish(name: str, content: bytes) -> None:
        address = server.give(f"/{name}", content)
        monkeypatch.setitem(CATALOG, name, replace(CATALOG[name], addresses=(address,)))

    return publish


class TestFind:
    def test_an_unknown_model_is_nowhere(self, models: Path) -> None:
        assert locate.find("movinet-a0") is None
        assert locate.find("no-such-model") is None

    @pytest.mark.parametrize("file_name", ["movinet-a0.tflite", "movinet_a0_stream_int8.tflite"])
    def test_a_file_in_the_users_folder(self, models: Path, file_name: str) -> None:
        (models / file_name).touch()
        assert locate.find("movinet-a0") == models / file_name

    def test_a_model_of_the_users_own(self, models: Path) -> None:
        (models / "my-gestures.tflite").touch()
        assert locate.find("my-gestures") == models / "my-gestures.tflite"

    def test_folders_are_searched_in_order_and_before_the_cache(
        self, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        second = tmp_path / "second"
        listed = os.pathsep.join([str(tmp_path / "absent"), "", str(models), str(second)])
        monkeypatch.setenv("EDGEVID_MODELS", listed)
        places = [cache.path_of("movinet-a1"), *(f / "movinet-a1.tflite" for f in (second, models))]
        for place in places:  # each takes precedence over those before it
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
            cache.remember("movinet-a1", sha256(b""))
            assert locate.find("movinet-a1") == place

    def test_a_folder_called_like_a_model_is_none(self, models: Path) -> None:
        (models / "movinet-a0.tflite").mkdir()
        assert locate.find("movinet-a0") is None

    def test_a_file_that_is_being_written_is_no_model(self, models: Path) -> None:
        unfinished = models / ".gestures.0123abcd.part.tflite"
        unfinished.touch()
        assert locate.find(unfinished.stem) is None
        assert list(locate.own_files()) == []
        with pytest.raises(ModelError, match="is half-written"):
            locate.locate(unfinished)
        with pytest.raises(ModelError, match="is half-written"):
            edgevid.load_model(str(unfinished))

    @pytest.mark.parametrize("name", ["", ".", "..", "../secret", "a/b", "/etc", "a\0b"])
    def test_a_name_never_leaves_the_folders(self, models: Path, name: str) -> None:
        (models.parent / "secret.tflite").touch()
        assert locate.find(name) is None


class TestAuto:
    """``--model auto``: each case says in one line which model it is, and why."""

    def test_the_published_model_where_it_is_found(
        self, models: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (models / "movinet-a0.tflite").touch()
        path = models / "movinet-a0.tflite"
        assert locate.choose() == ("movinet-a0", path)
        assert capsys.readouterr().err == f"edgevid: using movinet-a0: {path}\n"

    def test_or_where_it_can_be_downloaded(
        self,
        publish: Callable[[str, bytes], None],
        published_a0: bytes,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        publish("movinet-a0", published_a0)
        assert locate.choose() == ("movinet-a0", cache.path_of("movinet-a0"))
        assert locate.find("movinet-a0") == cache.path_of("movinet-a0")
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("edgevid: movinet-a0 downloaded from ")

    def test_else_the_one_that_comes_with_edgevid(
        self, models: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert locate.choose() == ("camera-motion", CAMERA_MOTION.path)
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("edgevid: using camera-motion, which comes with edgevid")
        assert "movinet-a0 cannot be downloaded" in line

    def test_a_model_that_changed_is_not_passed_over(self, models: Path) -> None:
        path = cache.path_of("movinet-a0")
        path.parent.mkdir(parents=True)
        path.write_bytes(b"another")
        with pytest.raises(ModelError, match="has changed since it was downloaded"):
            locate.choose()


class TestLocate:
    def test_a_model_that_comes_with_edgevid(self, models: Path) -> None:
        assert locate.locate("camera-motion") == CAMERA_MOTION.path
        (models / "camera-motion.tflite").touch()
        assert locate.locate("camera-motion") == models / "camera-motion.tflite"

    @pytest.mark.parametrize("kind", [str, Path])
    def test_a_path_is_taken_as_it_is(self, models: Path, kind: type) -> None:
        path = models / "some.tflite"
        path.touch()
        assert locate.locate(kind(path)) == path

    def test_a_path_without_a_folder(self, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(models)
        Path("some.tflite").touch()
        Path("some").touch()
        assert locate.locate("some.tflite") == Path("some.tflite")
        assert locate.locate("./some") == Path("some")

    def test_a_file_whose_name_could_be_a_models(
        self, models: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(models.parent)
        Path("net").touch()
        assert locate.locate("net") == Path("net")
        (models / "net.tflite").touch()
        assert locate.locate("net") == models / "net.tflite"

    @pytest.mark.parametrize("path", ["models/none.tflite", "none.tflite", "/none/at/all", ""])
    def test_no_such_file(self, models: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
        monkeypatch.chdir(models.parent)
        with pytest.raises(ModelError, match=r"no model file|is a folder") as caught:
            locate.locate(path)
        assert path in str(caught.value)

    @pytest.mark.parametrize(
        ("path", "problem"),
        [
            ("file.tflite/inside.tflite", "Not a directory"),
            ("long" * 100 + ".tflite", "File name too long"),
            ("null\0.tflite", "cannot be the name of a file"),
            ("folder.tflite", "is a folder"),
        ],
    )
    def test_a_path_that_cannot_be(
        self, models: Path, monkeypatch: pytest.MonkeyPatch, path: str, problem: str
    ) -> None:
        monkeypatch.chdir(models)
        Path("file.tflite").touch()
        Path("folder.tflite").mkdir()
        with pytest.raises(ModelError, match=problem):
            locate.locate(path)

    @pytest.mark.parametrize(
        ("name", "near"),
        [("movinet-a9", "movinet-a"), ("MoViNet-A0", "movinet-a0"), ("gesture", "gestures")],
    )
    def test_an_unknown_name_gets_the_nearest(self, models: Path, name: str, near: str) -> None:
        (models / "gestures.tflite").touch()
        with pytest.raises(ModelError, match=f"no model called '{name}': did you mean {near}"):
            locate.locate(name)

    def test_a_name_like_no_other(self, models: Path) -> None:
        with pytest.raises(ModelError, match=r"python -m edgevid\.models lists them"):
            locate.locate("xyz")

    def test_a_model_that_is_nowhere_is_downloaded_once(
        self, publish: Callable[[str, bytes], None], server: LocalServer
    ) -> None:
        publish("movinet-a1", A1)
        path = locate.locate("movinet-a1")
        assert path.read_bytes() == A1
        assert locate.locate("movinet-a1") == path == cache.path_of("movinet-a1")
        assert len(server.requests) == 1

    def test_a_model_of_the_users_own_is_never_downloaded(
        self, models: Path, publish: Callable[[str, bytes], None], server: LocalServer
    ) -> None:
        publish("movinet-a0", A1)
        own = models / "movinet-a0.tflite"
        own.write_bytes(b"prepared by the user, so not the published checksum")
        assert locate.locate("movinet-a0") == own
        assert server.requests == []

    def test_load_model_says_which_file_is_bad(self, models: Path) -> None:
        (models / "movinet-a0.tflite").write_bytes(b"")
        with pytest.raises(ModelError, match=r"models/movinet-a0\.tflite: "):
            edgevid.load_model("movinet-a0")


class TestFetch:
    def test_a_known_checksum(
        self, published_a0: bytes, publish: Callable[[str, bytes], None]
    ) -> None:
        publish("movinet-a0", published_a0)
        path = locate.fetch("movinet-a0", progress=False)
        assert path.read_bytes() == published_a0
        assert [file.name for file in cache.folder().iterdir()] == ["movinet-a0.tflite"]

    def test_an_archive_as_kaggle_packs_it(
        self, published_a0: bytes, publish: Callable[[str, bytes], None]
    ) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            info = tarfile.TarInfo("1.tflite")
            info.size = len(published_a0)
            archive.addfile(info, io.BytesIO(published_a0))
        publish("movinet-a0", packed.getvalue())
        assert locate.fetch("movinet-a0", progress=False).read_bytes() == published_a0

    def test_one_wrong_bit(
        self, published_a0: bytes, publish: Callable[[str, bytes], None]
    ) -> None:
        damaged = bytearray(published_a0)
        damaged[len(damaged) // 2] ^= 1
        publish("movinet-a0", bytes(damaged))
        with pytest.raises(DownloadError, match="not the published 6125b36e"):
            locate.fetch("movinet-a0", progress=False)
        assert list(cache.folder().iterdir()) == []

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"<!DOCTYPE html><title>Please log in</title>", r"not a \.tflite file"),
            (b"", "empty"),
            (A1[:300], "truncated or damaged"),
            (tiny_stream(pixels=224), "224x224 pixels and 600 classes, not of 172x172"),
            (tiny_stream(classes=10), "172x172 pixels and 10 classes, not of 172x172 and 600"),
        ],
        ids=["error page", "empty", "cut", "of another size", "of other classes"],
    )
    @pytest.mark.parametrize("name", ["movinet-a0", "movinet-a1"])
    def test_a_file_that_is_not_the_model(
        self, publish: Callable[[str, bytes], None], name: str, content: bytes, problem: str
    ) -> None:
        publish(name, content)
        with pytest.raises(DownloadError, match=f"{name} cannot be downloaded: .*{problem}"):
            locate.fetch(name, progress=False)
        assert list(cache.folder().iterdir()) == []

    def test_an_unknown_checksum_is_said_and_remembered(
        self, publish: Callable[[str, bytes], None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        publish("movinet-a1", A1)
        assert locate.expected_sha256("movinet-a1") is None
        locate.fetch("movinet-a1")
        assert locate.expected_sha256("movinet-a1") == sha256(A1)
        said = capsys.readouterr()
        assert sha256(A1) in said.err
        assert said.out == ""

    @pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs the sha256sum program")
    def test_sha256sum_reads_what_is_remembered(
        self, publish: Callable[[str, bytes], None]
    ) -> None:
        publish("movinet-a1", A1)
        memo = f"{locate.fetch('movinet-a1', progress=False)}.sha256"
        subprocess.run(["sha256sum", "--check", "--strict", memo], cwd=cache.folder(), check=True)

    def test_another_file_later_is_refused_until_it_is_accepted(
        self, publish: Callable[[str, bytes], None]
    ) -> None:
        publish("movinet-a1", A1)
        path = locate.fetch("movinet-a1", progress=False)
        publish("movinet-a1", OTHER_A1)
        for remove in (False, True):  # what is remembered outlives the file
            if remove:
                path.unlink()
            with pytest.raises(DownloadError, match="as it was before") as caught:
                locate.fetch("movinet-a1", progress=False)
        told = str(caught.value)
        assert "\n" not in told
        assert f"--fetch movinet-a1 --accept {sha256(OTHER_A1)}" in told
        locate.fetch("movinet-a1", accept=sha256(OTHER_A1).upper(), progress=False)
        assert path.read_bytes() == OTHER_A1
        assert locate.locate("movinet-a1") == path

    def test_only_the_accepted_file_is_accepted(
        self, publish: Callable[[str, bytes], None]
    ) -> None:
        publish("movinet-a1", OTHER_A1)
        with pytest.raises(DownloadError, match=f"not {sha256(A1)}"):
            locate.fetch("movinet-a1", accept=sha256(A1), progress=False)
        assert list(cache.folder().iterdir()) == []

    @pytest.mark.parametrize(
        ("name", "accept", "problem"),
        [
            ("movinet-a1", "1234", "is no SHA-256"),
            ("movinet-a1", "g" * 64, "is no SHA-256"),
            ("movinet-a0", "0" * 64, "published with sha256 6125b36e"),
        ],
    )
    def test_what_cannot_be_accepted(
        self, models: Path, name: str, accept: str, problem: str
    ) -> None:
        with pytest.raises(UsageError, match=problem):
            locate.fetch(name, accept=accept)

    def test_only_the_catalog_can_be_downloaded(self, models: Path) -> None:
        with pytest.raises(
            ModelError, match="only movinet-a0, movinet-a1, movinet-a2, ssd-mobilenet-v1 can"
        ):
            locate.fetch("my-own")

    def test_a_cache_that_cannot_be_written(
        self, publish: Callable[[str, bytes], None], server: LocalServer
    ) -> None:
        publish("movinet-a1", A1)
        cache.folder().parent.write_text("a file where the cache should be")
        with pytest.raises(DownloadError, match=r"cannot be written: .*EDGEVID_MODELS"):
            locate.fetch("movinet-a1", progress=False)
        assert server.requests == []


class TestKilled:
    """A process that is killed anywhere between a download and its note leaves no open door."""

    def test_the_note_is_there_before_the_file(
        self, publish: Callable[[str, bytes], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        publish("movinet-a1", A1)

        def killed(whole: AtomicFile) -> None:
            if whole.path.suffix == ".tflite":
                raise KeyboardInterrupt
            keep(whole)

        keep = AtomicFile.keep
        with monkeypatch.context() as patch:
            patch.setattr(AtomicFile, "keep", killed)
            with pytest.raises(KeyboardInterrupt):
                locate.fetch("movinet-a1", progress=False)
        assert cache.remembered("movinet-a1") == sha256(A1)

    def test_a_file_without_a_note_is_not_taken(
        self, publish: Callable[[str, bytes], None], server: LocalServer
    ) -> None:
        publish("movinet-a1", A1)
        cache.folder().mkdir(parents=True)
        cache.path_of("movinet-a1").write_bytes(OTHER_A1)
        assert locate.find("movinet-a1") is None
        assert locate.locate("movinet-a1").read_bytes() == A1

    def test_what_it_left_half_written_goes_with_the_next_download(
        self, publish: Callable[[str, bytes], None]
    ) -> None:
        publish("movinet-a1", A1)
        cache.folder().mkdir(parents=True)
        left = cache.folder() / ".movinet-a1.0123abcd.part.tflite"
        left.write_bytes(A1[:100])
        locate.fetch("movinet-a1", progress=False)
        assert not left.exists()


class TestCache:
    def test_a_file_that_changed_is_refused(self, publish: Callable[[str, bytes], None]) -> None:
        publish("movinet-a1", A1)
        path = locate.locate("movinet-a1")
        path.write_bytes(OTHER_A1)
        with pytest.raises(ModelError, match="has changed since it was downloaded"):
            locate.locate("movinet-a1")
        locate.fetch("movinet-a1", progress=False)
        assert locate.locate("movinet-a1").read_bytes() == A1

    def test_the_published_checksum_holds_without_a_note(self, models: Path) -> None:
        path = cache.path_of("movinet-a0")
        path.parent.mkdir(parents=True)
        path.write_bytes(A1)
        with pytest.raises(ModelError, match="has changed"):
            locate.locate("movinet-a0")

    @pytest.mark.parametrize("note", [b"", b"nonsense", b"\xff\xfe", b"\0" * 80])
    def test_a_damaged_note(self, models: Path, note: bytes) -> None:
        cache.folder().mkdir(parents=True)
        (cache.folder() / "movinet-a1.tflite.sha256").write_bytes(note)
        with pytest.raises(ModelError, match=r"movinet-a1\.tflite\.sha256 .*: delete it"):
            locate.expected_sha256("movinet-a1")

    def test_where_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", "/home/someone")
        monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/someone")
        assert cache.folder() == Path("/var/cache/someone/edgevid")
        for not_to_be_used in ("", "relative"):
            monkeypatch.setenv("XDG_CACHE_HOME", not_to_be_used)
            assert cache.folder() == Path("/home/someone/.cache/edgevid")

    def test_a_user_without_a_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def homeless() -> Path:
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.delenv("EDGEVID_MODELS", raising=False)
        monkeypatch.setattr(Path, "home", homeless)
        with pytest.raises(ModelError, match="set XDG_CACHE_HOME"):
            locate.locate("movinet-a0")


def test_looking_up_a_model_loads_no_network_code(models: Path) -> None:
    (models / "movinet-a0.tflite").touch()
    program = (
        "import sys; from edgevid.models import locate; locate.locate('movinet-a0'); "
        "print({'ssl', 'http.client', 'urllib.request', 'tqdm'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("set()\n", "")
