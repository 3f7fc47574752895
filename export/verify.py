"""``python -m export.verify``: does the exported file still do what the network does?

The float network in Keras is the reference. Each file runs through edgevid's own stream, one
frame a step, as on the device.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edgevid.errors import ModelError, UsageError
from edgevid.modelfile import label_files, manifest
from edgevid.models.load import load_model
from edgevid.support.atomic_file import atomic_file
from edgevid.support.command import OK, ArgumentParser, guard
from export.data import clips
from export.data.clips import Clip
from export.data.frames import tell, watch
from export.metrics import agreement, divergence
from export.model import checkpoint
from export.model.network import FPS
from export.model.predict import Logits, Pictures, Predictor, file_predictor, keras_predictor
from export.report import write_json
from export.verification.layers import LayerError, float_file, worst_layers

_LAYER_FRAMES = 50  # enough to compare layers on
_LONGEST_STREAM = 1500  # frames, five minutes: for memories that never forget


@dataclass(frozen=True)
class Limits:
    """What an exported file may lose against the float network.

    Attributes:
        top1_drop: share of clips, 0 to 1.
        divergence: mean over the clips' ends, in nats.
        drift: mean over the last third of a stream of three memories, in nats.
    """

    top1_drop: float = 0.01
    divergence: float = 0.02
    drift: float = 0.04


@dataclass(frozen=True)
class Comparison:
    """One file against the float network.

    Attributes:
        clips: how many were compared.
        top1: share of clips that the file gets right.
        reference_top1: share that the network gets right.
        agreement: share of clips on which both have the same best class.
        divergence: mean Kullback-Leibler divergence at the clips' ends, in nats.
        frame_divergence: the same over all frames.
        drift: the same over each third of streams of three memories or longer.
        worst_layers: what adds most to the error; looked for where a limit is exceeded.
    """

    clips: int
    top1: float
    reference_top1: float
    agreement: float
    divergence: float
    frame_divergence: float
    drift: tuple[float, float, float]
    worst_layers: tuple[LayerError, ...] = ()

    def failures(self, limits: Limits) -> list[str]:
        """What is past a limit, in words; empty when all is well."""
        found = []
        drop = self.reference_top1 - self.top1
        if drop > limits.top1_drop + 1e-9:
            found.append(f"top-1 falls by {drop:.3f}, over {limits.top1_drop}")
        if self.divergence > limits.divergence:
            found.append(f"divergence {self.divergence:.4f} is over {limits.divergence}")
        if self.drift[-1] > limits.drift:
            found.append(f"it drifts to a divergence of {self.drift[-1]:.4f}, over {limits.drift}")
        return found


def compare(
    reference: Predictor,
    other: Predictor,
    seen: Sequence[Pictures],
    truth: NDArray[np.intp],
    *,
    memory: float,
) -> Comparison:
    """Compares two predictors on the same clips.

    Args:
        reference: of the float network.
        other: of the exported file.
        seen: the clips.
        truth: the true class of each.
        memory: of the running means, in frames; sets how long the streams for the drift are.
    """
    both: list[tuple[Logits, Logits]] = [
        (reference(clip), other(clip)) for clip in tqdm(seen, desc="comparing", leave=False)
    ]
    ends = [np.stack([pair[side][-1] for pair in both]) for side in (0, 1)]
    frames = np.concatenate([divergence(*pair) for pair in both])
    stream = _long_stream(seen, 3 * memory)
    thirds = np.array_split(divergence(reference(stream), other(stream)), 3)
    return Comparison(
        clips=len(seen),
        top1=float((ends[1].argmax(1) == truth).mean()),
        reference_top1=float((ends[0].argmax(1) == truth).mean()),
        agreement=agreement(*ends),
        divergence=float(divergence(*ends).mean()),
        frame_divergence=float(frames.mean()),
        drift=tuple(float(third.mean()) for third in thirds),  # type: ignore[arg-type]
    )


def _long_stream(seen: Sequence[Pictures], frames: float) -> Pictures:
    """Clips one after the other until there are enough frames, from the start again if need be."""
    joined: list[Pictures] = []
    while sum(map(len, joined)) < min(frames, _LONGEST_STREAM):
        joined.append(seen[len(joined) % len(seen)])
    return np.concatenate(joined)


def _longest(seen: Sequence[Pictures]) -> Pictures:
    return max(seen, key=len)[:_LAYER_FRAMES]


def table(found: Mapping[str, Comparison]) -> str:
    """The comparisons as a Markdown table, and the worst layers where they were looked for."""
    lines = [
        "| file | clips | top-1 | float top-1 | agreement | KL at the end | KL a frame | drift |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, c in found.items():
        drift = " / ".join(f"{value:.4f}" for value in c.drift)
        lines.append(
            f"| {name} | {c.clips} | {c.top1:.3f} | {c.reference_top1:.3f} | {c.agreement:.3f} "
            f"| {c.divergence:.4f} | {c.frame_divergence:.4f} | {drift} |"
        )
    for name, c in found.items():
        if c.worst_layers:
            lines += ["", f"| worst layers of {name} | error | of which its own |", "|---|---|---|"]
            lines += [f"| {x.layer} | {x.error:.3f} | {x.added:.3f} |" for x in c.worst_layers]
    return "\n".join(lines)


def verify(
    network: Path,
    files: Sequence[Path],
    wanted: Sequence[Clip],
    limits: Limits,
    *,
    aloud: bool = True,
) -> dict[str, Comparison]:
    """Compares files with the network that they were made from, and writes the figures in them.

    Args:
        network: checkpoint of edgevid.
        files: exported files.
        wanted: labelled clips that had no part in training or calibration.
        limits: past which the worst layers are looked for.
        aloud: name on the console what is left out.

    Raises:
        ModelError: a file is not usable, or of other classes than the network.
        UsageError: no clip can be read, or one is of a class that the network lacks.
    """
    trained, labels = checkpoint.load(network)
    if unknown := {clip.label for clip in wanted} - set(labels):
        raise UsageError(f"a clip is of a class that the network lacks: {sorted(unknown)[0]!r}")
    found, lost = watch(wanted, size=trained.architecture.input_size, fps=FPS)
    if aloud:
        tell(found, lost)
    if not found:
        raise UsageError("there is no clip to compare on that can be read")
    truth = np.array([labels.index(clip.label) for clip, _ in found], np.intp)
    seen = [watched.pictures for _, watched in found]
    results = {}
    for path in files:
        model = load_model(path)
        if model.manifest.labels != labels:
            raise ModelError(f"{path} is of other classes than {network}")
        size, memory = model.signature.height, model.manifest.memory_s * FPS
        if size != trained.architecture.input_size:
            raise ModelError(f"{path} is of another size than {network}")
        result = compare(
            keras_predictor(trained, memory), file_predictor(model, memory), seen, truth,
            memory=memory,
        )  # fmt: skip
        content = path.read_bytes()
        if result.failures(limits):
            target = model.manifest.provenance.get("target")
            exact = float_file(trained, size, target)
            worst = worst_layers(exact, content, _longest(seen), memory=memory)
            result = replace(result, worst_layers=tuple(worst))
        results[path.name] = result
        described = replace(model.manifest, metrics={"verified": asdict(result)})
        with atomic_file(path, make_folder=True) as file:
            file.write(manifest.write(content, described))
    return results


def refuse(results: Mapping[str, Comparison], limits: Limits) -> None:
    """Fails loudly.

    Raises:
        ModelError: a file is past a limit.
    """
    found = [
        f"{name}: {failure}"
        for name, result in results.items()
        for failure in result.failures(limits)
    ]
    if found:
        raise ModelError("; ".join(found))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code: 1 too when a file is past a limit."""
    options = _parser().parse_args(arguments)
    return guard(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    limits = Limits(options.top1_drop, options.divergence, options.drift)
    names = label_files.read(options.labels) if options.labels else ()
    wanted = clips.read(options.data, root=options.root, labels=names)
    results = verify(options.network, options.files, wanted, limits)
    print(table(results))
    if options.json:
        write_json(options.json, {name: asdict(result) for name, result in results.items()})
    refuse(results, limits)
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(prog="python -m export.verify", description=__doc__)
    add, limits = parser.add_argument, Limits()
    add("network", type=Path, help="network.npz of export.finetune")
    add("files", type=Path, nargs="+", help=".tflite files of export.convert")
    add("--data", type=Path, required=True, help="labelled clips not used in training")
    add("--root", type=Path, help="where the paths in a list start")
    add("--labels", type=Path, help="names of numeric labels, one a line, from 0")
    add("--json", type=Path, help="write the figures there too")
    add("--top1-drop", type=float, default=limits.top1_drop)
    add("--divergence", type=float, default=limits.divergence)
    add("--drift", type=float, default=limits.drift)
    return parser


if __name__ == "__main__":
    sys.exit(main())
