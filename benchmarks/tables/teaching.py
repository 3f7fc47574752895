"""The tables of docs/teaching.md."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.tables.reading import Rows, read


def _teach() -> Rows:
    found = read("teach.json")
    fights = found["fights"]
    rows = [
        {
            "question": question,
            "found": f"{falls['announced']} of {falls['shown']}",
            "false": f"{falls['false_events']} in {falls['other_s']:.0f} s",
            "after it began": f"{falls['median_delay_s']:.2f} s (median), "
            f"{falls['longest_delay_s']:.2f} s (longest)",
        }
        for question, falls in (
            ("a fall, by a person who was left out", found["falls"]),
            ("the same, taught with whole clips, without times", found["whole clips"]),
        )
    ]
    return [
        *rows,
        {
            "question": f"a fight or none, {fights['clips']} clips of 2 to 5 s from surveillance "
            "cameras",
            "found": f"{fights['accuracy']:.0%} right",
            "false": f"area under the curve {fights['auroc']:.2f}",
            "after it began": "-",
        },
    ]


def _recurrent() -> Rows:
    rows = read("recurrent_heads.json")["rows"]
    heads = dict.fromkeys(row["head"] for row in rows)
    return [
        {"head": head}
        | {
            row["task"]: f"{row['worth']:.3f}"
            + ("" if row["right"] == "-" else f" ({row['right']:.0%} right)")
            for row in rows
            if row["head"] == head
        }
        for head in heads
    ]


def _teach_shots() -> Rows:
    found = read("teach.json")["shots"]
    return [
        {"clips a class": first["clips a class"]}
        | {
            name: f"{row['mean']:.2f} ({row['least']:.2f} to {row['most']:.2f})"
            for name, row in zip(found, rows, strict=True)
        }
        for rows in zip(*found.values(), strict=True)
        for first in rows[:1]
    ]


def _teach_cost() -> Rows:
    found = read("teach.json")
    cost, board = found["cost"], found["pi5"]
    return [
        {
            "where": "x86-64, one thread",
            "video": f"{cost['video_s'] / 60:.0f} minutes",
            "takes": f"{cost['cpu_s']:.0f} s of processor time",
            "memory": f"{cost['peak_mb']:.0f} MB",
        },
        {
            "where": "Raspberry Pi 5, emulated",
            "video": f"{board['video_s'] / 60:.0f} minutes",
            "takes": f"{board['giga_instructions']:.0f} thousand million instructions: "
            f"{board['minutes']:.1f} minutes at 2.4 GHz and one instruction a cycle",
            "memory": "-",
        },
    ]


TABLES: dict[str, Callable[[], Rows]] = {
    "teach": _teach,
    "recurrent heads": _recurrent,
    "teach shots": _teach_shots,
    "teach cost": _teach_cost,
}
