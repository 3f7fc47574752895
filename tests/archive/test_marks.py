"""Answers that are marked, in a file and on the page, and what is taught from them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import edgevid
from edgevid.archive import Archive, Settings, find, index, marking, marks, search
from edgevid.archive.marks import Marked
from edgevid.cli import archive as archive_command
from edgevid.cli import teach as teach_command
from edgevid.errors import SourceError
from tests.apps.browser import PHONE, Browser, needs_chromium

TIME = datetime(2026, 5, 1, 8, 0, 3, tzinfo=UTC)
ONE = search.Answer("yard", "/videos/a\tb.mp4", "a" * 32, TIME, 3.2, 8.4, 0.75, "waving hand")
OTHER = replace(ONE, start=20.0, end=25.0, track=2, box=(1, 2, 30, 40))


@pytest.fixture(scope="module")
def made(footage: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("marks") / "archive"
    index(find([str(footage)]), folder, settings, workers=1)
    return folder


@pytest.fixture
def marked(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Answers of a search, red ones right and green ones wrong."""
    path = tmp_path / "answers.tsv"
    assert archive_command.main(["search", str(made), "t", "--marks", str(path)]) == 0
    capsys.readouterr()
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "marks.tsv"
    told = [Marked("right", ONE), Marked("", OTHER), Marked("wrong", replace(ONE, start=4.0))]
    marks.write(path, told)
    assert marks.read(path) == told
    # As a spreadsheet leaves it.
    text = path.read_text().replace("a\tb", "a;b").replace("\t", ";").replace("a;b", "a\tb")
    path.write_bytes(
        b"\xef\xbb\xbf" + text.replace("\n", "\r\n").replace("right", "Right ").encode()
    )
    assert marks.read(path) == told


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("right\t", "maybe\t"), "line 2: the mark must be right, wrong or nothing, not 'maybe'"),
        (("3.2", "soon"), "line 2: is no answer: could not convert"),
        (("3.2", "9"), "line 2: is no answer"),
        (("a" * 32, ""), "line 2: is no answer"),
        (("content", "sum"), "holds no marks: there is no column 'content'"),
    ],
)
def test_a_line_that_makes_no_sense_is_named(
    tmp_path: Path, change: tuple[str, str], problem: str
) -> None:
    path = tmp_path / "marks.tsv"
    marks.write(path, [Marked("right", replace(ONE, source="/a.mp4"))])
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(SourceError, match=f"marks.tsv:? {problem}"):
        marks.read(path)


def test_marks_stay_when_more_is_found() -> None:
    known = [Marked("right", ONE)]
    again = replace(ONE, start=3.0, end=9.0, score=0.9)
    touching = replace(ONE, start=8.0, end=13.0)
    assert marks.together(known, [again, touching, replace(ONE, track=1)]) == [
        *known,
        Marked("", touching),
        Marked("", replace(ONE, track=1)),
    ]


def by_colour(path: Path, footage: Path) -> None:
    """Marks what is red as right, and what is green as wrong."""
    red = [footage / "2026-05-01/08/yard/00.00.mp4", footage / "2026-05-02/09/gate/00.30.mp4"]
    green = [footage / "2026-05-01/08/yard/10.00.mp4", footage / "2026-05-02/09/gate/01.30.mp4"]
    told = {**{str(p): "right" for p in red}, **{str(p): "wrong" for p in green}}
    found = [Marked(told.get(one.answer.source, ""), one.answer) for one in marks.read(path)]
    marks.write(path, found)


def test_what_is_marked_is_taught_and_searched_again(
    marked: Path,
    made: Path,
    footage: Path,
    mini: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    by_colour(marked, footage)
    before = marks.read(marked)
    assert {one.mark for one in before} == {"right", "wrong", ""}
    monkeypatch.setattr("edgevid.teach.features.open_source", None)  # no video is read
    output = tmp_path / "red.tflite"
    flags = ["--from-search", marked, "--archive", made, "--label", "red", "-o", output]
    assert teach_command.main([str(flag) for flag in flags]) == 0
    assert edgevid.load_model(output).manifest.labels == ("red",)
    capsys.readouterr()
    assert archive_command.main(["search", str(made), "--model", str(output), "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    reds = {one.answer.source for one in before if one.mark == "right"}
    assert {one["source"] for one in found} >= reds
    wrong = {one.answer.source for one in before if one.mark == "wrong"}
    assert not {one["source"] for one in found} & wrong
    # The next search adds to the file, and teaching goes on from what was taught.
    again = ["search", made, "--model", output, "--marks", marked]
    assert archive_command.main([str(flag) for flag in again]) == 0
    assert marks.read(marked)[: len(before)] == before
    more = [*flags, "--add", output]
    assert teach_command.main([str(flag) for flag in more]) == 0


def test_what_cannot_be_taught_is_one_line(
    marked: Path, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*flags: object) -> str:
        output = ["-o", tmp_path / "a.tflite"]
        try:
            code = teach_command.main([str(flag) for flag in (*flags, *output)])
        except SystemExit as end:
            code = int(end.code or 0)
        assert code != 0
        (line,) = capsys.readouterr().err.splitlines()
        return line

    search_of = ["--from-search", marked, "--archive", made]
    assert "go together" in told(*search_of)
    assert "nothing is marked right or wrong" in told(*search_of, "--label", "red")
    assert "name what the right answers show" in told(*search_of, "--label", "none")
    marks.write(marked, [Marked("right", ONE)])
    assert "nothing that is marked is in" in told(*search_of, "--label", "red")
    model = ["--model", "camera-motion"]
    assert "gives no features" in told(*search_of, "--label", "red", *model)
    assert not list(tmp_path.glob("a.*"))


def test_what_was_seen_is_what_the_archive_holds(made: Path) -> None:
    archive = Archive(made)
    answers = search.by_label(archive, "t")
    for answer, seen in zip(answers, search.seen(archive, answers), strict=True):
        whole = search.stored(archive, answer.content, answer.start, answer.end)
        assert seen is not None
        assert whole is not None
        assert seen.breaks.tolist() == [True] + [False] * (len(seen.seconds) - 1)
        np.testing.assert_allclose(search.means(seen.features, 5.0), whole)
    assert search.seen(archive, [ONE]) == [None]


def ask(address: str, body: bytes | None = None) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(address, body, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_the_page_is_for_those_who_know_its_address(marked: Path) -> None:
    with marking.serving(marked) as address:
        assert address.startswith("http://127.0.0.1:")
        assert ask(address)[0] == 200
        root = address.rsplit("/", 2)[0]
        for path in ("/", "/answers", "/0.jpg", "/wrong-secret/answers"):
            assert ask(root + path)[0] == 404
        assert ask(f"{root}/mark/0", b"right")[0] == 400
        for path, body in (("mark/0", b"maybe"), ("mark/999", b"right"), ("mark/-1", b"right")):
            assert ask(address + path, body)[0] == 400
        assert ask(f"{address}../marks.py")[0] == 404
    assert {one.mark for one in marks.read(marked)} == {""}


def test_a_file_that_changes_beside_the_page(marked: Path) -> None:
    with marking.serving(marked) as address:
        found = marks.read(marked)
        marks.write(marked, [Marked("wrong", found[0].answer), *found[1:]])  # by an editor
        assert ask(f"{address}mark/1", b"right")[0] == 200
        assert [one.mark for one in marks.read(marked)[:2]] == ["wrong", "right"]
        marks.write(marked, found[1:])
        status, said = ask(f"{address}mark/0", b"right")
        assert status == 409
        assert "holds other answers by now" in json.loads(said)["problem"]
        assert marks.read(marked) == found[1:]


@needs_chromium
def test_answers_are_marked_in_a_browser(marked: Path, tmp_path: Path) -> None:
    found = marks.read(marked)
    gone = replace(found[-1].answer, source="/no/such.mp4")
    marks.write(marked, [*found[:-1], Marked("wrong", gone)])
    count = len(found)
    with Browser(tmp_path / "profile") as browser, marking.serving(marked) as address:
        browser.look_as(PHONE)
        browser.go(address)
        browser.until(f"document.querySelectorAll('li').length === {count}")
        assert browser.run("document.querySelector('#count').innerText") == (
            f"0 right, 1 wrong, {count - 1} left"
        )
        browser.until("document.querySelector('img').naturalWidth > 100")
        assert browser.run("document.body.scrollWidth <= innerWidth")
        browser.touch("li:nth-child(1) [value=right]")
        browser.touch("li:nth-child(2) [value=wrong]")
        browser.until("document.querySelector('#count').innerText[0] === '1'")
        browser.until("document.querySelector('li:nth-child(2)').dataset.mark === 'wrong'")
        assert [one.mark for one in marks.read(marked)[:3]] == ["right", "wrong", ""]
        browser.touch("li:nth-child(2) [value=wrong]")  # again: it is unmarked
        browser.until("document.querySelector('li:nth-child(2)').dataset.mark === ''")
        assert [one.mark for one in marks.read(marked)[:3]] == ["right", "", ""]
        browser.touch("li:last-child [value=right]")
        browser.until("document.querySelector('li:last-child').dataset.mark === 'right'")
        assert "/no/such.mp4" in browser.run("document.querySelector('li:last-child img').alt")
        assert browser.run("getComputedStyle(document.querySelector('li')).display") == "grid"
    assert [one for one in browser.complaints if "404" not in one and "net::" not in one] == []
