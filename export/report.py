"""The report of a training: pictures, a page, and the figures as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

mpl.use("Agg")  # pictures go to files: no window, no display needed
from matplotlib import pyplot as plt

from edgevid.support.atomic_file import atomic_file


def write_json(path: Path, values: Any) -> None:
    """Writes figures.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_file(path, make_folder=True) as file:
        file.write((json.dumps(values, indent=2) + "\n").encode())


def plot_curves(path: Path, history: Sequence[dict[str, float]]) -> None:
    """Draws loss and accuracy over the epochs.

    Args:
        path: of the PNG.
        history: of each epoch ``epoch``, ``loss`` and, where measured, ``top1``.

    Raises:
        OutputError: it cannot be written.
    """
    figure, loss = plt.subplots(figsize=(7, 4), layout="constrained")
    loss.plot([h["epoch"] for h in history], [h["loss"] for h in history], color="tab:blue")
    loss.set(xlabel="epoch", ylabel="training loss")
    measured = [h for h in history if "top1" in h]
    if measured:
        accuracy = loss.twinx()
        accuracy.plot(
            [h["epoch"] for h in measured], [h["top1"] for h in measured], "o-", color="tab:orange"
        )
        accuracy.set(ylabel="validation top-1", ylim=(0, 1))
    _save(figure, path)


def plot_confusion(path: Path, counts: NDArray[np.intp], labels: Sequence[str]) -> None:
    """Draws a confusion matrix, each row as shares of its true class.

    Raises:
        OutputError: it cannot be written.
    """
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = max(4.0, 0.38 * len(labels) + 2)
    figure, axes = plt.subplots(figsize=(side, side), layout="constrained")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(labels))
    axes.set_xticks(ticks, labels, rotation=90)
    axes.set_yticks(ticks, labels)
    axes.set(xlabel="predicted", ylabel="true")
    if len(labels) <= 40:
        for row, column in zip(*np.nonzero(counts), strict=True):
            shade = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, counts[row, column], ha="center", va="center", color=shade)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    try:
        with atomic_file(path, make_folder=True) as file:
            figure.savefig(file, format="png", dpi=120)
    finally:
        plt.close(figure)


def write_text(path: Path, text: str) -> None:
    """Writes a page.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_file(path, make_folder=True) as file:
        file.write((text + "\n").encode(errors="backslashreplace"))


def write_training(
    folder: Path, metrics: dict[str, Any], verification: str = "", validated: str = ""
) -> None:
    """Writes the figures of a training, ``metrics.json``, and a page with them, ``report.md``.

    Args:
        folder: for both.
        metrics: the figures.
        verification: how far exported files are from the network, as Markdown.
        validated: what cross-validation found, as Markdown.

    Raises:
        OutputError: it cannot be written.
    """
    write_json(folder / "metrics.json", metrics)
    lines = ["# Training report", ""]
    lines += [f"- {key}: {value}" for key, value in metrics["settings"].items()]
    lines += ["", "![learning curves](curves.png)", ""]
    if validated:
        lines += ["## Cross-validation", "", validated, ""]
    for name in ("validation", "test"):
        if name in metrics:
            lines += [f"## {name.capitalize()}", "", *_figures(metrics[name]), ""]
            lines += [f"![confusion matrix]({name}_confusion.png)", ""]
    if verification:
        lines += ["## The files against the network", "", verification, ""]
    lines += ["## Clips that were left out", ""]
    lines += _named(metrics["unreadable"]) or ["None: every clip could be read."]
    if partial := _named(metrics["partial"]):
        lines += ["", "## Clips that were used in part", "", *partial]
    write_text(folder / "report.md", "\n".join(lines))


def _named(clips: Sequence[dict[str, str]]) -> list[str]:
    return [f"- {clip['path']}: {clip['reason']}" for clip in clips]


def _figures(figures: dict[str, Any]) -> list[str]:
    lines = [
        f"{figures['clips']} clips: top-1 {figures['top1']:.3f}, top-5 {figures['top5']:.3f}, "
        f"mean class accuracy {figures['mean_class_accuracy']:.3f}.",
        "",
        "| class | clips | precision | recall | F1 |",
        "|---|---|---|---|---|",
    ]
    for label, c in figures["classes"].items():
        lines.append(
            f"| {label} | {c['clips']} | {c['precision']:.2f} | {c['recall']:.2f} | {c['f1']:.2f} |"
        )
    return lines
