"""The links of the documents, the files and names that they give, and the tutorial's programs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("", "docs", "apps", "export", "benchmarks", "edgevid")
DOCUMENTS = sorted(
    path
    for folder in FOLDERS
    for path in ((ROOT / folder).rglob("*.md") if folder else ROOT.glob("*.md"))
    if "node_modules" not in path.parts
)
NAMING_FILES = ("CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md", "docs/how-to.md")
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
_CODE = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"(?!\.venv|out/|dist/)[\w./-]*(\.(py|toml|md|sh|service)|\w/)")


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def headings(path: Path) -> set[str]:
    """The anchors that GitHub gives to a document's headings."""
    found = re.findall(r"^#+ (.+)$", without_code(path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_all_documents_are_looked_at() -> None:
    names = {str(path.relative_to(ROOT)) for path in DOCUMENTS}
    assert names >= {"README.md", "docs/tutorial.md", "apps/raspberry_pi/README.md"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target, anchor in _LINK.findall(without_code(path.read_text("utf-8"))):
        file = path.parent / target if target else path
        assert file.exists(), target
        assert not anchor or anchor in headings(file), f"{target}#{anchor}"


def exists(name: str) -> bool:
    return (ROOT / name).exists() or ("/" not in name.rstrip("/") and any_called(name))


def any_called(name: str) -> bool:
    return any(True for folder in FOLDERS[1:] for _ in (ROOT / folder).rglob(name.rstrip("/")))


@pytest.mark.parametrize("name", NAMING_FILES)
def test_files_that_are_named_exist(name: str) -> None:
    text = without_code((ROOT / name).read_text("utf-8"))
    files = [code for code in _CODE.findall(text) if _FILE.fullmatch(code)]
    assert files
    missing = [code for code in files if not exists(code) and not exists(f"edgevid/{code}")]
    assert not missing


def test_where_to_add_what_is_still_true() -> None:
    """Each name that a row of the table gives stands in one of the files that it gives."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    table = text.split("## Where do I add")[1].split("###")[0]
    rows = [line for line in table.splitlines() if line.startswith("| a")]
    assert len(rows) >= 5
    for row in rows:
        codes = _CODE.findall(row)
        files = [ROOT / code for code in codes if "/" in code and not code.endswith("/")]
        known = "".join(path.read_text("utf-8") for path in files)
        for name in (code for code in codes if "/" not in code):
            assert re.search(rf"\b(def|class) {name}\b", known), f"{name}: {row}"


def programs(name: str) -> list[str]:
    """The programs of a document that are whole."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text("utf-8"), re.S | re.M)
    return [block for block in blocks if block.startswith("import") and "CLIP" in block]


@pytest.mark.parametrize("program", programs("docs/tutorial.md"))
def test_the_tutorials_programs_run(
    program: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(program, {})
    shown = re.findall(r"^ +\d.*$", (ROOT / "docs/tutorial.md").read_text("utf-8"), re.MULTILINE)
    assert set(capsys.readouterr().out.splitlines()[:2]) <= set(shown)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_that_are_named_exist(path: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    text = path.read_text("utf-8")
    commands = re.findall(r"(?:`|^\$? ?)make ([a-z][a-z -]*\b)", text, re.MULTILINE)
    assert {name for command in commands for name in command.split()} <= targets


def test_the_readme_comes_to_its_first_table_within_two_screens() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    before, table, _ = text.partition("\n|---|")
    assert table
    assert len(before.splitlines()) < 80
