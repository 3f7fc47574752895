"""The tables of the bundled model: its card, and docs/models.md."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.tables.reading import Rows, read


def _camera() -> Rows:
    found = read("camera_motion.json")
    moves, (segments, gestures) = found["moves"][0], _fixed("segments", "gestures")
    backwards, mirrored = found["must_be_the_opposite"]
    return [
        {"on real pictures": title, "": figure}
        for title, figure in (
            ("a known move over real footage: the right label", f"{moves['top-1']:.1%}"),
            ("the same: announced within a second", f"{moves['event within 1 s']:.1%}"),
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
        for row in read("camera_motion.json")["by_move"]
    ]


def _camera_speeds() -> Rows:
    found = read("camera_motion.json")
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
    mistakes: Rows = read("camera_motion.json")["mistaken_for"]
    return mistakes[:6]


def _camera_fixed() -> Rows:
    return [
        {
            "camera": title,
            "minutes": row["minutes"],
            "`still`": f"{row['still']:.1%}",
            "false events": row["false events"],
        }
        for title, row in zip(
            ("people gesture", "people walk, sit down, fall", "other clips, one cut to the next"),
            _fixed("gestures", "segments", "clips"),
            strict=True,
        )
    ]


def _fixed(*names: str) -> Rows:
    found = {row["set"]: row for row in read("camera_motion.json")["fixed_cameras"]}
    return [found[name] for name in names]


TABLES: dict[str, Callable[[], Rows]] = {
    "camera": _camera,
    "camera moves": _camera_moves,
    "camera speeds": _camera_speeds,
    "camera mistakes": _camera_mistakes,
    "camera fixed": _camera_fixed,
}
