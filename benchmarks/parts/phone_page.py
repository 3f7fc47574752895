"""The page for phones, served; and clips played to it frame by frame, and to Python beside it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apps.phone import server
from benchmarks.parts.browser import Browser
from edgevid import Event, Model, Prediction, Watch, open_source
from edgevid.support.opencv import cv2

FRAMES = "frames"  # the folder inside the site where pictures lie for the page to take

_PLAY = """
Promise.all([import('/watch/watch.js'), window.model]).then(async ([{Watch}, model]) => {
  const watch = new Watch(model), predictions = [], events = [];
  for (const [index, timestamp] of times.entries()) {
    const picture = async () => createImageBitmap(
      await (await fetch(`/frames/${index}.png`)).blob(),
      {colorSpaceConversion: 'none', premultiplyAlpha: 'none'});
    const seen = await watch.take({timestamp, index, picture});
    if (seen.prediction) predictions.push(seen.prediction);
    events.push(...seen.events);
  }
  events.push(...await watch.end());
  return {predictions, events, skipped: watch.skipped};
})
"""


@dataclass(frozen=True)
class Played:
    """What one side made of a clip."""

    predictions: list[Prediction]
    events: list[Event]
    skipped: int


@contextmanager
def serving(folder: Path, *, cert: Path | None = None, key: Path | None = None) -> Iterator[str]:
    """Serves a folder as the command does; gives its address."""
    running = server.server(folder, cert=cert, key=key)
    listening = server.listen("localhost", 0)
    thread = threading.Thread(target=server.serve, args=(running, listening), daemon=True)
    thread.start()
    try:
        yield f"{'https' if cert else 'http'}://localhost:{listening.getsockname()[1]}/"
    finally:
        running.should_exit = True
        thread.join(30)


def load(browser: Browser, name: str) -> dict[str, Any]:
    """Loads a model of the site into the page; returns what the page says of it."""
    about: dict[str, Any] = browser.run(f"""
    import('/model/model.js').then(async ({{Model}}) => {{
      (await window.model)?.close();
      const answer = await fetch('/models/{name}.tflite');
      const data = new Uint8Array(await answer.arrayBuffer());
      window.model = Model.load(data, {{name: '{name}'}});
      return (await window.model).about;
    }})""")
    return about


def play(browser: Browser, built: Path, clip: Path, model: Model, most: int = 10_000) -> Played:
    """Plays a clip to Python, and keeps for the page the pictures that fell on the clock."""
    watch, played = Watch(model.stream()), Played([], [], 0)
    folder = built / FRAMES
    folder.mkdir(exist_ok=True)
    times: list[float] = []
    with open_source(clip) as source:
        for frame in source:
            if len(times) == most:
                break
            times.append(frame.timestamp)
            prediction, events = watch.take(frame)
            played.events.extend(events)
            if prediction is not None:
                played.predictions.append(prediction)
                bgr = np.ascontiguousarray(frame.image[:, :, ::-1])
                cv2.imwrite(str(folder / f"{frame.index}.png"), bgr)
    played.events.extend(watch.end())
    (built / FRAMES / "times.json").write_text(json.dumps(times))
    return Played(played.predictions, played.events, watch.skipped)


def play_in_page(browser: Browser, built: Path) -> dict[str, Any]:
    """Plays in the page what ``play`` has kept; returns predictions and events."""
    times = (built / FRAMES / "times.json").read_text()
    result: dict[str, Any] = browser.run(
        f"(() => {{ const times = {times}; return {_PLAY.strip()} }})()"
    )
    for path in (built / FRAMES).iterdir():
        path.unlink()
    return result
