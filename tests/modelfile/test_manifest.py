from __future__ import annotations

import io
import json
import math
import random
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.parts.tiny_model import LABELS, tiny_model
from edgevid.errors import LabelsError, ModelError
from edgevid.modelfile import manifest
from edgevid.modelfile.manifest import EventRules, Manifest
from edgevid.models.load import load_model

NETWORK = tiny_model()
FULL = Manifest(
    name="tiny",
    labels=LABELS,
    fps=7.5,
    fit="letterbox",
    memory_s=3.0,
    clip_s=4.0,
    events=EventRules(0.7, 0.3, 0.5, 1.5, 2.5),
    metrics={"top_1": 0.865, "clips": 52},
    provenance={"source": "здесь", "passes": ["fold", "cap"]},
)


def with_members(members: dict[str, bytes], *, packed: int = zipfile.ZIP_STORED) -> bytes:
    """The network with an archive of the test's own behind it."""
    written = io.BytesIO()
    written.write(NETWORK)
    with zipfile.ZipFile(written, "a", packed) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return written.getvalue()


def with_json(edit: Callable[[dict[str, Any]], object]) -> bytes:
    """A model whose manifest is right but for one edit."""
    with zipfile.ZipFile(io.BytesIO(manifest.write(NETWORK, FULL))) as archive:
        values = json.loads(archive.read("manifest.json"))
        labels = archive.read("labels.txt")
    edit(values)
    return with_members({"manifest.json": json.dumps(values).encode(), "labels.txt": labels})


def test_round_trip() -> None:
    data = manifest.write(NETWORK, FULL)
    assert manifest.read(data) == FULL
    assert manifest.split(data)[0] == NETWORK
    assert data.startswith(NETWORK)


def test_a_plain_model_has_none() -> None:
    assert manifest.read(NETWORK) is None
    assert manifest.split(NETWORK) == (NETWORK, b"")
    assert manifest.read(b"") is None


def test_a_manifest_replaces_the_one_before() -> None:
    long = Manifest("long", tuple(f"label {n}" for n in range(1000)))
    data = manifest.write(manifest.write(NETWORK, long), FULL)
    assert data == manifest.write(NETWORK, FULL)


def test_infinite_memory_is_plain_json() -> None:
    forever = Manifest("tiny", LABELS, memory_s=math.inf)
    data = manifest.write(NETWORK, forever)
    assert manifest.read(data) == forever
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        text = archive.read("manifest.json").decode()
    assert json.loads(text, parse_constant=pytest.fail)["memory_s"] is None


def test_the_same_manifest_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    first = manifest.write(NETWORK, FULL)
    monkeypatch.setattr("time.time", lambda: 2e9)
    monkeypatch.setattr("sys.platform", "win32")
    assert manifest.write(NETWORK, FULL) == first


_line = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=256).filter(
    lambda text: text == text.strip() and not text.startswith("\ufeff")
)


@given(st.lists(_line, min_size=1).map(tuple))
def test_any_labels_come_back(labels: tuple[str, ...]) -> None:
    found = manifest.read(manifest.write(NETWORK, Manifest("tiny", labels)))
    assert found is not None
    assert found.labels == labels


def test_zip_programs_read_it(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(manifest.write(NETWORK, FULL))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["manifest.json", "labels.txt"]
        assert archive.read("labels.txt").decode().splitlines() == list(LABELS)


@pytest.mark.skipif(shutil.which("unzip") is None, reason="needs the unzip program")
def test_unzip_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(manifest.write(NETWORK, FULL))
    shown = subprocess.run(["unzip", "-p", path, "labels.txt"], capture_output=True, check=True)
    assert shown.stdout.decode().splitlines() == list(LABELS)
    subprocess.run(["unzip", "-q", path], cwd=tmp_path, check=True)
    assert (tmp_path / "manifest.json").stat().st_mode & 0o777 == 0o644


def test_the_runtime_runs_a_model_with_a_manifest(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(manifest.write(NETWORK, Manifest("tiny", LABELS, fps=3.0)))
    assert load_model(path, prepare=False).manifest == Manifest("tiny", LABELS, fps=3.0)


def test_the_published_model_has_none(published_path: Path) -> None:
    data = published_path.read_bytes()
    assert manifest.read(data) is None
    flatbuffer, appended = manifest.split(data)
    assert flatbuffer + appended == data


def test_an_archive_of_another_kind_is_left_alone() -> None:
    data = with_members({"labelmap.txt": b"red\ngreen\n"})
    assert manifest.read(data) is None
    assert manifest.split(data)[0] == NETWORK


def test_bytes_that_only_look_like_an_archive_are_left_alone() -> None:
    data = NETWORK + b"PK\x05\x06" + bytes(18) + b"PK\x05\x06" + b"\xff" * 18
    assert manifest.read(data) is None
    assert manifest.split(data) == (data, b"")


def test_a_manifest_that_is_packed() -> None:
    with zipfile.ZipFile(io.BytesIO(manifest.write(NETWORK, FULL))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    assert manifest.read(with_members(members, packed=zipfile.ZIP_DEFLATED)) == FULL


class TestDamage:
    def test_cut_anywhere_after_its_name_it_is_refused(self) -> None:
        data = manifest.write(NETWORK, FULL)
        first = data.index(b"manifest.json") + len(b"manifest.json")
        for end in range(first, len(data)):
            with pytest.raises(ModelError, match="damaged or cut off"):
                manifest.read(data[:end])
            with pytest.raises(ModelError, match="damaged or cut off"):
                manifest.split(data[:end])

    def test_with_one_byte_changed_it_is_refused_or_still_the_same(self) -> None:
        data = manifest.write(NETWORK, FULL)
        chance = random.Random(5)
        problems = []
        for at in range(len(NETWORK), len(data)):
            changed = bytearray(data)
            changed[at] ^= chance.randrange(1, 256)
            try:
                assert manifest.read(bytes(changed)) == FULL  # it was a date, say
            except ModelError as error:
                problems.append(str(error))
        assert len(problems) > (len(data) - len(NETWORK)) / 2
        assert not [problem for problem in problems if "\n" in problem]

    @pytest.mark.parametrize("missing", ["manifest.json", "labels.txt"])
    def test_a_checksum_that_does_not_fit(self, missing: str) -> None:
        data = manifest.write(NETWORK, FULL)
        at = data.index(missing.encode()) + len(missing) + 4
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises(ModelError, match=f"{missing} inside the model file is damaged"):
            manifest.read(changed)

    def test_no_labels(self) -> None:
        with pytest.raises(ModelError, match=r"no labels\.txt"):
            manifest.read(with_members({"manifest.json": b"{}"}))

    @pytest.mark.parametrize("labels", [b"", b"\n\n", b"a\n\nb\n", b"a\x1b[2J\n", b"\xff\n"])
    def test_bad_labels(self, labels: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(manifest.write(NETWORK, FULL))) as archive:
            text = archive.read("manifest.json")
        with pytest.raises(ModelError, match=r"labels\.txt inside the model file"):
            manifest.read(with_members({"manifest.json": text, "labels.txt": labels}))

    @pytest.mark.parametrize(
        "text", [b"", b"not json", b"[" * 100_000, b"\xff\xfe", b'{"format": ' + b"1" * 5000 + b"}"]
    )
    def test_no_json(self, text: bytes) -> None:
        with pytest.raises(ModelError, match="manifest"):
            manifest.read(with_members({"manifest.json": text, "labels.txt": b"a\n"}))

    def test_a_bomb(self) -> None:
        members = {"manifest.json": bytes(100_000_000), "labels.txt": b"a\n"}
        data = with_members(members, packed=zipfile.ZIP_DEFLATED)
        assert len(data) < 1_000_000
        with pytest.raises(ModelError, match="too large"):
            manifest.read(data)

    @pytest.mark.parametrize("packed", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_a_bomb_packed_in_a_rare_way(self, packed: int) -> None:
        """Both unpack a whole block before any limit is looked at."""
        data = with_members({"manifest.json": b"{}", "labels.txt": b"a\n" * 100_000}, packed=packed)
        with pytest.raises(ModelError, match="neither stored nor deflated"):
            manifest.read(data)

    def test_a_bomb_that_states_a_moderate_size(self) -> None:
        data = with_members({"manifest.json": bytes(100_000_000)}, packed=zipfile.ZIP_DEFLATED)
        stated = struct.pack("<L", 100_000_000)
        assert data.count(stated) == 2
        with pytest.raises(ModelError, match=r"damaged|no labels"):
            manifest.read(data.replace(stated, struct.pack("<L", 1000)))

    def test_many_members(self) -> None:
        data = with_members({f"{n}.txt": b"" for n in range(2000)} | {"manifest.json": b"{}"})
        with pytest.raises(ModelError, match="damaged or cut off"):
            manifest.read(data)

    def test_many_members_of_another_kind_are_left_alone(self) -> None:
        assert manifest.read(with_members({f"{n}.txt": b"" for n in range(2000)})) is None

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_two_members_of_one_name(self) -> None:
        written = io.BytesIO(manifest.write(NETWORK, FULL))
        with zipfile.ZipFile(written, "a") as archive:
            archive.writestr("labels.txt", "a\nb\n")
        with pytest.raises(ModelError, match="two members of one name"):
            manifest.read(written.getvalue())

    @pytest.mark.parametrize(
        ("labels", "problem"),
        [
            (b"a\n" * 70_000, "more than 65536 lines"),
            (b"a" * 1000 + b"\n", "line 1 of the labels has 1000 characters"),
            (b"a\nb\xed\xa0\x80\n", "damaged"),  # half of a surrogate pair
        ],
        ids=["many", "long", "surrogate"],
    )
    def test_labels_without_measure(self, labels: bytes, problem: str) -> None:
        with zipfile.ZipFile(io.BytesIO(manifest.write(NETWORK, FULL))) as archive:
            text = archive.read("manifest.json")
        with pytest.raises(ModelError, match=problem):
            manifest.read(with_members({"manifest.json": text, "labels.txt": labels}))


class TestContent:
    @pytest.mark.parametrize("name", ["a\x1b[2J", "\ud800", "a\nb", "a" * 300])
    def test_names_that_cannot_be_shown(self, name: str) -> None:
        with pytest.raises(ModelError, match="manifest") as caught:
            manifest.read(with_json(lambda values: values.update(name=name)))
        assert str(caught.value).isprintable()

    @pytest.mark.parametrize("value", ["\ud800", {"\x1b": 1}, ["\udfff"]])
    def test_texts_that_cannot_be_written(self, value: object) -> None:
        with pytest.raises(ModelError, match="no plain text"):
            manifest.read(with_json(lambda values: values["metrics"].update(here=value)))

    @pytest.mark.parametrize("depth", [20, 400])
    def test_lists_in_lists_in_lists(self, depth: int) -> None:
        value: list[Any] = []
        for _ in range(depth):
            value = [value]
        with pytest.raises(ModelError, match="nested too deeply"):
            manifest.read(with_json(lambda values: values["provenance"].update(here=value)))

    @pytest.mark.parametrize("text", [b"[]", b"1", b"{}", b'{"format": 2}', b'{"format": "1"}'])
    def test_another_format(self, text: bytes) -> None:
        with pytest.raises(ModelError, match=r"format .* and this edgevid reads 1"):
            manifest.read(with_members({"manifest.json": text, "labels.txt": b"a\n"}))

    def test_values_that_are_not_known_are_passed_over(self) -> None:
        assert manifest.read(with_json(lambda values: values.update(later="more"))) == FULL

    @pytest.mark.parametrize(
        "key", ["name", "fps", "fit", "memory_s", "clip_s", "events", "metrics", "provenance"]
    )
    def test_values_that_are_missing(self, key: str) -> None:
        with pytest.raises(ModelError, match=f"lacks '{key}'"):
            manifest.read(with_json(lambda values: values.pop(key)))

    WRONG: Mapping[str, tuple[object, ...]] = {
        "name": (3, None),
        "fps": (0, -5, 1e9, math.nan, "five", None, [], 10**400),
        "fit": ("squeeze", 1, None),
        "memory_s": (-1, math.nan, "long", 10**400),
        "clip_s": (0, -1, math.nan, math.inf),
        "events": (None, [], 1),
        "metrics": (None, [], "good"),
        "provenance": ("here",),
    }

    @pytest.mark.parametrize(
        ("key", "value"), [(key, value) for key, values in WRONG.items() for value in values]
    )
    def test_values_that_are_wrong(self, key: str, value: object) -> None:
        with pytest.raises(ModelError, match="manifest"):
            manifest.read(with_json(lambda values: values.update({key: value})))

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("on_threshold", 1.5),
            ("on_threshold", 0.1),  # below off
            ("off_threshold", -0.1),
            ("off_threshold", math.nan),
            ("smoothing", -1),
            ("min_duration", math.inf),
            ("cool_down", "long"),
        ],
    )
    def test_events_that_are_wrong(self, key: str, value: object) -> None:
        with pytest.raises(ModelError, match="manifest"):
            manifest.read(with_json(lambda values: values["events"].update({key: value})))


class TestWrite:
    @pytest.mark.parametrize(
        "labels", [(), ("a", ""), (" a",), ("a\nb",), ("a\r",), ("a\tb",), ("\ufeffa",)]
    )
    def test_labels_that_would_not_come_back(self, labels: tuple[str, ...]) -> None:
        with pytest.raises(LabelsError):
            manifest.write(NETWORK, Manifest("tiny", labels))

    @pytest.mark.parametrize("value", [math.nan, math.inf, object(), b"bytes"])
    def test_figures_that_json_does_not_have(self, value: object) -> None:
        with pytest.raises(ModelError, match="cannot be written as JSON"):
            manifest.write(NETWORK, Manifest("tiny", LABELS, metrics={"top_1": value}))

    def test_behind_a_damaged_manifest(self) -> None:
        with pytest.raises(ModelError, match="damaged or cut off"):
            manifest.write(manifest.write(NETWORK, FULL)[:-1], FULL)


class TestParseLabels:
    @pytest.mark.parametrize(
        "text", ["a\nb c", "a\nb c\n\n\n", "\ufeffa\r\nb c\r\n", "  a  \n\tb c\t\n"]
    )
    def test_kinds_of_line_ends(self, text: str) -> None:
        assert manifest.parse_labels(text) == ("a", "b c")

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("", "empty"),
            ("\n \n", "empty"),
            ("a\n\nb", "line 2 .* is empty"),
            ("a\nb\x1b[2J", "line 2 .* control character"),
            ("0\tred", "line 1 .* control character"),
        ],
    )
    def test_what_is_no_list_of_labels(self, text: str, problem: str) -> None:
        with pytest.raises(LabelsError, match=problem):
            manifest.parse_labels(text)
