from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevid.errors import LabelsError, UsageError
from edgevid.modelfile.manifest import RULES, EventRules
from edgevid.records import Prediction, Score
from edgevid.runtime.events import events
from edgevid.runtime.rules import NAMED, RuleChanges, load_rules, parsed, written

OWN = EventRules(0.6, 0.3, 0.1, 0.2, 2.0, by_label={"yoga": EventRules(0.9, 0.8)})
QUIET = 'format = 1\nmodel = "m"\nsmoothing = 0.5\n[label."tai chi"]\non_threshold = 0.95\n'


def test_quick_is_what_a_model_has_that_says_nothing_else() -> None:
    assert load_rules("quick").over(OWN).of("no label") == replace(
        EventRules(), by_label=load_rules("quick").over(OWN).by_label
    )


@pytest.mark.parametrize("name", NAMED)
def test_by_name_no_event_comes_from_one_frame_nor_from_a_second_of_them(name: str) -> None:
    rules = load_rules(name).over(EventRules())
    assert set(NAMED[name].values) == set(RULES)
    for first in (0, 5):
        said = [
            Prediction(n / 5, n, (Score("yoga", float(first <= n < first + 5)),), 0.0)
            for n in range(20)
        ]
        assert not list(events(said, rules))


def test_sure_waits_longer_and_needs_more() -> None:
    quick, sure = (load_rules(name).over(EventRules()) for name in ("quick", "sure"))
    assert sure.on_threshold > quick.on_threshold
    assert sure.min_duration > quick.min_duration


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "hall.toml"
    path.write_text(QUIET)
    changed = load_rules(path).over(OWN, ["yoga", "tai chi"])
    assert (changed.on_threshold, changed.smoothing, changed.cool_down) == (0.6, 0.5, 2.0)
    assert changed.of("tai chi") == EventRules(0.95, 0.3, 0.5, 0.2, 2.0)
    assert changed.of("yoga") == EventRules(0.9, 0.8, 0.5)
    assert load_rules(str(path)) == load_rules(path)


def test_what_is_asked_for_goes_before_the_file_but_not_before_its_labels() -> None:
    changed = parsed(QUIET).over(EventRules(), asked={"on_threshold": 0.6, "smoothing": 0.0})
    assert (changed.on_threshold, changed.smoothing) == (0.6, 0.0)
    assert changed.of("tai chi").on_threshold == 0.95
    assert changed.of("tai chi").smoothing == 0.0


numbers = st.floats(0, 1, width=32)


@given(
    st.dictionaries(st.sampled_from(RULES), numbers),
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1),
        st.dictionaries(st.sampled_from(RULES), numbers, min_size=1),
    ),
)
def test_what_is_written_is_read_again(
    values: dict[str, float], by_label: dict[str, dict[str, float]]
) -> None:
    changes = RuleChanges(values, by_label, "a model")
    found = parsed(written(changes, "made for a test"))
    assert found.model == "a model"
    assert found.values == pytest.approx(values, rel=1e-5, abs=1e-6)
    assert list(found.by_label) == list(by_label)
    for label, own in by_label.items():
        assert found.by_label[label] == pytest.approx(own, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("format = 1\nformat = 2", "is no TOML: "),
        ("a" * 99 + "[", "is no TOML: "),
        ("x = " + "[" * 20_000, "is no TOML: "),
        ("", "its format is None, and this edgevid reads format 1"),
        ("format = 2", "its format is 2, "),
        ("format = true", "its format is True, "),
        ("format = 1\nmodel = 3", "model must be text"),
        ("format = 1\non_treshold = 0.5", "no key on_treshold: did you mean on_threshold?"),
        ("format = 1\ncolour = 0.5", "no key colour: there are on_threshold, "),
        ("format = 1\non_threshold = '0.5'", "on_threshold must be a number"),
        ("format = 1\non_threshold = true", "on_threshold must be a number"),
        ("format = 1\non_threshold = nan", "on_threshold must be from 0 to 1, not nan"),
        ("format = 1\noff_threshold = 1.5", "off_threshold must be from 0 to 1, not 1.5"),
        ("format = 1\nsmoothing = -1", "smoothing must be seconds, from 0 to a day, not -1"),
        ("format = 1\nsmoothing = inf", "smoothing must be seconds, "),
        ("format = 1\nsmoothing = 1" + "0" * 400, "smoothing must be seconds, "),
        ("format = 1\nlabel = 3", "each label is a table"),
        ("format = 1\n[label]\nyoga = 3", "label 'yoga': must be a table"),
        (
            "format = 1\n[label.yoga]\non = 3",
            "label 'yoga': there is no key on: there are on_threshold",
        ),
        ('format = 1\n[label."a\\nb"]\non = 3', "label 'a\\nb': there is no key on"),
    ],
)
def test_a_file_that_holds_no_rules_is_refused_in_a_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_rules(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"# \xe9")
    (tmp_path / "large").write_bytes(b"#" * 2_000_000)
    for name, problem in (
        ("none", "no such file; rules have a file, or a name: quick, sure"),
        ("", "cannot be read: Is a directory"),
        ("latin", "is not UTF-8 text"),
        ("large", "too large"),
        ("a\0b", "cannot be read"),
    ):
        with pytest.raises(UsageError, match=problem):
            load_rules(tmp_path / name)


def test_rules_that_contradict_one_another_or_the_model() -> None:
    with pytest.raises(UsageError, match="thresholds must be 0 <= off <= on <= 1"):
        RuleChanges({"off_threshold": 0.8}).over(OWN)
    with pytest.raises(UsageError, match="rules for 'tai chi': thresholds must be"):
        RuleChanges({}, {"tai chi": {"off_threshold": 0.8}}).over(OWN)
    with pytest.raises(LabelsError, match="'tai chi', which the model lacks: did you mean 'tai ch"):
        parsed(QUIET).over(OWN, ["yoga", "tai chih"])
    with pytest.raises(LabelsError, match="made for m"):
        parsed(QUIET).over(OWN, ["yoga"])
