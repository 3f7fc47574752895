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
    return sorted(_read("step.json").items(), key=lambda item: _ratio(item[1]))


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


def _processor(name: str) -> Callable[[], str]:
    """Returns what tells the processor that a file's figures are of, as far as it was noted."""

    def told() -> str:
        machine = _read(name)["machine"]
        family, processor = machine.get("family"), machine["processor"]
        return f"{family} ({processor})" if family else f"{processor}, kind not noted"

    return told


def _batched() -> Rows:
    return [
        {
            "streams in one invoke": row["streams"],
            "microseconds a stream": f"{row['us a stream']:.0f}",
            "streams a core, to those of one by one": "1" if row["streams"] == 1 else
            f"{row['streams a core, to those of one by one']:.2f}",
        }
        for row in _read("batched.json")["rows"]
    ]  # fmt: skip


def _profile() -> Rows:
    """Each kind of operator on x86, and on the boards; those under a hundredth together."""
    rows: Rows = []
    for found in _read("profile.json")["profiles"]:
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
        for row in _read("startup.json")["rows"]
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
    found = json.loads((REFERENCE.parent / "arm/reference.json").read_text("utf-8")).values()
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
    for model in _read("latency.json")["models"]:
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
    mistakes: Rows = _read("camera_motion.json")["mistaken_for"]
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
    found = {row["set"]: row for row in _read("camera_motion.json")["fixed_cameras"]}
    return [found[name] for name in names]


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((REFERENCE / name).read_text("utf-8"))
    return found


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


def _events() -> Rows:
    names = {"before": "without waiting", "quick": "**quick** (default)", "sure": "sure"}
    found = _read("events.json")
    rows: Rows = [
        {
            "rules": names[row["rules"]],
            "actions announced": f"{row['announced']:.0%}",
            "after, median": f"{row['delay']:.1f} s",
            "wrong start in": f"{row['wrong start in']:.0%} of clips",
            **{
                f"false an hour: {people}": _rate(row[f"{site}: false/h"], row[f"{site}: 95 %"])
                for site, people in EVENT_SITES.items()
            },
        }
        for row in found["rules"]
    ]
    # A taught head answers one question: it has no other labels that could be wrong.
    for row in found["taught"]:
        rows.append(
            {
                "rules": row["rules"],
                "actions announced": f"{row['announced']:.0%} of {row['shown']} falls",
                "after, median": f"{row['delay']:.1f} s",
                "wrong start in": "-",
                "falls": _rate(row["falls: false/h"], row["falls: 95 %"]),
                "gestures": "-",
            }
        )
    return rows


def _quieted() -> Rows:
    return [
        {
            "camera": EVENT_SITES[row["site"]],
            "rules": row["rules"],
            "the other half has": row["the other half has"],
            "false an hour": f"{row['false/h before']:.0f}",
            "quieted": _rate(row["false/h quieted"], row["95 %"]),
            "recall kept": f"{row['recall kept']:.0%}",
        }
        for row in _read("events.json")["quieted"]
    ]


def _margins() -> Rows:
    return [
        {
            "times the odds": f"{row['margin']:g}",
            "camera": EVENT_SITES[row["site"]],
            "false an hour": f"{row['false/h before']:.0f}",
            "quieted": _rate(row["false/h quieted"], row["95 %"]),
            "recall kept": f"{row['recall kept']:.0%}",
        }
        for row in _read("events.json")["margins"]
    ]


def _rate(rate: float | None, limits: str) -> str:
    return "-" if rate is None else f"{rate:.0f} ({limits})"


EVENT_SITES = {"falls": "people at home", "gestures": "people who gesture"}


def _attack() -> Rows:
    tried = {
        "videos": "damaged and odd videos",
        "model_files": "damaged model files",
        "cameras": "hostile cameras",
        "requests": "hostile requests to the page",
        "kills": "kills, with broker stops and a slow disk",
    }
    rows = []
    for name, what in tried.items():
        if not (REFERENCE / f"attack_{name}.json").exists():  # nothing is said of what was not run
            continue
        found = _read(f"attack_{name}.json")
        rows.append(
            {
                "campaign": what,
                "tried": f"{_tried(found):,}",
                "promises broken": str(len(found["broken"])),
            }
        )
    return rows


def _tried(found: dict[str, Any]) -> int:
    """Returns how much was tried: what the campaign says, else a row for each trial."""
    for key in ("files", "requests", "kills"):
        if key in found:
            return int(found[key])
    rows: Rows = found["rows"]
    return sum(int(row.get("files", 1)) for row in rows)


def _gate() -> Rows:
    return [
        {
            "footage": row["footage"],
            "minutes": f"{row['minutes']:.0f}",
            "steps": f"{row['steps']:.1%}",
            "processor time": f"{row['processor time']:.1%}",
            "starts of actions": row["starts"],
            "missed": row["gated: missed"],
            "late, s": f"{row['gated: late, s']:.1f}",
            "99 % of probabilities differ by under": f"{row['gated: 99 % differ by under']:.3f}",
            "other noise: missed": row["other noise: missed"],
            "late, s ": _one_decimal(row["other noise: late, s"]),
            "differ by under": _three_decimals(row["other noise: 99 % differ by under"]),
        }
        for row in _read("gate.json")["footage"]
    ]


def _one_decimal(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, float) else "-"


def _three_decimals(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "-"


def _follow() -> Rows:
    return [
        {
            "watched": row["way"],
            "sides": row["sides"],
            "named right": f"{row['named right']:.2f}",
            "of what told gives": f"{row['of told']:.2f}",
            "tracks": f"{row['tracks']:.1f}",
        }
        for row in _read("follow.json")["pairs"]
    ]


def _follow_cost() -> Rows:
    return [
        {
            "footage": row["footage"],
            "watched": row["way"],
            "tracks": f"{row['tracks']:.1f}",
            "ms of processor a second": f"{row['ms of processor a second']:.1f}",
            "times one stream": f"{row['of one stream']:.2f}",
        }
        for row in _read("follow_cost.json")["cost"]
    ]


def _follow_processor() -> str:
    return str(_read("follow_cost.json")["processor"])


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
        for row in _read("follow_cost.json")["arm"]
    ]


def _follow_gestures() -> Rows:
    found = _read("follow_gestures.json")["gestures"]
    rows = []
    for way in dict.fromkeys(row["way"] for row in found):
        shown: dict[str, Any] = {"what is looked at": way if " " in way else f"`{way}`"}
        for row in found:
            if row["way"] == way:
                more = row["more than whole"]
                beside = f" ({more:+.3f} ± {row['standard error']:.3f})" if more else ""
                shown[row["distance"].replace("m", " m")] = f"{row['told right']:.3f}{beside}"
        rows.append(shown)
    return rows


def _follow_people() -> Rows:
    found = _read("follow.json")["people"]
    rows = [
        {
            "followed by": row["way"],
            "clip": row["clip"],
            "boxes": row["boxes"],
            "IoU 0.5 or more": f"{row['found']:.2f}",
            "people found": row["people"],
            "changes of track, at most, of one": row["most changes of one"],
        }
        for row in found
    ]
    for way in ("motion", "people"):
        of = [row for row in found if row["way"] == way]
        boxes = sum(row["boxes"] for row in of)
        rows.append(
            {
                "followed by": way,
                "clip": "**all**",
                "boxes": boxes,
                "IoU 0.5 or more": f"{sum(row['boxes'] * row['found'] for row in of) / boxes:.2f}",
                "people found": sum(row["people"] for row in of),
                "changes of track, at most, of one": max(row["most changes of one"] for row in of),
            }
        )
    return rows


def _phone() -> Rows:
    found = _read("phone.json")
    step, parity, memory = found["step_ms"], found["parity"], found["memory"]
    vectors = found["vectors"]
    clips, rss, taken = parity["clips_compared"], memory["rss_mb"], memory["webassembly_mb"]
    rows = {
        "same label at the end of a real clip": f"{parity['same_top1_at_the_end']} of {clips}",
        "right label at the end, page and Python": f"{parity['right_in_page']} and "
        f"{parity['right_in_python']} of {clips}",
        "same label, frame by frame": f"{parity['same_top1_share']:.1%} of {parity['frames']}",
        "its probability differs by, 99 % of frames": f"{parity['probability_differs_p99']:.3f} "
        "or less",
        "same events at the same times": f"{parity['clips_with_same_events']} of {clips} clips",
        "one step in the page, least": f"{step['page_min']:.1f} ms",
        "of these, in LiteRT.js and WebAssembly": f"{step['page_network_min']:.1f} ms",
        "the same from the camera's picture on": f"{step['page_from_picture_min']:.1f} ms",
        "one step in Python, least": f"{step['python_min']:.1f} ms",
        "the same without vectors of 512 bits": f"{vectors['python_256_bits']:.1f} ms",
        "the same with vectors of 128 bits alone": f"{vectors['python_128_bits']:.1f} ms",
        "page over Python, by processor time": f"{step['ratio_cpu']:.1f} times",
        f"WebAssembly's memory, over {memory['steps']:,} steps": f"{taken[0]:.0f} to "
        f"{taken[-1]:.0f} MB",
        "the page's process, RSS, over the same": f"{min(rss):.0f} to {max(rss):.0f} MB, "
        f"{rss[-1]:.0f} at the end",
    }
    return [{"MoViNet-A0": name, "": value} for name, value in rows.items()]


def _phone_arm() -> Rows:
    return [
        {
            "emulated processor": f"of a {row['board']}, {words} int8 dot product",
            "in the browser's engine": f"{row['browser'] / 1e6:.1f} M",
            "in Python": f"{row['native'] / 1e6:.1f} M",
            "times": f"{row['ratio']:.1f}",
        }
        for row, words in zip(_read("phone_arm.json")["boards"], ("no", "with"), strict=True)
    ]


def _teach() -> Rows:
    found = _read("teach.json")
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
    rows = _read("recurrent_heads.json")["rows"]
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
    found = _read("teach.json")["shots"]
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
    found = _read("teach.json")
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
                "when a clip begins": f"{new['M when a clip begins']:.0f} M",
                "a second of clip in H.264": _of_a_core(new, "M a second of clip"),
                "in MPEG-4 Part 2": _of_a_core(old, "M a second of clip"),
            }
        )
    return rows


def _read_clips() -> Rows:
    rows: Rows = _read("arm_clips.json")["clips"]
    return rows


def _of_a_core(row: dict[str, Any], count: str, when: str = "") -> str:
    return f"{row[count]:.0f} M ({row['share of a core' + when]})"


def _formats() -> Rows:
    return [
        {
            "file": row["file"].replace("_", " "),
            "partitions": f"{row['partitions before']} -> {row['partitions']}",
            "time of a step": f"{row['ratio']:.2f}",
            "divergence": _three_decimals(row["divergence"]),
            "same label": f"{row['agree']} of {row['clips']}",
            "with its sums kept": _three_decimals(row["sums kept"]),
            "from float32: as exported, prepared": "-"
            if row["before"] is None
            else f"{row['before']:.3f}, {row['after']:.3f}",
        }
        for row in _read("formats.json")["rows"]
    ]


TABLES: dict[str, Callable[[], Rows]] = {
    "formats": _formats,
    "compare": _compare,
    "step": _step,
    "batched": _batched,
    "profile": _profile,
    "startup": _startup,
    "memory": _memory,
    "latency": _latency,
    "arm": _arm,
    "arm clips": _arm_clips,
    "streams": _streams,
    "events": _events,
    "quieted": _quieted,
    "quiet margins": _margins,
    "teach": _teach,
    "teach shots": _teach_shots,
    "teach cost": _teach_cost,
    "recurrent heads": _recurrent,
    "attack": _attack,
    "gate": _gate,
    "follow": _follow,
    "follow cost": _follow_cost,
    "follow people": _follow_people,
    "follow gestures": _follow_gestures,
    "follow arm": _follow_arm,
    "phone": _phone,
    "phone_arm": _phone_arm,
    "camera": _camera,
    "camera moves": _camera_moves,
    "camera speeds": _camera_speeds,
    "camera mistakes": _camera_mistakes,
    "camera fixed": _camera_fixed,
}

# Within a sentence.
FIGURES: dict[str, Callable[[], str]] = {
    "step ratio": _step_range,
    "arm ratio": _arm_range,
    "phone ratio": lambda: f"{_read('phone.json')['step_ms']['ratio_min']:.1f}",
    "phone ratio 256": lambda: f"{_read('phone.json')['vectors']['ratio_256_bits']:.1f}",
    "phone ratio 128": lambda: f"{_read('phone.json')['vectors']['ratio_128_bits']:.1f}",
    **{
        f"{name} processor": _processor(f"{name}.json")
        for name in ("batched", "compare", "formats", "latency", "scale", "startup")
    },
    "follow processor": _follow_processor,
}
