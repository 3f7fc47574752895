"""``python -m benchmarks.formats FILE...``: what preparing does to files as people export them.

Each file runs twice on the same clips, from an empty state for each: as it is under the official
example's loop, and prepared under edgevid's, with a memory that never ends, so that both compute
the same. ``benchmarks.exported.garden`` makes the files. The ratio is of the least processor times
of the two loops in turn, as in ``benchmarks.step``.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks import clips, machine, report
from benchmarks.parity import softmax
from benchmarks.parts.numbered import numbered
from benchmarks.peers.official import OfficialLoop
from benchmarks.step import interleaved
from edgevid import prepare
from edgevid.modelfile import flatbuffer, model_file, signature
from edgevid.models.load import load_model
from edgevid.prepare.passes.pools import bound_memory
from edgevid.records import Frame
from edgevid.runtime.model import Model
from edgevid.runtime.partitions import partitions
from edgevid.support.command import FAILED, OK, guard
from edgevid.support.opencv import cv2

_LIMITS = {"float32": 0.005, "int8": 0.02}  # of the divergence, in nats
_FRAMES = 15  # of each clip, three seconds

Pictures = NDArray[np.uint8]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.formats", __doc__)
    parser.add_argument("files", nargs="+", type=Path, help="MoViNet streaming .tflite files")
    parser.add_argument("--steps", type=int, default=300, help="of each loop (default: 300)")
    chosen = parser.parse_args(arguments)
    return guard(lambda: _run(chosen))


def _run(chosen: Any) -> int:
    played = [clip.pictures for clip in clips.labelled(4 if chosen.quick else None, most=_FRAMES)]
    steps = 20 if chosen.quick else chosen.steps
    before, rows = machine.read(), list[dict[str, Any]]()
    for path in tqdm(chosen.files, "files", leave=False):
        rows.append(compare(path, played, steps=steps))
        facts = machine.facts(before, machine.read())
        report.write_json(chosen.json, {"machine": facts, "steps": steps, "rows": rows})
    print(report.table(rows))
    failed = [row["file"] for row in rows if not _holds(row)]
    for name in failed:
        print(f"{name}: more than one partition, or something else than before")
    return FAILED if failed else OK


def _holds(row: dict[str, Any]) -> bool:
    """Whether a file is one partition and says the same.

    An int8 file may say something else where that is nearer to float32, and comes of its means
    alone.
    """
    limit = _LIMITS["int8" if row["file"].endswith("int8") else "float32"]
    same = row["divergence"] < limit and row["agree"] >= row["clips"] - 1
    nearer = row["after"] < row["before"] and row["sums kept"] < limit
    return bool(row["partitions"] == 1 and (same or nearer))


def compare(path: Path, played: Sequence[Pictures], *, steps: int) -> dict[str, Any]:
    """Compares a file with itself, prepared.

    Args:
        path: a streaming network as it was exported. If it ends in ``_int8.tflite``, and the same
            with ``_float32`` lies beside it, both are compared with that one too.
        played: uint8 ``[frames, height, width, 3]``, scaled to the network's input.
        steps: of each loop, for the ratio of their times.

    Returns:
        ``partitions`` before and after; ``ratio`` of the least processor times; ``divergence``,
        the mean of Kullback-Leibler over the clips' ends, in nats, and over all ``frames``;
        ``agree``, on how many of the ``clips`` both name the same class at the end; how far the
        clips' ends diverge from the float32 file's ``before`` and ``after``; and from its own
        where preparing it leaves only the int8 ``sums kept`` that became float32 means.

    Raises:
        ModelError: the file is damaged, or no MoViNet stream.
    """
    data = flatbuffer.load(path)
    network, labels = signature.of(flatbuffer.read(data)), numbered(data)
    file = model_file.read(data, name=path.stem, labels=tuple(labels))
    prepared = prepare.rewrite(file)
    model = _loaded(prepared.data)
    official = OfficialLoop(str(path), labels)
    size = (network.width, network.height)
    fitted = [np.stack([cv2.resize(picture, size) for picture in clip]) for clip in played]
    before = [_official_logits(official, clip) for clip in fitted]
    after = [_logits(model, clip) for clip in fitted]
    stream = model.stream()
    loops = {
        "official": official.step,
        "ours": lambda picture: stream.step(Frame(picture, 0.0, 0)),
    }
    least = {name: ms.min() for name, ms in interleaved(loops, list(fitted[0]), steps).items()}
    row = {
        "file": path.stem,
        "partitions before": partitions(data),
        "partitions": partitions(prepared.data),
        "official ms": float(least["official"]),
        "ratio": float(least["ours"] / least["official"]),
        "divergence": _at_the_ends(before, after),
        "frames": float(np.mean(_divergence(np.concatenate(before), np.concatenate(after)))),
        "agree": sum(
            int(one[-1].argmax() == other[-1].argmax())
            for one, other in zip(before, after, strict=True)
        ),
        "clips": len(fitted),
        "before": math.nan,
        "after": math.nan,
        "sums kept": math.nan,
    }
    twin = path.with_name(path.name.replace("_int8.tflite", "_float32.tflite"))
    if twin != path and twin.exists():
        exact = OfficialLoop(str(twin), labels)
        right = [_official_logits(exact, clip) for clip in fitted]
        passes = [one for one in prepare.passes_for(prepare.this_machine()) if one != bound_memory]
        kept = _loaded(prepare.rewrite(file, passes=passes).data)
        row |= {
            "before": _at_the_ends(right, before),
            "after": _at_the_ends(right, after),
            "sums kept": _at_the_ends(before, [_logits(kept, clip) for clip in fitted]),
        }
    return row


def _loaded(data: bytes) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "prepared.tflite")
        path.write_bytes(data)
        return load_model(path, prepare=False)


def _logits(model: Model, clip: Pictures) -> NDArray[np.float32]:
    stream = model.stream(memory=math.inf)
    return np.stack([stream.logits(picture) for picture in clip])


def _official_logits(official: OfficialLoop, clip: Pictures) -> NDArray[np.float32]:
    official.reset()
    return np.stack([official.logits(picture) for picture in clip])


def _at_the_ends(one: Sequence[NDArray[np.float32]], other: Sequence[NDArray[np.float32]]) -> float:
    ends = [np.stack([clip[-1] for clip in clips]) for clips in (one, other)]
    return float(np.mean(_divergence(*ends)))


def _divergence(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float64]:
    p, q = softmax(before.astype(np.float64)), softmax(after.astype(np.float64))
    divergence: NDArray[np.float64] = (p * (np.log(p + 1e-30) - np.log(q + 1e-30))).sum(-1)
    return divergence


if __name__ == "__main__":
    sys.exit(main())
