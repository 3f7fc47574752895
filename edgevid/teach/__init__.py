"""Teaches a prepared network new labels: a head, from a few clips, with numpy alone.

``teach`` is all that most need; ``python -m edgevid.teach`` is the same as a command.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgevid.errors import ModelError, SourceError, UsageError
from edgevid.modelfile import manifest
from edgevid.modelfile.model_file import ModelFile
from edgevid.models.load import load_file
from edgevid.plain_text import printable
from edgevid.support.atomic_file import atomic_file
from edgevid.teach import data as reading
from edgevid.teach import examples as storing
from edgevid.teach import report
from edgevid.teach.examples import Example
from edgevid.teach.features import Extraction, Follow, feature_model
from edgevid.teach.model_file import taught
from edgevid.teach.teaching import TeachingResult, Told, labels_of, learn
from edgevid.version import __version__

_LOG = logging.getLogger("edgevid")

__all__ = ["Follow", "TeachingResult", "examples_of", "learn", "report_of", "taught", "teach"]


def teach(
    data: str | Path | None,
    output: str | Path,
    *,
    background: Sequence[str] = (),
    group: str | None = None,
    false_alarms: float = 1.0,
    add: str | Path | None = None,
    model: str | Path | None = None,
    follow: Follow | None = None,
    seen: Sequence[Example] = (),
    keep: str | Path | None = None,
    told: Told = lambda what, done, of: None,
) -> TeachingResult:
    """Teaches a model, and writes it, its examples and a report.

    Beside ``falls.tflite`` come ``falls.examples``, from which teaching can go on without the
    videos, and ``falls-report/report.md``. What is extracted from videos is kept until all is
    written, in ``falls.features/``, so that an interrupted run loses little.

    Args:
        data: a folder with a folder for each class (``background`` or ``none`` is what is nothing
            special), a list of clips and labels, or a list with columns for path, start, end and
            label; None for none.
        output: the ``.tflite`` file to write.
        background: recordings in which nothing special happens, or folders of them.
        group: a regular expression with one group, found in the files' names: what it finds (a
            person, a place) is never both learned from and measured on.
        false_alarms: how many false events an hour are allowed.
        add: a taught file to go on from; its examples must lie beside it. Recordings that are
            named again replace what was known of them.
        model: what to teach, as ``edgevid.load_model`` takes it; the one that ``add`` was made
            of, else ``auto``.
        seen: examples that this network has seen before, as an archive holds them.
        keep: a folder in which what is extracted from videos stays: those that are shown again,
            with whatever labels, are then not looked at again.
        follow: look at what moves, or at people, and not at the whole picture, in all that is
            named. The file says so, and ``python -m edgevid.stream`` then follows the same.
        told: told of the progress.

    Raises:
        SourceError: data that cannot be read, or of which nothing is usable.
        UsageError: data that makes no sense, or examples of another network.
        ModelError: a model that gives no features.
        OutputError: a file that cannot be written.

    Example:
        >>> from edgevid.teach import teach
        >>> table = "path,start,end,label\\nclip.mp4,1.6,3.6,pan\\nclip.mp4,5.2,7.2,pan\\n"
        >>> _ = Path("pans.csv").write_text(table)
        >>> result = teach("pans.csv", "pans.tflite", model="camera-motion")
        >>> edgevid.load_model("pans.tflite").manifest.labels
        ('pan',)
    """
    output = Path(output)
    if not false_alarms > 0:
        raise UsageError(f"false alarms an hour must be over 0, not {false_alarms:g}")
    recordings = reading.read(Path(data) if data is not None else None, background, group=group)
    held, name = _network(model, add)
    prepared = manifest.write(held.flatbuffer, held.manifest)
    network = _network_of(held)
    what = follow.what if follow is not None else ""
    trained = str(held.manifest.provenance.get("follow", ""))
    if trained not in ("", what):
        _LOG.warning(
            "%s was trained %s, and is taught %s: it sees other pictures than it knows",
            name,
            _named(trained),
            _named(what),
        )
    old = _examples(Path(add), network, name, what) if add is not None else []
    if seen and what:
        raise UsageError("what an archive holds was seen as whole pictures: it cannot be followed")
    extracted = Path(keep) if keep is not None else output.with_suffix(".features")
    extraction = Extraction(feature_model(prepared), network, extracted, follow)
    done = 0

    def next_one(recording: reading.Recording) -> None:
        nonlocal done
        told("looking at videos", done, len(recordings))
        done += 1

    fresh = [*extraction.examples(recordings, next_one), *seen]
    again = {example.recording.source for example in fresh}
    all_of = [example for example in old if example.recording.source not in again] + fresh
    if not all_of:
        raise SourceError("there is nothing to learn from: no recording could be used")
    labels_of(all_of)  # before anything is written
    result = learn(
        all_of,
        fps=held.manifest.fps,
        false_an_hour=false_alarms,
        grouped=group is not None,
        told=told,
    )
    content = taught(
        prepared,
        result.head,
        name=printable(output.stem)[:64],
        labels=result.labels,
        events=result.rules,
        metrics=_metrics(result),
        provenance=_provenance(result, network, what),
    )
    storing.save(examples_of(output), all_of, network)
    report.write(report_of(output), result, name=output.stem, false_an_hour=false_alarms)
    with atomic_file(output) as file:
        file.write(content)
    if keep is None:
        extraction.forget()
    return result


def examples_of(model: Path) -> Path:
    """Returns where the examples of a taught file are."""
    return model.with_suffix(".examples")


def report_of(model: Path) -> Path:
    """Returns the folder with the report on a taught file."""
    return model.with_name(f"{model.stem}-report")


def _network(model: str | Path | None, add: str | Path | None) -> tuple[ModelFile, str]:
    """Returns the prepared file whose network is to be taught, and its name."""
    name = model or add or "auto"
    held = load_file(name)
    if held.manifest.head is None and held.signature.alpha is None:
        raise ModelError(f"{name} cannot be taught: it runs as it is, since it cannot be prepared")
    return held, str(name)


def _network_of(held: ModelFile) -> str:
    """Returns which network it is: what the examples of a taught file must be of."""
    source = str(held.manifest.provenance.get("network") or "")
    return source or hashlib.sha256(held.flatbuffer).hexdigest()


def _examples(add: Path, network: str, name: str, what: str) -> list[Example]:
    """Returns the examples beside a taught file, which must be of the same network and pictures."""
    found, known = storing.load(examples_of(add))
    if known != network:
        raise UsageError(
            f"{add} was taught with another network than {name}: its examples do not fit"
        )
    before = _follows(add)
    if before != what:
        raise UsageError(
            f"{add} was taught {_named(before)}, and this is to be {_named(what)}: its "
            "examples do not fit"
        )
    return found


def _metrics(result: TeachingResult) -> dict[str, object]:
    return {
        "held_out": {
            label: {
                "announced": judgement.found,
                "shown": judgement.shown,
                "false_events": len(judgement.false),
                "hours": round(judgement.hours, 4),
                "median_delay_s": None
                if np.isnan(judgement.median_delay)
                else round(judgement.median_delay, 3),
            }
            for label, judgement in zip(result.labels, result.judgements, strict=False)
        }
    }


def _follows(taught_file: Path) -> str:
    described = manifest.read(taught_file.read_bytes())
    return described.follows if described is not None else ""


def _named(what: str) -> str:
    return f"with --follow {what}" if what else "on whole pictures"


def _provenance(result: TeachingResult, network: str, follow: str) -> dict[str, object]:
    return {
        "network": network,
        "taught": {
            "edgevid": __version__,
            "recordings": len(result.frames.examples),
            "recipe": str(result.recipe),
            **({"follow": follow} if follow else {}),
        },
    }
