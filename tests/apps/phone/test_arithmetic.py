"""The page's arithmetic, module by module, against Python's on the same numbers."""

from __future__ import annotations

import base64
import io
import json
import math
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgevid
from apps.phone import site
from benchmarks.parts.phone_page import serving
from benchmarks.parts.tiny_model import LABELS, tiny_model
from edgevid import EventDetector, EventRules, Pace, Prediction, Score
from edgevid.modelfile import flatbuffer, manifest
from edgevid.modelfile.head import Head
from edgevid.modelfile.manifest import Manifest
from edgevid.prepare import prepare
from edgevid.runtime.gate import Gate
from edgevid.runtime.head import HeadState
from edgevid.runtime.preprocess import Preprocess
from edgevid.runtime.scenes import SceneWatch
from edgevid.runtime.topk import TopK
from tests.apps.browser import Browser, needs_chromium
from tests.prepare.mini_movinet import LABELS as MINI_LABELS
from tests.prepare.mini_movinet import mini_movinet

pytestmark = needs_chromium

BUNDLED = Path(edgevid.__file__).parent / "bundled" / "camera-motion.tflite"


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Browser]:
    """The page's own files, without LiteRT.js: these modules need none of it."""
    with serving(site.PAGE) as address:
        browser.go(f"{address}icon.svg")
        browser.until("document.readyState === 'complete'")
        yield browser


def answer(page: Browser, module: str, call: str, **given: Any) -> Any:
    """Returns what a function of a module makes of some values."""
    names, values = ", ".join(given), json.dumps(given)
    return page.run(
        f"import('/{module}').then(async module => {{ const {{{names}}} = {values}; {call} }})"
    )


@pytest.mark.parametrize("fps", [24.83, 25.0, 30.0, 5.0, 4.1])
def test_pace(page: Browser, fps: float) -> None:
    generator = np.random.default_rng(3)
    times = (np.arange(200) / fps + generator.uniform(0, 0.02, 200)).tolist()
    pace = Pace(5)
    expected = [pace.due(time) for time in times]
    got = answer(
        page,
        "watch/pace.js",
        "const pace = new module.Pace(5);return [times.map(time => pace.due(time)), pace.skipped]",
        times=times,
    )
    assert got == [expected, pace.skipped]
    assert True in expected


@pytest.mark.parametrize(
    "rules",
    [
        EventRules(),
        EventRules(0.6, 0.3, 0.0, 0.4, 2.0),
        EventRules(0.4, 0.4, 1.5),
        EventRules(by_label={"b": EventRules(0.9, 0.8, 0.0)}),
    ],
)
def test_events(page: Browser, rules: EventRules) -> None:
    generator = np.random.default_rng(5)
    predictions, level = [], np.full(3, 0.2)
    for number in range(300):
        level = np.clip(level + generator.normal(0, 0.2, 3), 0, 1)
        listed = [Score("abc"[n], float(level[n])) for n in range(3) if generator.random() > 0.2]
        predictions.append(Prediction(number / 5, number, tuple(listed), 1.0))
    detector = EventDetector(rules)
    expected = [event for prediction in predictions for event in detector.update(prediction)]
    expected += detector.close()
    got = answer(
        page,
        "watch/events.js",
        "const detector = new module.EventDetector(rules);"
        "return [...predictions.flatMap(one => detector.update(one)), ...detector.close()]",
        rules=asdict(rules),
        predictions=[
            {
                "timestamp": one.timestamp,
                "scores": [{"label": s.label, "probability": s.probability} for s in one.scores],
            }
            for one in predictions
        ],
    )
    assert [(e["state"], e["label"], e["timestamp"]) for e in got] == [
        (e.state, e.label, e.timestamp) for e in expected
    ]
    assert [e["probability"] for e in got] == pytest.approx([e.probability for e in expected])
    assert len(expected) > 10


BYTES = "const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));"


def text(data: bytes) -> str:
    """Bytes for ``BYTES``."""
    return base64.b64encode(data).decode()


PICTURE = """
const seed = at => { let x = Math.imul(at ^ 0x9e3779b9, 0x85ebca6b); x ^= x >>> 13;
  return Math.imul(x, 0xc2b2ae35) >>> 24; };
const picture = (width, height) => {
  const data = new Uint8Array(width * height * 4);
  for (let at = 0; at < data.length; at++) data[at] = at % 4 === 3 ? 255 : seed(at);
  return {data, width, height};
};
"""


def picture(width: int, height: int) -> np.ndarray:
    """The same noise as ``PICTURE`` makes in the page."""
    at = np.arange(width * height * 4, dtype=np.uint32)
    x = (at ^ np.uint32(0x9E3779B9)) * np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    data = (x * np.uint32(0xC2B2AE35)) >> np.uint32(24)
    return np.ascontiguousarray(data.astype(np.uint8).reshape(height, width, 4)[:, :, :3])


@pytest.mark.parametrize("fit", ["crop", "stretch", "letterbox"])
@pytest.mark.parametrize(
    "size", [(640, 480), (480, 640), (1280, 720), (333, 217), (172, 172), (100, 60), (1, 1)]
)
@pytest.mark.parametrize("side", [172, 96])
def test_preprocess(page: Browser, size: tuple[int, int], fit: str, side: int) -> None:
    expected = Preprocess(side, side, fit=fit).fit(picture(*size))
    got = answer(
        page,
        "model/preprocess.js",
        PICTURE
        + """
        const [width, height] = size, whole = picture(width, height);
        const part = module.seen(width, height, 1, fit);
        const cut = new Uint8Array(part.width * part.height * 4);
        for (let row = 0; row < part.height; row++) {
          const from = ((part.y + row) * width + part.x) * 4;
          cut.set(whole.data.subarray(from, from + part.width * 4), row * part.width * 4);
        }
        const image = {data: cut, width: part.width, height: part.height};
        const pixels = module.fitted(image, side, side, fit);
        return btoa(Array.from(pixels, byte => String.fromCharCode(byte)).join(""));
        """,
        size=size,
        side=side,
        fit=fit,
    )
    pixels = np.frombuffer(base64.b64decode(got), np.uint8).reshape(side, side, 3)
    # OpenCV's own roundings differ by one from processor to processor.
    assert np.abs(pixels.astype(int) - expected).max() <= 1
    assert (pixels != expected).mean() < 0.02


def test_scenes(page: Browser) -> None:
    generator = np.random.default_rng(1)
    bases = [generator.integers(0, 256, (4, 4, 3)).repeat(43, 0).repeat(43, 1) for _ in range(4)]
    shares = np.linspace(0, 1, 25)  # one scene becomes another bit by bit: it drifts
    drifting = [bases[0] * (1 - share) + bases[1] * share for share in shares]
    pictures = [
        np.clip(base + generator.integers(-6, 7, base.shape), 0, 255).astype(np.uint8)
        for base in [*drifting, *[bases[2]] * 12, *[bases[3]] * 3, *[bases[3] * 0] * 3]
    ]
    watch = SceneWatch(fps=5.0)
    expected = [watch.look(one) for one in pictures]
    got = answer(
        page,
        "model/scenes.js",
        BYTES
        + """
        const watch = new module.SceneWatch(5);
        return pictures.map(text => {
          const counts = watch.look(bytes(text), 172, 172);
          return counts === Infinity ? null : counts;
        })
        """,
        pictures=[text(one.tobytes()) for one in pictures],
    )
    assert [math.inf if one is None else one for one in got] == expected
    assert set(expected) == {1.0, 5.0, math.inf}


def test_softmax(page: Browser) -> None:
    logits = np.random.default_rng(2).normal(0, 3, 600).astype(np.float32)
    logits[[7, 70]] = logits.max() + 1  # a tie
    labels = [f"label {n}" for n in range(600)]
    expected = TopK(labels).top(logits)
    got = answer(
        page,
        "model/topk.js",
        "return module.topK(Float32Array.from(logits), labels, 5)",
        logits=logits.tolist(),
        labels=labels,
    )
    assert [one["label"] for one in got] == [one.label for one in expected]
    assert [one["probability"] for one in got] == pytest.approx(
        [one.probability for one in expected], rel=1e-5
    )


READ = """
try {
  const {memory_s, raw, head, ...rest} = await module.readManifest(bytes(data), "mine");
  return {memory_s: memory_s === Infinity ? null : memory_s, ...rest};
} catch (error) {
  return `${error.constructor.name}: ${error.message}`;
}
"""


def read(page: Browser, data: bytes) -> Any:
    return answer(page, "model/model_file.js", BYTES + READ, data=text(data))


def test_a_head_that_was_taught(page: Browser) -> None:
    generator = np.random.default_rng(4)
    weights = generator.normal(0, 1, (2, 18)).astype(np.float32)
    head = Head((1, 4, 7), weights, generator.normal(0, 1, 2).astype(np.float32))
    frames = generator.normal(0, 1, (20, 6)).astype(np.float32)
    state = HeadState(head)
    expected = [state.step(frame) for frame in frames]
    got = answer(
        page,
        "model/head.js",
        BYTES
        + """
        const {readManifest} = await import("/model/model_file.js");
        const {head} = await readManifest(bytes(data), "");
        const state = new module.HeadState(head);
        return frames.map(frame => [...state.step(Float32Array.from(frame))]);
        """,
        data=text(manifest.write(tiny_model(), Manifest("x", ("a", "b"), head=head))),
        frames=frames.tolist(),
    )
    assert np.abs(np.array(got) - np.array(expected)).max() < 1e-5


def test_manifest(page: Browser) -> None:
    written = Manifest(
        name="tür", labels=("ö", "two words"), fps=4.5, fit="letterbox", memory_s=3.0,
        follow_scene=False,
        events=EventRules(0.7, 0.2, 0.1, 0.3, 0.4, {"ö": EventRules()}),
    )  # fmt: skip
    assert read(page, manifest.write(tiny_model(), written)) == {
        "name": "tür",
        "labels": ["ö", "two words"],
        "fps": 4.5,
        "fit": "letterbox",
        "memory_s": 3.0,
        "follow_scene": False,
        "events": json.loads(json.dumps(asdict(written.events), default=dict))
        | {"by_label": {"ö": asdict(EventRules())}},
    }
    forgetful = manifest.write(tiny_model(), Manifest(name="x", labels=LABELS))
    assert read(page, forgetful)["memory_s"] is None
    assert read(page, tiny_model())["labels"] == []


@pytest.mark.parametrize("kept", [0, 5, 100, 0.5, 0.98, -1])
def test_a_file_that_was_cut_off(page: Browser, kept: float) -> None:
    whole = manifest.write(tiny_model(), Manifest(name="x", labels=LABELS))
    said = read(page, whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    if isinstance(said, str):
        assert said.startswith("ModelFileError: ")
        assert "fetch it again" in said or "no .tflite model" in said
    else:  # only the network was there, which LiteRT has to find damaged
        assert kept in (100, 0.5)
        assert said["labels"] == []


@pytest.mark.parametrize(
    ("key", "value"), [("fps", 0), ("fit", "round"), ("name", 3), ("memory_s", -1), ("format", 2)]
)
def test_a_manifest_that_is_wrong(page: Browser, key: str, value: object) -> None:
    written = manifest.write(tiny_model(), Manifest(name="x", labels=LABELS))
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        values, labels = json.loads(archive.read("manifest.json")), archive.read("labels.txt")
    changed = io.BytesIO(tiny_model())
    with zipfile.ZipFile(changed, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", json.dumps({**values, key: value}))
        archive.writestr("labels.txt", labels)
    assert str(read(page, changed.getvalue())).startswith("ModelFileError: The model's manifest")


def networks() -> dict[str, bytes]:
    """Networks with each way to carry states."""
    mini = mini_movinet(int8=True)
    split = prepare(mini, name="mini", labels=MINI_LABELS, target="amx").data
    return {"tiny": tiny_model(), "mini": mini, "split": split, "bundled": BUNDLED.read_bytes()}


@pytest.mark.parametrize("name", ["tiny", "mini", "split", "bundled"])
def test_what_goes_in_and_what_comes_out(page: Browser, name: str) -> None:
    data = networks()[name]
    graph = flatbuffer.read(manifest.split(data)[0])
    (signature,) = graph.signatures
    expected = {
        side: {
            argument: {
                "name": argument,
                "index": index,
                "dtype": graph.tensors[index].dtype,
                "shape": list(graph.tensors[index].shape),
                "scale": (graph.tensors[index].scale or (0,))[0],
                "zero": (graph.tensors[index].zero_point or (0,))[0],
            }
            for argument, index in arguments.items()
        }
        for side, arguments in (("inputs", signature.inputs), ("outputs", signature.outputs))
    }
    got = answer(
        page, "model/signature.js", BYTES + "return module.signatureOf(bytes(data));",
        data=text(data),
    )  # fmt: skip
    assert {side: {one["name"]: one for one in got[side]} for side in got} == expected
    zeros = {one["zero"] for one in got["inputs"]}
    assert (zeros != {0}) == (name in ("split", "bundled"))


@pytest.mark.parametrize("kept", [9, 100, 0.5, 0.9])
def test_a_network_that_was_cut_off(page: Browser, kept: float) -> None:
    data = tiny_model()
    cut = data[: int(kept * len(data)) if isinstance(kept, float) else kept]
    call = """
        try { return module.signatureOf(bytes(data)) }
        catch (error) { return `${error.constructor.name}: ${error.message}` }
    """
    said = answer(page, "model/signature.js", BYTES + call, data=text(cut))
    if kept != 0.9:  # of which all that is read may be there
        assert str(said).startswith("ModelFileError: The model file is damaged")


def test_gate(page: Browser) -> None:
    generator = np.random.default_rng(8)
    base = generator.integers(40, 200, (6, 8, 3)).repeat(20, 0).repeat(20, 1)
    pictures, gate, expected = [], Gate(5.0), []
    for number in range(120):
        lit = base * (1.02 if number > 60 else 1)  # the camera's exposure: opens nothing
        shown = np.clip(lit + generator.normal(0, 1, base.shape), 0, 255).astype(np.uint8)
        if 80 <= number < 84:
            shown[30:90, 30:90] = 255  # somebody
        pictures.append(shown)
        score = 0.5 + 0.3 * (80 <= number < 90)
        expected.append(gate.passes(shown))
        if expected[-1]:
            gate.note({"a": score})
    with_alpha = [np.dstack([one, np.full(one.shape[:2], 255, np.uint8)]) for one in pictures]
    got = answer(
        page,
        "model/gate.js",
        BYTES
        + """
        const gate = new module.Gate(5);
        return pictures.map((one, number) => {
          const passes = gate.passes({data: bytes(one), width: 160, height: 120});
          const probability = 0.5 + (number >= 80 && number < 90 ? 0.3 : 0);
          if (passes) gate.note([{label: "a", probability}]);
          return passes;
        });
        """,
        pictures=[text(one.tobytes()) for one in with_alpha],
    )
    assert got == expected
    assert {True, False} == set(expected[:80])
    assert expected[80]
