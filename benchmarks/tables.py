"""The tables of the pages, each from a file in ``benchmarks/reference``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).with_name("reference")

Rows = list[dict[str, Any]]


def _compare() -> Rows:
    names = {
        "edgevid": "**edgevid**",
        "official on litert": "official example on LiteRT",
        "official on tflite-runtime": "official example on tflite-runtime",
        "official on tensorflow": "official example on TensorFlow",
        "litert": "LiteRT, float32",
        "pytorch": "PyTorch, float32",
        "pytorch, traced": "PyTorch, traced, float32",
        "onnxruntime": "ONNX Runtime, float32",
        "openvino": "OpenVINO, float32",
        "mnn": "MNN, float32",
    }
    return [
        {
            "loop": names[row["loop"]],
            "version": row["version"].partition("+")[0],
            "one step": f"{row['median ms']:.2f} ms",
            "times edgevid's": f"{row['times edgevid']:.1f}",
            "same top-1": f"{row['top-1 agrees']:.0%}",
        }
        for row in _read("compare.json")["rows"]
    ]


def _memory() -> Rows:
    shown = {
        ("as published", "-"): "as published",
        ("1 s", "-"): "1 s",
        ("2 s", "-"): "2 s",
        ("4 s", "-"): "4 s",
        ("10 s", "-"): "10 s",
        ("4 s", "followed"): "**4 s, no further back than the scene** (default)",
    }
    found = _read("memory.json")
    rows = [
        _memory_row(shown[row["memory"], row["scenes"]], row)
        for row in found["cuts"]
        if (row["memory"], row["scenes"]) in shown
    ]
    (fading,) = [
        row for row in found["fades"] if (row["memory"], row["scenes"]) == ("4 s", "followed")
    ]
    return [*rows, _memory_row("the same, where each clip fades into the next over 2 s", fading)]


def _memory_row(name: str, row: dict[str, Any]) -> dict[str, Any]:
    after = row["right after, s"]
    return {
        "memory": name,
        "top-1": f"{row['top-1']:.3f}",
        "top-5": f"{row['top-5']:.3f}",
        "seconds until the right label is on top": "never" if after is None else f"{after:.1f}",
    }


def _arm() -> Rows:
    (found,) = json.loads((REFERENCE.parent / "arm/reference.json").read_text("utf-8")).values()
    counts, boards = found["instructions"], {"pi4": "Raspberry Pi 4", "pi5": "Raspberry Pi 5"}
    published, prepared = {}, {}
    for board, title in boards.items():
        before = counts["published"][board]["step"]
        after = counts[f"prepared for {board}"][board]["step"]
        published[title] = f"{before / 1e6:.2f} M"
        prepared[title] = f"{after / 1e6:.2f} M ({after / before:.2f})"
    return [
        {"file": "as published, driven as in the official example", **published},
        {"file": "prepared for that board", **prepared},
    ]


def _streams() -> Rows:
    return [
        {
            "streams": row["streams"],
            "cores": row["cores"],
            "steps a second, all together": f"{row['steps/s']:.0f}",
            "memory for each further": "" if row["MB each further"] is None else
            f"{row['MB each further']:.2f} MB",
        }
        for row in _read("scale.json")["streams"]
        if (row["streams"], row["cores"]) in ((1, 1), (16, 1), (256, 1), (256, 2))
    ]  # fmt: skip


def _camera() -> Rows:
    found = _read("camera_motion.json")
    moves, (segments, gestures) = found["moves"][0], _fixed("segments", "gestures")
    backwards, mirrored = found["must_be_the_opposite"]
    return [
        {"on real pictures": title, "": figure}
        for title, figure in (
            ("a known move over real footage: the right one of ten", f"{moves['top-1']:.1%}"),
            ("announced within a second of its start", f"{moves['event within 1 s']:.1%}"),
            ("played backwards: the opposite move", f"{backwards['share']:.1%}"),
            ("mirrored, pans and rolls: the opposite move", f"{mirrored['share']:.1%}"),
            ("a fixed camera, people gesture before it: `still`", f"{gestures['still']:.1%}"),
            ("a fixed camera, people walk and fall: `still`", f"{segments['still']:.1%}"),
        )
    ]


def _camera_moves() -> Rows:
    return [
        {
            "move": row[""],
            "clips": row["clips"],
            "right": f"{row['top-1']:.0%}",
            "announced within 1 s": f"{row['event within 1 s']:.0%}",
            "after, median": f"{row['delay, median']:.1f} s",
        }
        for row in _read("camera_motion.json")["by_move"]
    ]


def _camera_speeds() -> Rows:
    found = _read("camera_motion.json")
    rows = sorted([*found["by_speed"], *found["beyond"]], key=lambda row: float(row[""].split()[0]))
    return [
        {
            "speed": f"{float(row[''].split()[0]):g} widths a second",
            "right": f"{row['top-1']:.0%}",
            "announced within 1 s": f"{row['event within 1 s']:.0%}",
        }
        for row in rows
    ]


def _camera_mistakes() -> Rows:
    return _read("camera_motion.json")["mistaken_for"][:6]


def _camera_fixed() -> Rows:
    return [
        {
            "camera": title,
            "minutes": row["minutes"],
            "`still`": f"{row['still']:.1%}",
            "false events": row["false events"],
        }
        for title, row in zip(
            ("people gesture", "people walk, sit down, fall", "anything else"),
            _fixed("gestures", "segments", "clips"),
            strict=True,
        )
    ]


def _fixed(*names: str) -> Rows:
    found = {row["set"]: row for row in _read("camera_motion.json")["fixed_cameras"]}
    return [found[name] for name in names]


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((REFERENCE / name).read_text("utf-8"))
    return found


TABLES: dict[str, Callable[[], Rows]] = {
    "compare": _compare,
    "memory": _memory,
    "arm": _arm,
    "streams": _streams,
    "camera": _camera,
    "camera moves": _camera_moves,
    "camera speeds": _camera_speeds,
    "camera mistakes": _camera_mistakes,
    "camera fixed": _camera_fixed,
}
