"""Comparisons as Markdown."""

from __future__ import annotations

from collections.abc import Mapping

from export.verification.comparison import Comparison

_TOO_GOOD = (
    "**Measured on the clips that were trained on, as there are no others: the figures are too "
    "good.** Name clips for a test, or hold some out for validation."
)


def table(found: Mapping[str, Comparison]) -> str:
    """A table of files, the worst layers where they were looked for, and a warning where due.

    Args:
        found: comparisons by the file's name.
    """
    lines = [
        "| file | clips | top-1 | float top-1 | agreement | KL at the end | KL a frame | drift |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, c in found.items():
        drift = " / ".join(f"{value:.4f}" for value in c.drift)
        lines.append(
            f"| {name} | {c.clips} {c.measured_on} | {c.top1:.3f} | {c.reference_top1:.3f} "
            f"| {c.agreement:.3f} | {c.divergence:.4f} | {c.frame_divergence:.4f} | {drift} |"
        )
    for name, c in found.items():
        if c.worst_layers:
            lines += ["", f"| worst layers of {name} | error | of which its own |", "|---|---|---|"]
            lines += [f"| {x.layer} | {x.error:.3f} | {x.added:.3f} |" for x in c.worst_layers]
    if any(c.measured_on == "training" for c in found.values()):
        lines += ["", _TOO_GOOD]
    return "\n".join(lines)
