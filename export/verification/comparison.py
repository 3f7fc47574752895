"""Compares two predictors on the same clips, with limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from export.data.dataset import EvaluationSet
from export.data.frames import Pictures
from export.metrics import agreement, divergence
from export.model.predict import Logits, Predictor
from export.verification.layers import LayerError
from export.verification.limits import Limits

_LONGEST_STREAM = 1500  # frames, five minutes: for memories that never forget


@dataclass(frozen=True)
class Comparison:
    """One file against the float network.

    Attributes:
        measured_on: which clips: ``test``, ``validation``, ``training`` (then the figures are too
            good) or ``given``.
        clips: how many were compared.
        top1: share of clips that the file gets right.
        reference_top1: share that the network gets right.
        agreement: share of clips on which both have the same best class.
        divergence: mean Kullback-Leibler divergence at the clips' ends, in nats.
        frame_divergence: the same over all frames.
        drift: the same over each third of streams of three memories or longer.
        worst_layers: what adds most to the error; looked for where a limit is exceeded.
    """

    measured_on: str
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
    reference: Predictor, other: Predictor, evaluation: EvaluationSet, *, memory: float
) -> Comparison:
    """Compares two predictors on the same clips.

    Args:
        reference: of the float network.
        other: of the exported file.
        evaluation: the clips.
        memory: of the running means, in frames; sets how long the streams for the drift are.
    """
    seen, truth = evaluation.pictures, evaluation.truth
    both: list[tuple[Logits, Logits]] = [
        (reference(clip), other(clip)) for clip in tqdm(seen, desc="comparing", leave=False)
    ]
    ends = [np.stack([pair[side][-1] for pair in both]) for side in (0, 1)]
    frames = np.concatenate([divergence(*pair) for pair in both])
    stream = _long_stream(seen, 3 * memory)
    thirds = np.array_split(divergence(reference(stream), other(stream)), 3)
    return Comparison(
        measured_on=evaluation.name,
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
