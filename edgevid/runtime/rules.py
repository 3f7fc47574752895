"""Rules for events by name, and from a file that was made for one camera.

The file is TOML::

    format = 1
    model = "movinet-a0"  # whose labels these are; any model's when absent
    on_threshold = 0.5    # any of the five, for all labels; the model's own when absent

    [label."stretching arm"]
    on_threshold = 0.981  # any of the five, for this label
    off_threshold = 0.87
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgevid.errors import LabelsError, ModelError, UsageError
from edgevid.modelfile.manifest import RULES, EventRules
from edgevid.plain_text import one_line, similar

FORMAT = 1
_RANGES = {True: (1, "from 0 to 1"), False: (86_400, "seconds, from 0 to a day")}  # a threshold?
_LARGEST_FILE = 1_000_000  # bytes; a rule for each of 600 labels takes 50,000


@dataclass(frozen=True)
class RuleChanges:
    """What is to hold in place of a model's own rules. Made by ``load_rules``.

    Attributes:
        values: for all labels, by the names of ``EventRules``.
        by_label: the same for single labels; goes before ``values``.
        model: the name of the model whose labels they are; empty when it does not matter.

    Example:
        >>> changes = edgevid.RuleChanges({"on_threshold": 0.6}, {"still": {"on_threshold": 0.9}})
        >>> rules = changes.over(edgevid.EventRules())
        >>> rules.of("shake").on_threshold, rules.of("still").on_threshold
        (0.6, 0.9)
    """

    values: Mapping[str, float] = field(default_factory=dict)
    by_label: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    model: str = ""

    def over(
        self,
        rules: EventRules,
        labels: Collection[str] | None = None,
        asked: Mapping[str, float | None] | None = None,
    ) -> EventRules:
        """Returns a model's rules with these changes.

        Args:
            rules: the model's own.
            labels: that the model has; any when None.
            asked: values for all labels that go before ``values``, and after ``by_label``; those
                that are None change nothing.

        Raises:
            UsageError: thresholds that contradict one another.
            LabelsError: a rule for a label that the model lacks.
        """
        for label in self.by_label:
            if labels is not None and label not in labels:
                near = similar(label, labels, 1)
                hint = f": did you mean {near[0]!r}?" if near else ""
                made = f"; they were made for {self.model}" if self.model else ""
                raise LabelsError(
                    one_line(f"there are rules for {label!r}, which the model lacks{hint}{made}")
                )
        given = {name: value for name, value in (asked or {}).items() if value is not None}
        try:
            changed = rules.changed(**{**self.values, **given})
        except ModelError as error:
            raise UsageError(str(error).removeprefix("manifest: ")) from error
        by_label = dict(changed.by_label)
        for label, values in self.by_label.items():
            try:
                by_label[label] = replace(changed.of(label), by_label={}, **values)
            except ModelError as error:
                problem = str(error).removeprefix("manifest: ")
                raise UsageError(one_line(f"rules for {label!r}: {problem}")) from error
        return replace(changed, by_label=by_label)


QUICK = RuleChanges({name: getattr(EventRules(), name) for name in RULES})
SURE = RuleChanges(
    {
        "on_threshold": 0.75,
        "off_threshold": 0.4,
        "smoothing": 0.3,
        "min_duration": 1.9,
        "cool_down": 1.0,
    }
)
NAMED = {"quick": QUICK, "sure": SURE}


def load_rules(source: str | Path | None) -> RuleChanges:
    """Returns rules by name, or from a file.

    Args:
        source: ``quick`` tells soon; ``sure`` waits until it is surer, and misses more; else a
            file, as ``python -m edgevid.quiet`` makes one; None leaves all to the model.

    Raises:
        UsageError: the file cannot be read, or what it holds are no rules.

    Example:
        >>> edgevid.load_rules("sure").over(edgevid.EventRules()).min_duration
        1.9
    """
    if source is None:
        return RuleChanges()
    if str(source) in NAMED:
        return NAMED[str(source)]
    path = Path(source)
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise UsageError(
            f"{path}: no such file; rules have a file, or a name: {', '.join(NAMED)}"
        ) from error
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot be read: {problem}") from error
    try:
        if len(data) > _LARGEST_FILE:
            raise UsageError("it is too large for a file of rules")
        return parsed(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 text") from error
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def parsed(text: str) -> RuleChanges:
    """Reads the text of a file of rules.

    Raises:
        UsageError: it holds no rules.
    """
    import tomllib  # here: most runs have no file of rules

    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"is no TOML: {one_line(str(error))}") from error
    found = content.pop("format", None)
    if found != FORMAT or isinstance(found, bool):
        raise UsageError(
            one_line(f"its format is {found!r}, and this edgevid reads format {FORMAT}")
        )
    model = content.pop("model", "")
    if not isinstance(model, str):
        raise UsageError("model must be text in quotes")
    by_label = content.pop("label", {})
    if not isinstance(by_label, dict):
        raise UsageError('each label is a table: write [label."its name"]')
    return RuleChanges(
        _values(content, ""),
        {label: _values(values, f"label {label!r}: ") for label, values in by_label.items()},
        model,
    )


def written(changes: RuleChanges, comment: str = "") -> str:
    """Returns changes as the text of a file.

    Args:
        changes: what it is to hold.
        comment: a line for its reader.
    """
    lines = [f"# {one_line(comment)}"] if comment else []
    lines.append(f"format = {FORMAT}")
    if changes.model:
        lines.append(f"model = {_quoted(changes.model)}")
    lines += [f"{name} = {value:g}" for name, value in changes.values.items()]
    for label, values in changes.by_label.items():
        lines += ["", f"[label.{_quoted(label)}]"]
        lines += [f"{name} = {value:.6g}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def _values(content: Any, where: str) -> dict[str, float]:
    if not isinstance(content, dict):
        raise UsageError(one_line(f"{where}must be a table"))
    for name, value in content.items():
        if name not in RULES:
            near = similar(name, RULES, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(RULES)}"
            raise UsageError(one_line(f"{where}there is no key {name}: {hint}"))
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise UsageError(one_line(f"{where}{name} must be a number"))
        most, says = _RANGES[name.endswith("threshold")]
        if not 0 <= value <= most:
            raise UsageError(one_line(f"{where}{name} must be {says}, not {value!r:.40}"))
    return {name: float(value) for name, value in content.items()}


def _quoted(text: str) -> str:
    # JSON's strings are TOML's, but for one control character, which no label holds.
    return json.dumps(text, ensure_ascii=False)
