"""Imports point one way. Where one of these fails, the import is to be moved, not the line."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import edgevid
from benchmarks.parts.tiny_model import LABELS, tiny_model

ROOT = Path(__file__).parent.parent
# Which of the project's folders each of them may import.
FOLDERS = {
    "edgevid": {"edgevid"},
    "apps": {"apps", "edgevid"},
    "benchmarks": {"apps", "benchmarks", "edgevid", "export"},
    "examples": {"edgevid"},
    "export": {"edgevid", "export"},
}
# The rooms inside edgevid: each imports only from the rows above its own, and from itself.
LAYERS = [
    "errors plain_text records version",
    "modelfile support",
    "sources",
    "labelled prepare runtime sinks",
    "classify models testing",
    "archive regions teach",
    "__init__ cli",
    # The commands: each is one line.
    "demo quiet stream archive.__main__ models.__main__ prepare.__main__ teach.__main__",
]
LAYER_OF = {name: number for number, row in enumerate(LAYERS) for name in row.split()}
# The rooms of export, in the same way; what is typed is at the end.
WORKSHOP = [
    "metrics report",
    "data",
    "model",
    "conversion training",
    "verification",
    "camera_motion config",
    "pipeline",
    "convert finetune run untrained verify",
]
# Libraries that take long to load, or are not on every machine, and who may touch them.
HEAVY = {
    "av": {"support.pyav"},
    "ai_edge_litert": {"runtime.backends", "runtime.partitions", "prepare"},
    "cv2": {"support.opencv"},
    "duckdb": {"archive.libraries"},
    "fsspec": {"archive.libraries"},
    "libcamera": {"sources.picamera"},
    "picamera2": {"sources.picamera"},
    "pyarrow": {"archive.libraries"},
    "ray": {"archive.libraries"},
    "tensorflow": {"runtime.backends"},
    "tflite_runtime": {"runtime.backends"},
    "tkinter": {"sinks.tk_window"},
}


def imports_of(source: str) -> Iterator[str]:
    """Yields the dotted name of everything that a program imports, at its top or inside."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{a.name}" for a in node.names)
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else None
            called = node.func.id if isinstance(node.func, ast.Name) else called
            name = node.args[0]
            if called in ("import_module", "__import__") and isinstance(name, ast.Constant):
                yield str(name.value)


def files_in(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def module_of(path: Path) -> str:
    """Returns a file's name inside edgevid: ``sources.video``, and ``__init__`` for the root."""
    parts = path.relative_to(ROOT / "edgevid").with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def unit_of(module: str) -> str:
    """Returns a module's or a package's name; a package's command stands over the package."""
    return module if module.endswith(".__main__") else module.split(".")[0]


def units_imported(path: Path) -> set[str]:
    """Returns the modules and packages directly inside edgevid that a file imports."""
    found = set()
    for name in imports_of(path.read_text("utf-8")):
        package, _, rest = name.partition(".")
        if package == "edgevid":
            unit = unit_of(rest)
            found.add(unit if unit in LAYER_OF else "__init__")
    return found


EDGEVID = files_in("edgevid")
everywhere = pytest.mark.parametrize("path", EDGEVID, ids=module_of)


def test_the_walk_sees_every_kind_of_import() -> None:
    source = """
import a.b, c as d
from e.f import g
from . import h
def late():
    from i import j
    importlib.import_module("k.l")
    import_module("m")
    __import__("n")
"""
    assert set(imports_of(source)) == {"a.b", "c", "e.f.g", "..h", "i.j", "k.l", "m", "n"}
    assert len(EDGEVID) > 10


@pytest.mark.parametrize("folder", FOLDERS)
def test_folders_point_one_way(folder: str) -> None:
    ours = {*FOLDERS, "tests"}
    for path in files_in(folder):
        packages = {name.split(".")[0] for name in imports_of(path.read_text("utf-8"))}
        assert packages & ours <= FOLDERS[folder], path.relative_to(ROOT)


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_module_imports_itself_by_way_of_others(folder: str) -> None:
    paths = {".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in files_in(folder)}
    modules = {name.removesuffix(".__init__"): path for name, path in paths.items()}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        named = set(imports_of(path.read_text("utf-8")))
        # Of from a import b, b is a module or a name inside a.
        found = {name if name in modules else name.rpartition(".")[0] for name in named}
        graph[module] = (found & set(modules)) - {module}
    assert list(TopologicalSorter(graph).static_order())  # a CycleError names the modules


@pytest.mark.parametrize("path", files_in("apps"), ids=lambda path: path.stem)
def test_apps_are_built_on_public_names_and_named_tools(path: Path) -> None:
    found = {name for name in imports_of(path.read_text("utf-8")) if name.startswith("edgevid")}
    rest = found - {"edgevid", *(f"edgevid.{name}" for name in edgevid.__all__)}
    rooms = ("archive", "regions", "sources", "support", "teach")
    tools = tuple(f"edgevid.{room}." for room in rooms)
    assert all(name.startswith(tools) for name in rest), rest


@pytest.mark.parametrize("path", files_in("apps"), ids=lambda path: path.stem)
def test_apps_leave_opencv_to_edgevid(path: Path) -> None:
    """Whoever loads it first decides whether it complains on its own."""
    assert "cv2" not in set(imports_of(path.read_text("utf-8")))


@everywhere
def test_imports_are_absolute(path: Path) -> None:
    assert not [name for name in imports_of(path.read_text("utf-8")) if name.startswith(".")]


@everywhere
def test_a_module_imports_only_those_nearer_the_records(path: Path) -> None:
    unit = unit_of(module_of(path))
    assert unit in LAYER_OF, f"{unit} is new: give it a place in LAYERS"
    lower = {name for name, layer in LAYER_OF.items() if layer < LAYER_OF[unit]}
    assert units_imported(path) <= lower | {unit}


@pytest.mark.parametrize("path", files_in("export"), ids=lambda path: path.stem)
def test_the_workshop_imports_one_way(path: Path) -> None:
    parts = path.relative_to(ROOT / "export").with_suffix("").parts
    if parts == ("__init__",):
        return
    rooms = {name: number for number, row in enumerate(WORKSHOP) for name in row.split()}
    assert parts[0] in rooms, f"{parts[0]} is new: give it a place in WORKSHOP"
    found = {
        name.split(".")[1]
        for name in imports_of(path.read_text("utf-8"))
        if name.startswith("export.")
    }
    assert {n for n in found if rooms[n] >= rooms[parts[0]]} <= {parts[0]}


@everywhere
def test_heavy_libraries_stay_where_they_belong(path: Path) -> None:
    module = module_of(path)
    packages = {name.split(".")[0] for name in imports_of(path.read_text("utf-8"))}
    for library in packages & HEAVY.keys():
        assert {module, unit_of(module)} & HEAVY[library], f"{module} imports {library}"


def run(program: str, *arguments: str) -> str:
    """Runs a program in a fresh process; returns which heavy libraries it loaded or looked for.

    Looked for as well: a library that is not installed leaves no other trace.
    """
    watched = f"""
import sys
class Watch:
    asked = set()
    def find_spec(self, name, path=None, target=None):
        self.asked.add(name.partition(".")[0])
sys.meta_path.insert(0, Watch())
{program}
print(*sorted(Watch.asked & {set(HEAVY)!r}))
"""
    ended = subprocess.run(
        [sys.executable, "-c", watched, *arguments], capture_output=True, text=True, check=True
    )
    return ended.stdout.strip()


def test_importing_edgevid_loads_nothing_heavy() -> None:
    assert run("import edgevid") == ""


# What a first prediction does not need, and takes longer to load than all of edgevid's own.
RARE = {"difflib", "http.client", "importlib.resources", "secrets", "subprocess", "tomllib"}


def loaded(program: str, *arguments: str) -> set[str]:
    """Runs a program in a fresh process; returns the modules that are loaded at its end."""
    words = [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)", *arguments]
    return set(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())


def test_importing_edgevid_loads_next_to_nothing() -> None:
    ours = {name for name in loaded("import edgevid") if name.startswith("edgevid")}
    assert ours == {"edgevid", "edgevid.classify", "edgevid.version"}
    assert "numpy" not in loaded("import edgevid")


def test_a_first_prediction_loads_nothing_that_it_does_not_need() -> None:
    """The bundled model, whose file is known to be whole."""
    program = """
import numpy as np
import edgevid
model = edgevid.load_model("camera-motion")
model.stream().step(edgevid.Frame(np.zeros((9, 9, 3), np.uint8), 0.0, 0))
"""
    modules = loaded(program) - loaded("import numpy")
    assert modules & RARE == set()
    rooms = {name.split(".")[1] for name in modules if name.startswith("edgevid.")}
    assert not rooms & {"regions", "sinks", "sources", "prepare", "teach", "cli", "archive"}
    assert not modules & {"edgevid.runtime.kept_features", "edgevid.runtime.rules", "av"}


def test_the_watch_sees_a_library_that_is_loaded() -> None:
    assert run("import cv2") == "cv2"


def test_running_a_model_asks_for_litert_and_opencv_only(tmp_path: Path) -> None:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_model())
    program = f"""
import numpy as np, edgevid
model = edgevid.load_model(sys.argv[1], labels={LABELS!r})
model.stream().step(edgevid.Frame(np.zeros((9, 9, 3), np.uint8), 0.0, 0))
"""
    assert run(program, str(path)) == "ai_edge_litert cv2"
