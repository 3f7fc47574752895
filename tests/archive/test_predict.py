from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from edgevid.archive import find, libraries, predict
from edgevid.archive.predict import Labelled, measure
from edgevid.errors import LabelsError, UsageError
from edgevid.records import Score


def labelled(truth: str, *labels: str) -> Labelled:
    return Labelled(f"{truth}.mp4", tuple(Score(label, 0.5) for label in labels), truth)


def test_measures() -> None:
    measured = measure(
        [
            labelled("a", "a", "b"),
            labelled("a", "b", "a"),
            labelled("a", "a"),
            labelled("b", "c", "d"),
            labelled("", "a"),
        ]
    )
    assert measured.clips == 4
    assert measured.top_1 == 0.5
    assert measured.top_5 == 0.75
    assert measured.mean_class == pytest.approx((2 / 3 + 0) / 2)
    assert measured.confusion == {("a", "a"): 2, ("a", "b"): 1, ("b", "c"): 1}
    with pytest.raises(UsageError, match="no clip has a label"):
        measure([labelled("", "a")])


def test_only_the_first_five_are_among_the_first_five() -> None:
    assert measure([labelled("f", *"abcdef")]).top_5 == 0


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    for name in ("run/1.mp4", "run/2.mp4", "jump/1.mp4"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path


def told(found: dict[str, str]) -> dict[str, str]:
    return {"/".join(Path(path).parts[-2:]): label for path, label in found.items()}


def test_truths_by_folder_and_by_file(clips: Path) -> None:
    recordings = find([str(clips)])
    labels = ("run", "jump", "sit")
    by_folder = predict.truths("folders", recordings, labels)
    assert told(by_folder) == {"run/1.mp4": "run", "run/2.mp4": "run", "jump/1.mp4": "jump"}
    listed = clips / "list.csv"
    listed.write_text("2.mp4,sit\nrun/1.mp4,run\n")
    found = predict.truths(str(listed), recordings, labels)
    assert told(found) == {"run/1.mp4": "run", "run/2.mp4": "sit"}
    with_header = clips / "clips.tsv"
    with_header.write_text("file\tfps\tkinetics600_label\njump/1.mp4\t5\tjump\nrun/1.mp4\t5\t\n")
    assert told(predict.truths(str(with_header), recordings, labels)) == {"jump/1.mp4": "jump"}
    with pytest.raises(LabelsError, match="the model lacks jump"):
        predict.truths("folders", recordings, ("run",))
    listed.write_text("elsewhere.mp4,run\n")
    with pytest.raises(LabelsError, match="names none of the clips"):
        predict.truths(str(listed), recordings, labels)


def test_formats() -> None:
    clips = [labelled("a", "a", "b"), labelled("", "c")]
    written = {kind: io.BytesIO() for kind in predict.FORMATS}
    for kind, file in written.items():
        predict.write(clips, kind, file)
    assert written[".csv"].getvalue().decode().splitlines() == [
        "source,rank,label,probability,truth",
        "a.mp4,1,a,0.500000,a",
        "a.mp4,2,b,0.500000,a",
        ".mp4,1,c,0.500000,",
    ]
    lines = [json.loads(line) for line in written[".jsonl"].getvalue().splitlines()]
    assert lines[0] == {
        "source": "a.mp4", "labels": ["a", "b"], "probabilities": [0.5, 0.5], "truth": "a",
    }  # fmt: skip
    pq = libraries.pyarrow().parquet
    table = pq.read_table(io.BytesIO(written[".parquet"].getvalue()))
    assert table["labels"].to_pylist() == [["a", "b"], ["c"]]
