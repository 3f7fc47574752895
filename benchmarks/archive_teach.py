"""What marking answers and teaching from them brings: a search, twenty marks, a search again.

An archive of real clips of two kinds. One clip is the example; the first answers are marked by
what is known of them; a head is taught from those and the example. What counts is how the other
recordings, of which nothing was said, are ranked before and after: average precision, the mean over
some examples; by chance it is the share of clips of the kind.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.archive_like import average_precision
from benchmarks.clips import published_path, rows
from benchmarks.report import arguments, table, write_json
from edgevid.archive import Archive, Settings, find, index, marks, search
from edgevid.archive.marks import Marked
from edgevid.cli import from_search
from edgevid.errors import UsageError
from edgevid.support.command import OK, guard
from edgevid.teach import learn

_EXAMPLES = 6
_MARKS = 20


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    chosen = arguments("benchmarks.archive_teach", __doc__).parse_args(argv)

    def run() -> int:
        found = []
        with tempfile.TemporaryDirectory() as folder:
            for name, wanted, every in (("fights", "fight", 1), ("segments", "Fall", 1)):
                labelled = [
                    (path, wanted == (row.get("label") or path.name.split("_")[1]))
                    for path, row in rows(name)[:: 20 if chosen.quick else every]
                ]
                count = 2 if chosen.quick else _EXAMPLES
                found.append(measured(name, labelled, Path(folder, name), count))
                print(table(found), flush=True)
        write_json(chosen.json, {"teach from search": found})
        return OK

    return guard(run)


def measured(
    name: str, labelled: Sequence[tuple[Path, bool]], folder: Path, examples: int
) -> dict[str, Any]:
    """Returns a row of the table."""
    truth = {str(path.absolute()): is_wanted for path, is_wanted in labelled}
    index(find(list(truth)), folder, Settings(str(published_path())))
    archive = Archive(folder)
    wanted = [path for path, is_wanted in truth.items() if is_wanted]
    number = min(_MARKS, len(truth) // 2)
    before: list[float] = []
    after: list[float] = []
    share: list[float] = []
    for path in wanted[:: max(1, len(wanted) // examples)][:examples]:
        content = find([path])[0].content()
        clip = search.stored(archive, content, 0, np.inf)
        assert clip is not None
        answers = search.by_example(archive, clip, without=content, most=1000)
        itself = replace(answers[0], source=path, content=content, track=None, start=0, end=1e6)
        shown = [itself, *answers[:number]]
        marked = [Marked(marks.RIGHT if truth[one.source] else marks.WRONG, one) for one in shown]
        file = folder / "marks.tsv"
        marks.write(file, marked)
        try:
            result = learn(from_search.examples(file, folder, "wanted"))
        except UsageError:  # all twenty are right: there is nothing to tell apart
            continue
        found = search.by_head(
            archive, result.head, result.labels, thresholds=(0.0,), most=len(truth)
        )
        known = {one.source for one in shown}
        there = sum(is_wanted for source, is_wanted in truth.items() if source not in known)
        for ranked, kept in ((answers, before), (found, after)):
            sources = [s for s in dict.fromkeys(one.source for one in ranked) if s not in known]
            kept.append(average_precision([truth[source] for source in sources], there))
        share.append(there / (len(truth) - len(known)))
    return {
        "archive": name,
        "recordings": len(truth),
        "examples": len(before),
        "marks": number,
        "like": float(np.mean(before)),
        "taught": float(np.mean(after)),
        "by chance": float(np.mean(share)),
    }


if __name__ == "__main__":
    sys.exit(main())
