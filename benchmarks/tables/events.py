"""The tables of docs/events.md."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.tables.reading import Rows, read

EVENT_SITES = {"falls": "people at home", "gestures": "people who gesture"}


def _events() -> Rows:
    names = {"before": "without waiting", "quick": "**quick** (default)", "sure": "sure"}
    found = read("events.json")
    rows: Rows = [
        {
            "rules": names[row["rules"]],
            "actions announced": f"{row['announced']:.0%}",
            "after, median": f"{row['delay']:.1f} s",
            "wrong start in": f"{row['wrong start in']:.0%} of clips",
            **{
                f"false an hour: {people}": _rate(row[f"{site}: false/h"], row[f"{site}: 95 %"])
                for site, people in EVENT_SITES.items()
            },
        }
        for row in found["rules"]
    ]
    # A taught head answers one question: it has no other labels that could be wrong.
    for row in found["taught"]:
        rows.append(
            {
                "rules": row["rules"],
                "actions announced": f"{row['announced']:.0%} of {row['shown']} falls",
                "after, median": f"{row['delay']:.1f} s",
                "wrong start in": "-",
                "falls": _rate(row["falls: false/h"], row["falls: 95 %"]),
                "gestures": "-",
            }
        )
    return rows


def _quieted() -> Rows:
    return [
        {
            "camera": EVENT_SITES[row["site"]],
            "rules": row["rules"],
            "the other half has": row["the other half has"],
            "false an hour": f"{row['false/h before']:.0f}",
            "quieted": _rate(row["false/h quieted"], row["95 %"]),
            "recall kept": f"{row['recall kept']:.0%}",
        }
        for row in read("events.json")["quieted"]
    ]


def _margins() -> Rows:
    return [
        {
            "times the odds": f"{row['margin']:g}",
            "camera": EVENT_SITES[row["site"]],
            "false an hour": f"{row['false/h before']:.0f}",
            "quieted": _rate(row["false/h quieted"], row["95 %"]),
            "recall kept": f"{row['recall kept']:.0%}",
        }
        for row in read("events.json")["margins"]
    ]


def _rate(rate: float | None, limits: str) -> str:
    return "-" if rate is None else f"{rate:.0f} ({limits})"


TABLES: dict[str, Callable[[], Rows]] = {
    "events": _events,
    "quieted": _quieted,
    "quiet margins": _margins,
}
