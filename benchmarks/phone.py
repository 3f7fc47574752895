"""What the page makes of real clips, beside Python, and what a step costs in each.

    python -m benchmarks.phone --json benchmarks/reference/phone.json

Headless Chromium on this machine stands for the phone. The published MoViNet-A0 is in a folder of
``EDGEVID_MODELS``, and real clips lie beside that folder. Steps are timed in turns, page and
Python, one thread each: of both the minimum, the median, and the processor's time, which other
programs on the machine disturb least.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

import edgevid
from apps.phone import models, site
from benchmarks import machine, report
from benchmarks.clips import published_path
from benchmarks.parts import phone_page
from benchmarks.parts.browser import Browser
from benchmarks.parts.hidden_features import HiddenFeatures
from edgevid import Model, load_model
from edgevid.support import command

NAME = "movinet-a0"
PARTS = ("step_ms", "vectors", "parity", "memory")
_TURNS, _STEPS = 8, 50  # of timing
_ROUNDS = 6  # of timing with vectors hidden
_SAMPLES = 24  # of memory

# The whole way of a camera's picture, as fast as it goes.
_RUN = """
window.model.then(async model => {
  const canvas = new OffscreenCanvas(640, 480), context = canvas.getContext('2d');
  const taken = [];
  for (let number = 0; number < steps; number++) {
    context.fillStyle = `hsl(${number % 360} 80% 50%)`;
    context.fillRect((7 * number) % 640, (5 * number) % 480, 160, 120);
    const began = performance.now();
    const { network_ms } = await model.step(await createImageBitmap(canvas));
    taken.push([performance.now() - began, network_ms]);
  }
  return taken;
})
"""
# The network alone: states, scene watch and what LiteRT.js does.
_LOGITS = """
window.model.then(async model => {
  const [height, width] = model.about.input, taken = [];
  const pixels = crypto.getRandomValues(new Uint8Array(60000));
  const picture = new Uint8Array(height * width * 3).map((_, at) => pixels[at % 60000]);
  for (let number = 0; number < steps; number++) {
    picture[number] ^= 255;
    const began = performance.now();
    await model.logits(picture);
    taken.push(performance.now() - began);
  }
  return taken;
})
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.phone", __doc__)
    parser.add_argument(
        "--part", choices=PARTS, action="append",
        help="measure only this, can be repeated, and keep the rest of the results' file",
    )  # fmt: skip
    parser.add_argument("--hours", type=float, default=2, help="of frames, for the memory")
    chosen = parser.parse_args(argv)
    return command.guard(lambda: _run(chosen))


def _run(chosen: argparse.Namespace) -> int:
    published_path()  # before a page is built for it
    before = machine.read()
    parts = chosen.part or PARTS
    results: dict[str, Any] = {}
    if chosen.part and chosen.json is not None and chosen.json.exists():
        results = json.loads(chosen.json.read_text("utf-8"))
    with _page() as (browser, built):
        phone_page.load(browser, NAME)
        model = load_model(published_path())
        if "step_ms" in parts:
            results["step_ms"] = _steps(browser, model)
            _say("one step", results["step_ms"])
        if "vectors" in parts:
            results["vectors"] = _vectors(browser, built / "models" / f"{NAME}.tflite")
            _say("one step", results["vectors"])
        if "parity" in parts:
            results["parity"] = _parity(browser, built, model, 3 if chosen.quick else 1000)
            _say("parity", {k: v for k, v in results["parity"].items() if k != "clips"})
        if "memory" in parts:
            hours = 0.01 if chosen.quick else chosen.hours
            results["memory"] = _memory(browser, round(hours * 3600 * model.manifest.fps))
            _say("memory", results["memory"])
        results["browser"] = browser.ask("Browser.getVersion")["product"]
    results["machine"] = machine.facts(before, machine.read())
    report.write_json(chosen.json, results)
    return command.OK


def _say(what: str, figures: dict[str, Any]) -> None:
    print(f"{what}: " + ", ".join(f"{name} {value}" for name, value in figures.items()), flush=True)


@contextmanager
def _page() -> Iterator[tuple[Browser, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        built, prepared = Path(folder, "site"), Path(folder, "models")
        prepared.mkdir()
        site.assemble(built, models.prepared([NAME], prepared))
        with phone_page.serving(built) as address, Browser(Path(folder, "profile")) as browser:
            browser.go(f"{address}icon.svg")
            browser.until("document.readyState === 'complete'")
            yield browser, built


def _steps(browser: Browser, model: Model) -> dict[str, float]:
    stream, there, whole, network = model.stream(), [], [], []
    here: list[float] = []
    size = (model.signature.height, model.signature.width, 3)
    picture = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    cpu = {"page": 0.0, "python": 0.0}
    for _ in range(_TURNS):
        before = _cpu_ms(browser)
        there += browser.run(_with_steps(_LOGITS, _STEPS))
        cpu["page"] += _cpu_ms(browser) - before
        before = time.process_time() * 1000
        for number in range(_STEPS):
            picture[0, number] ^= 255
            began = time.perf_counter()
            stream.logits(picture)
            here.append((time.perf_counter() - began) * 1000)
        cpu["python"] += time.process_time() * 1000 - before
        for taken, inside in browser.run(_with_steps(_RUN, _STEPS)):
            whole.append(taken)
            network.append(inside)
    figures = {
        f"{name}_{mark}": round(float(function(values)), 2)
        for name, values in (
            ("page", there),
            ("page_from_picture", whole),
            ("page_network", network),
            ("python", here),
        )
        for mark, function in (("min", np.min), ("p50", np.median))
    }
    for name, milliseconds in cpu.items():
        figures[f"{name}_cpu"] = round(milliseconds / (_TURNS * _STEPS), 2)
    for mark in ("min", "p50", "cpu"):
        figures[f"ratio_{mark}"] = round(figures[f"page_{mark}"] / figures[f"python_{mark}"], 2)
    return figures


def _vectors(browser: Browser, prepared: Path) -> dict[str, float]:
    """Returns the least step of the page, and of Python with vectors of so many bits, in turns."""
    least: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        hiding = HiddenFeatures(Path(folder))
        for _ in range(_ROUNDS):
            taken = {"page": browser.run(_with_steps(_LOGITS, 2 * _STEPS))}
            for name, hidden in (("all", None), ("256_bits", 512), ("128_bits", 256)):
                taken[f"python_{name}"] = hiding.steps(prepared, hidden)
            for name, values in taken.items():
                least[name] = min(least.get(name, math.inf), *values)
    figures = {name: round(value, 2) for name, value in least.items()}
    for name in ("all", "256_bits", "128_bits"):
        figures[f"ratio_{name}"] = round(least["page"] / least[f"python_{name}"], 2)
    return figures


def _cpu_ms(browser: Browser) -> float:
    """Returns how long processors have worked for what runs pages, in milliseconds."""
    ticks = 0
    for pid in browser.renderers():
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # in user mode and in the kernel
    return ticks * 1000 / os.sysconf("SC_CLK_TCK")


def _parity(browser: Browser, built: Path, model: Model, most: int) -> dict[str, Any]:
    table = published_path().parent.parent / "clips" / "clips.tsv"
    with table.open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines, delimiter="\t") if row["kinetics600_label"]]
    clips, differences = [], []
    for row in tqdm(rows[:most], "clips", unit="clip"):
        here = phone_page.play(browser, built, table.parent / row["file"], model)
        there = phone_page.play_in_page(browser, built)
        ours = [prediction.top for prediction in here.predictions]
        theirs = [prediction["scores"][0] for prediction in there["predictions"]]
        differences += [
            abs(score.probability - other["probability"])
            for score, other in zip(ours, theirs, strict=True)
            if score.label == other["label"]
        ]
        clips.append(
            {
                "clip": row["file"],
                "label": row["kinetics600_label"],
                "python": [ours[-1].label, round(ours[-1].probability, 3)],
                "page": [theirs[-1]["label"], round(theirs[-1]["probability"], 3)],
                "frames": len(ours),
                "same": sum(a.label == b["label"] for a, b in zip(ours, theirs, strict=True)),
                "same_events": _named(there["events"]) == _named([vars_of(e) for e in here.events]),
            }
        )
    frames = sum(clip["frames"] for clip in clips)
    return {
        "clips_compared": len(clips),
        "same_top1_at_the_end": sum(clip["python"][0] == clip["page"][0] for clip in clips),
        "right_in_python": sum(clip["python"][0] == clip["label"] for clip in clips),
        "right_in_page": sum(clip["page"][0] == clip["label"] for clip in clips),
        "frames": frames,
        "same_top1_share": round(sum(clip["same"] for clip in clips) / frames, 4),
        "probability_differs_p50": round(float(np.median(differences)), 5),
        "probability_differs_p99": round(float(np.percentile(differences, 99)), 4),
        "clips_with_same_events": sum(clip["same_events"] for clip in clips),
        "clips": clips,
    }


def vars_of(event: edgevid.Event) -> dict[str, Any]:
    """Returns what the page would say of an event."""
    return {"state": event.state, "label": event.label, "timestamp": event.timestamp}


def _named(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(event["state"], event["label"], event["timestamp"]) for event in events]


def _memory(browser: Browser, steps: int) -> dict[str, Any]:
    samples, taken = [], []
    each = max(1, steps // _SAMPLES)
    for _ in tqdm(range(_SAMPLES), "memory", unit="part"):
        browser.run(_with_steps(_RUN, each))
        browser.ask("HeapProfiler.collectGarbage")
        samples.append(round(max(map(machine.rss_mb, browser.renderers())), 1))
        taken.append(browser.run("window.model.then(model => model.memory())") / 2**20)
    return {"steps": each * _SAMPLES, "rss_mb": samples, "webassembly_mb": taken}


def _with_steps(script: str, steps: int) -> str:
    return f"(() => {{ const steps = {steps}; return {script.strip()} }})()"


if __name__ == "__main__":
    sys.exit(main())
