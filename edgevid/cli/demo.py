"""``python -m edgevid.demo``: labels a short bundled clip, without a network.

The clip and the model come with edgevid: a camera does one thing after the other, and the model
says what. Any other video is labelled by MoViNet-A0, if it can be had.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgevid.cli import stream
from edgevid.errors import OutputError
from edgevid.models.catalog import CAMERA_MOTION
from edgevid.models.locate import AUTO
from edgevid.support import command

CLIP = CAMERA_MOTION.path.with_name("demo.mp4")
_DONE = CAMERA_MOTION.path.with_name("demo.json")  # what the camera does in it


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command.ArgumentParser(prog="python -m edgevid.demo", description=__doc__)
    parser.add_argument("--clip", help="label this video instead of the one that edgevid brings")
    parser.add_argument(
        "--model", help="a model's name or file (default: camera-motion; with --clip, auto)"
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("out"), help="for what it writes (default: out)"
    )
    chosen = parser.parse_args(arguments)
    return command.guard(lambda: _run(chosen.clip, chosen.model, chosen.folder))


def _run(clip: str | None, model: str | None, folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror}") from error
    model = model or (AUTO if clip else CAMERA_MOTION.name)
    video, lines = folder / "demo-labelled.mp4", folder / "demo.jsonl"
    flags = ["--headless", "--save", str(video), "--output", str(lines), "--model", model]
    code = stream.main(["--source", clip or str(CLIP), *flags])
    if code == command.OK:
        if clip is None and model == CAMERA_MOTION.name:
            print(_timeline(lines))
        print(f"the labelled video:  {video}\nthe predictions:     {lines}")
    return code


def _timeline(lines: Path) -> str:
    """What the camera did, beside what was said of it."""
    starts = [event for event in _events(lines) if event["state"] == "start"]
    rows = [f"{'the camera':>24}  {'':22}  it said"]
    for done in json.loads(_DONE.read_text("utf-8")):
        said = [
            f"{event['label']}, {event['timestamp'] - done['start']:.1f} s later"
            for event in starts
            if done["start"] <= event["timestamp"] < done["end"]
        ]
        when = f"{done['start']:5.1f} to {done['end']:4.1f} s"
        rows.append(f"{when:>24}  {done['label']:22}  {'; '.join(said) or '-'}")
    return "\n".join(rows)


def _events(lines: Path) -> list[dict[str, Any]]:
    read = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    return [line for line in read if line["type"] == "event"]
