"""The tables of apps/phone/README.md."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.tables.reading import Rows, read


def _phone() -> Rows:
    found = read("phone.json")
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
        for row, words in zip(read("phone_arm.json")["boards"], ("no", "with"), strict=True)
    ]


TABLES: dict[str, Callable[[], Rows]] = {
    "phone": _phone,
    "phone_arm": _phone_arm,
}

FIGURES: dict[str, Callable[[], str]] = {
    "phone ratio": lambda: f"{read('phone.json')['step_ms']['ratio_min']:.1f}",
    "phone ratio 256": lambda: f"{read('phone.json')['vectors']['ratio_256_bits']:.1f}",
    "phone ratio 128": lambda: f"{read('phone.json')['vectors']['ratio_128_bits']:.1f}",
}
