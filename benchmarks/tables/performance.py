"""The tables of docs/performance.md, and the README's figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.tables.reading import Rows, processor, read

ARM_NAMES = {
    "movinet_a0_stream_int8": "A0",
    "untrained_a1_relu6_int8": "A1 (random weights)",
    "untrained_a2_relu6_int8": "A2 (random weights)",
    "camera-motion": "camera-motion",
}

LATENCY_NAMES = {
    "movinet_a0_stream_int8": "A0, int8",
    **{
        f"untrained_{size}_relu6_{numbers}_x86": f"{size.upper()}, {numbers}"
        for size in ("a0", "a1", "a2")
        for numbers in ("int8", "float32")
    },
}


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
        for row in read("compare.json")["rows"]
    ]


def _step() -> Rows:
    rows = []
    for family, found in _steps():
        loops = {row["loop"]: row for row in found["rows"]}
        ours, official = loops["edgevid"], loops["official example"]
        invoke = loops.get("of which invoke")
        rows.append(
            {
                "processor": family + (f" ({found['processor']})" if found["processor"] else ""),
                "official example": f"{official['minimum ms']:.2f} ms",
                "edgevid": f"{ours['minimum ms']:.2f} ms",
                "of the official example's": f"{ours['ratio']:.2f}",
                "of which not the network": "-"
                if invoke is None
                else f"{1 - invoke['minimum ms'] / ours['minimum ms']:.0%}",
                "measured": found["measured"],
            }
        )
    return rows


def _steps() -> list[tuple[str, dict[str, Any]]]:
    """Returns what was measured on each family of processors, the best ratio first."""
    return sorted(read("step.json").items(), key=lambda item: _ratio(item[1]))


def _ratio(found: dict[str, Any]) -> float:
    (ours,) = [row for row in found["rows"] if row["loop"] == "edgevid"]
    return float(ours["ratio"])


def _step_range() -> str:
    ratios = [_ratio(found) for _, found in _steps()]
    return f"{min(ratios):.2f} to {max(ratios):.2f}"


def _arm_range() -> str:
    """Returns the shares of the official example's instructions, on the boards in turn."""
    shares = []
    for row in _arm():
        if row["file"] == "A0 prepared":
            shares = [cell.partition("(")[2].rstrip(")") for cell in list(row.values())[1:]]
    return " and ".join(shares)


def _floor_range() -> str:
    """Returns what a step would take with every operator at its floor, of the official example's.

    What is not the network stays as it is. Only the share of the floor is taken from the profile,
    as a processor has another pace each day.
    """
    on_x86, *on_boards = read("profile.json")["profiles"]
    loops = {row["loop"]: row["minimum ms"] for row in read("step.json")[on_x86["where"]]["rows"]}
    steps = [(loops["edgevid"], loops["of which invoke"], loops["official example"])]
    (counted,) = [
        kept["instructions"]
        for kept in read("../arm/reference.json").values()
        if "published" in kept["instructions"]
    ]
    for board in ("pi4", "pi5"):
        ours, published = counted[f"prepared for {board}"][board], counted["published"][board]
        steps.append((ours["step"], ours["invoke"], published["step"]))
    x86, *boards = (
        f"{(step - invoke * (1 - found['floor'] / found['total'])) / official:.2f}"
        for found, (step, invoke, official) in zip([on_x86, *on_boards], steps, strict=True)
    )
    return (
        f"{x86} of the official example's time on {on_x86['where']}, and {' and '.join(boards)} "
        "of its instructions on a Raspberry Pi 4 and 5"
    )


def _batched() -> Rows:
    return [
        {
            "streams in one invoke": row["streams"],
            "microseconds a stream": f"{row['us a stream']:.0f}",
            "streams a core, to those of one by one": "1" if row["streams"] == 1 else
            f"{row['streams a core, to those of one by one']:.2f}",
        }
        for row in read("batched.json")["rows"]
    ]  # fmt: skip


def _profile() -> Rows:
    """Each kind of operator on x86, and on the boards; those under a hundredth together."""
    rows: Rows = []
    for found in read("profile.json")["profiles"]:
        small = [row for row in found["kinds"] if row["cost"] < 0.01 * found["total"]]
        for row in [row for row in found["kinds"] if row not in small]:
            rows.append(_profile_row(found, row["operator"], [row]))
        rows.append(_profile_row(found, "the others", small))
        rows.append(_profile_row(found, "**all**", found["kinds"]))
    return rows


def _profile_row(found: dict[str, Any], name: str, rows: Rows) -> dict[str, Any]:
    cost, floor = (sum(row[what] for row in rows) for what in ("cost", "floor"))
    whole = sum(row["cost"] for row in found["kinds"])

    def shown(number: float) -> str:
        return f"{number:.0f} us" if found["unit"] == "us" else f"{number / 1e6:.2f} M"

    return {
        "processor": found["where"],
        "operators": name,
        "number": sum(row["operators"] for row in rows),
        "cost": shown(cost),
        "share": f"{cost / whole:.0%}",
        "floor": shown(floor),
        "floor / cost": f"{floor / cost:.0%}" if cost > 0 else "-",
    }


def _startup() -> Rows:
    return [
        {
            "program": row["program"],
            "processor time": f"{row['ms of processor time']:.0f} ms",
            "memory": f"{row['MB']:.0f} MB",
            **({"of which its own": f"{own:.0f} MB"} if (own := row.get("MB of its own")) else {}),
        }
        for row in read("startup.json")["rows"]
    ]


def _arm() -> Rows:
    found = read("../arm/reference.json").values()
    boards = {"pi4": "Raspberry Pi 4", "pi5": "Raspberry Pi 5"}
    rows: Rows = []
    for kept in sorted(found, key=lambda kept: str(kept["model"])):
        steps = {
            (file, board): counts["step"]
            for file, counted in kept["instructions"].items()
            for board, counts in counted.items()
        }
        published = {board: steps.get(("published", board)) for board in boards}
        name = ARM_NAMES.get(kept["model"].rpartition("_pi")[0] or kept["model"])
        if name is None:
            continue
        if all(published.values()):
            row = {title: _millions(published[board]) for board, title in boards.items()}
            rows.append({"file": f"{name} as published, driven as in the official example", **row})
        ours = {
            title: _millions(_fastest(steps, board), published[board])
            for board, title in boards.items()
        }
        rows.append({"file": f"{name} prepared", **ours})
    return rows


def _fastest(steps: dict[tuple[str, str], int], board: str) -> int:
    """Returns the count of the file that was prepared for this board, or of the only one."""
    prepared = {file: count for (file, where), count in steps.items() if where == board}
    return prepared.get(f"prepared for {board}") or min(prepared.values())


def _millions(count: int | None, of: int | None = None) -> str:
    assert count is not None
    return f"{count / 1e6:.2f} M" + (f" ({count / of:.2f})" if of else "")


def _latency() -> Rows:
    rows = []
    for model in read("latency.json")["models"]:
        busy, paced = model["ways"]["back to back"], model["ways"]["at 5 fps"]
        name = LATENCY_NAMES[model["model"]]
        rows.append(
            {
                "model": name + (" (random weights)" if model["weights"] == "random" else ""),
                "median": f"{busy['p50']:.2f} ms",
                "99 %": f"{busy['p99']:.2f} ms",
                "longest": f"{busy['max']:.2f} ms",
                "median at 5 fps": f"{paced['p50']:.2f} ms",
                "load": f"{model['load_ms']:.0f} ms",
            }
        )
    return rows


def _streams() -> Rows:
    return [
        {
            "streams": row["streams"],
            "cores": row["cores"],
            "steps a second, all together": f"{row['steps/s']:.0f}",
            "memory for each further": "" if row["MB each further"] is None else
            f"{row['MB each further']:.2f} MB",
        }
        for row in read("scale.json")["streams"]
        if (row["streams"], row["cores"]) in ((1, 1), (16, 1), (256, 1), (256, 2))
    ]  # fmt: skip


def _follow_cost() -> Rows:
    return [
        {
            "footage": row["footage"],
            "watched": row["way"],
            "tracks": f"{row['tracks']:.1f}",
            "ms of processor a second": f"{row['ms of processor a second']:.1f}",
            "times one stream": f"{row['of one stream']:.2f}",
        }
        for row in read("follow_cost.json")["cost"]
    ]


def _follow_processor() -> str:
    return str(read("follow_cost.json")["processor"])


def _follow_arm() -> Rows:
    return [
        {
            "footage": row["footage"],
            "board": row["board"],
            "one stream": f"{row['one stream'] / 1e6:.1f} M",
            "two people": f"{row['two people'] / 1e6:.1f} M",
            "of which the detector's looks": f"{row['of which looks'] / 1e6:.1f} M",
            "times one stream": f"{row['of one stream']:.2f}",
        }
        for row in read("follow_cost.json")["arm"]
    ]


def _arm_clips() -> Rows:
    found = {(row["pictures"], row["board"], row["codec"]): row for row in _read_clips()}
    rows = []
    for pictures, board in dict.fromkeys((size, board) for size, board, _ in found):
        new, old = (found[pictures, board, codec] for codec in ("H.264", "MPEG-4 Part 2"))
        rows.append(
            {
                "pictures": pictures,
                "board": board,
                "always, a second": _of_a_core(new, "M a second, always", ", always"),
                "were it H.264": _of_a_core(
                    new, "M a second, as video instead", ", as video instead"
                ),
                "to write when a clip begins": f"{new['M when a clip begins']:.0f} M",
                "a second of clip in H.264": _of_a_core(new, "M a second of clip"),
                "in MPEG-4 Part 2": _of_a_core(old, "M a second of clip"),
            }
        )
    return rows


def _read_clips() -> Rows:
    rows: Rows = read("arm_clips.json")["clips"]
    return rows


def _of_a_core(row: dict[str, Any], count: str, when: str = "") -> str:
    return f"{row[count]:.0f} M ({row['share of a core' + when]})"


TABLES: dict[str, Callable[[], Rows]] = {
    "compare": _compare,
    "step": _step,
    "batched": _batched,
    "profile": _profile,
    "startup": _startup,
    "arm": _arm,
    "latency": _latency,
    "streams": _streams,
    "follow cost": _follow_cost,
    "follow arm": _follow_arm,
    "arm clips": _arm_clips,
}

# Within a sentence.
FIGURES: dict[str, Callable[[], str]] = {
    "step ratio": _step_range,
    "arm ratio": _arm_range,
    "floor ratio": _floor_range,
    **{
        f"{name} processor": processor(f"{name}.json")
        for name in ("batched", "compare", "latency", "scale", "startup")
    },
    "follow processor": _follow_processor,
}
