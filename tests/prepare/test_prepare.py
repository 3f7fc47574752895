"""Whole files: what comes out of them, what is refused, and that nothing gets through."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from benchmarks.parts.tiny_model import LABELS as TINY_LABELS
from benchmarks.parts.tiny_model import tiny_model
from edgevid.errors import EdgevidError, LabelsError, ModelError
from edgevid.modelfile import flatbuffer, manifest, signature
from edgevid.modelfile.manifest import Manifest
from edgevid.prepare import TARGETS, passes_for, prepare
from edgevid.prepare.graph import Graph
from edgevid.prepare.serialize import write
from edgevid.runtime.partitions import partitions
from edgevid.version import REWRITE
from tests.conftest import LabelledClip
from tests.prepare.mini_movinet import LABELS
from tests.prepare.running import logits_of

Pictures = NDArray[np.uint8]


@pytest.mark.parametrize("target", TARGETS)
def test_float_says_the_same(mini_float: bytes, pictures: Pictures, target: str) -> None:
    prepared = prepare(mini_float, name="mini", labels=LABELS, target=target).data
    difference = logits_of(prepared, pictures) - logits_of(mini_float, pictures)
    assert np.abs(difference).max() < 1e-5


@pytest.mark.parametrize("target", TARGETS)
def test_one_partition(mini: bytes, target: str) -> None:
    assert partitions(prepare(mini, name="mini", labels=LABELS, target=target).data) == 1


@pytest.mark.parametrize("target", TARGETS)
def test_no_two_tensors_have_one_name(mini: bytes, target: str) -> None:
    graph = Graph(manifest.split(prepare(mini, name="mini", labels=LABELS, target=target).data)[0])
    names = [bytes(tensor.name) for tensor in graph.tensors]
    assert len(set(names)) == len(names)


def test_manifest(mini: bytes) -> None:
    prepared = prepare(mini, name="mini", labels=LABELS)
    written = manifest.read(prepared.data)
    assert written is not None
    assert (written.name, written.labels, written.memory_s) == ("mini", LABELS, 4.0)
    assert written.provenance["rewrite"] == REWRITE
    assert len(written.provenance["source_sha256"]) == 64
    assert written.provenance["passes"] == {
        step: change for step, change in prepared.report if change
    }


def test_what_the_file_says_of_itself_is_kept(mini: bytes) -> None:
    own = Manifest(
        "own", LABELS, fps=8, memory_s=4, metrics={"top1": 0.5}, provenance={"from": "x"}
    )
    written = manifest.read(prepare(manifest.write(mini, own), name="other").data)
    assert written is not None
    assert (written.name, written.fps, written.memory_s, written.metrics) == (
        "own",
        8,
        4,
        {"top1": 0.5},
    )
    assert written.provenance["from"] == "x"


def test_the_same_file_gives_the_same_bytes(mini: bytes) -> None:
    once, again = (prepare(mini, name="mini", labels=LABELS).data for _ in range(2))
    assert once == again


def test_a_prepared_file_is_left_as_it_is(mini: bytes) -> None:
    once = prepare(mini, name="mini", labels=LABELS).data
    again = prepare(once, name="another")
    assert again.data == once
    assert again.report == ()


def test_a_prepared_file_is_made_ready_for_a_browser(mini_int8: bytes, pictures: Pictures) -> None:
    once = prepare(mini_int8, name="mini", labels=LABELS, target="amx").data
    web = prepare(once, name="another", target="web")
    assert [step for step, _ in web.report] == ["separate_results"]
    assert np.array_equal(logits_of(web.data, pictures), logits_of(once, pictures))
    before, after = manifest.read(once), manifest.read(web.data)
    assert before is not None
    assert after is not None
    assert (after.name, after.labels) == (before.name, before.labels)
    assert after.provenance["target"] == "web"
    assert {**after.provenance, **before.provenance} == {
        **before.provenance,
        "separate_results": web.report[0][1],
    }
    assert prepare(web.data, name="another", target="web").data == web.data
    for_a_board = prepare(mini_int8, name="mini", labels=LABELS, target="pi5").data
    assert prepare(for_a_board, name="another", target="web").data == for_a_board


def test_a_network_of_another_make_says_the_same(pictures: Pictures) -> None:
    prepared = prepare(tiny_model(), name="tiny", labels=TINY_LABELS)
    assert [step for step, change in prepared.report if change] == ["drop_time_axis"]
    small = pictures[:, :8, :8]
    assert np.array_equal(logits_of(prepared.data, small), logits_of(tiny_model(), small))


# What is refused


def edited(data: bytes, edit: Callable[[Graph], None]) -> bytes:
    graph = Graph(data)
    edit(graph)
    return write(graph, "edited")


def _dynamic(graph: Graph) -> None:
    inner = graph.find("CONV_2D")[0].outputs[0]
    graph.tensors[inner].shapeSignature = [-1, 8, 8, 8]


def _sparse(graph: Graph) -> None:
    graph.tensors[graph.find("CONV_2D")[0].inputs[1]].sparsity = schema.SparsityParametersT()


def _two_signatures(graph: Graph) -> None:
    graph.model.signatureDefs.append(schema.SignatureDefT())
    graph.model.signatureDefs[1].signatureKey = b"another"


def _variable(graph: Graph) -> None:
    graph.tensors[graph.find("CONV_2D")[0].outputs[0]].isVariable = True


def _wrong_options(graph: Graph) -> None:
    op = graph.find("CONV_2D")[0]
    op.builtinOptionsType = schema.BuiltinOptions.AddOptions
    op.builtinOptions = schema.AddOptionsT()


def _huge(graph: Graph) -> None:
    graph.tensors[graph.find("CONV_2D")[0].outputs[0]].shape = [1, 1 << 20, 1 << 20, 8]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (_dynamic, "only known at run time"),
        (_sparse, "sparse"),
        (_two_signatures, "2 signatures"),
        (_variable, "variable"),
        (_wrong_options, "options of another"),
        (_huge, "beyond any MoViNet"),
    ],
)
def test_refuses(mini: bytes, edit: Callable[[Graph], None], reason: str) -> None:
    with pytest.raises(ModelError, match=reason) as caught:
        prepare(edited(mini, edit), name="mini", labels=LABELS)
    assert "\n" not in str(caught.value)


def test_refuses_labels_that_do_not_fit(mini: bytes) -> None:
    with pytest.raises(LabelsError, match="4 classes, the labels name 3"):
        prepare(mini, name="mini", labels=LABELS[:3])
    with pytest.raises(LabelsError, match="4 classes and no labels"):
        prepare(mini, name="mini")


def test_refuses_a_manifest_that_contradicts_the_graph(mini: bytes) -> None:
    lying = manifest.write(mini, Manifest("mini", LABELS[:2]))
    with pytest.raises(LabelsError, match="4 classes, the labels name 2"):
        prepare(lying, name="mini")


def test_a_manifest_alone_does_not_make_a_file_prepared(mini: bytes) -> None:
    lying = manifest.write(mini, Manifest("mini", LABELS, provenance={"rewrite": REWRITE}))
    network = signature.of(flatbuffer.read(manifest.split(prepare(lying, name="mini").data)[0]))
    assert network.alpha is not None


def test_survives_damaged_files(mini_float: bytes, mini_int8: bytes) -> None:
    dice = random.Random(5)
    outcomes = {"prepared": 0, "refused": 0}
    for _ in range(500):
        data = bytearray(dice.choice((mini_float, mini_int8)))
        for _ in range(dice.choice((1, 2, 8))):
            place = dice.randrange(len(data) - 4)
            value = dice.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", dice.randbytes(1)))
            data[place : place + len(value)] = value
        try:
            prepare(bytes(data), name="damaged", labels=LABELS)
            outcomes["prepared"] += 1
        except EdgevidError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 50


# The published file


@pytest.fixture(scope="module")
def published_bytes(published_path: Path) -> bytes:
    return published_path.read_bytes()


def test_published_file(published_bytes: bytes) -> None:
    for target in TARGETS:
        prepared = prepare(published_bytes, name="a0", target=target)
        assert partitions(prepared.data) == 1
        idle = {step for step, change in prepared.report if not change}
        assert idle <= {
            "channels_last",
            "widen_weights",
            "drop_broadcasts",
            "float_logits",
            "narrow_weights",
            "separate_results",
            "split_float_frames",
        }, prepared.report
        network = signature.of(flatbuffer.read(manifest.split(prepared.data)[0]))
        assert network.image.shape == (1, 172, 172, 3)
        dtypes = {network.image.dtype, *(state.input.dtype for state in network.states)}
        assert dtypes == {"int8", "float32"}
        carried = sum(
            np.prod(s.input.shape) * np.dtype(s.input.dtype).itemsize for s in network.states
        )
        assert carried < 700_000


EXACT = {
    "channels_last",
    "drop_idle_states",
    "float_logits",
    "quantize_states",
    "quantize_image",
    "drop_time_axis",
    "widen_stem",
    "split_frames",
    "split_float_frames",
}


@pytest.mark.parametrize("target", ["pi5", "amx"])  # between them all passes
def test_each_pass_on_a_real_clip(
    published_bytes: bytes, real_clips: list[LabelledClip], target: str
) -> None:
    clip = np.array(next(c for c in real_clips if "rpi_carving_ice" in c.path.name).pictures(15))
    steps = passes_for(target)
    before = logits_of(published_bytes, clip)
    for count, step in enumerate(steps, start=1):
        after = logits_of(prepare(published_bytes, name="a0", passes=steps[:count]).data, clip)
        if step.__name__ in EXACT:
            assert np.array_equal(after, before), step.__name__
        else:
            assert np.corrcoef(after[-1], before[-1])[0, 1] > 0.95, step.__name__
            assert after[-1].argmax() == before[-1].argmax(), step.__name__
        before = after


def test_the_targets_agree(published_bytes: bytes, real_clips: list[LabelledClip]) -> None:
    clip = np.array(next(c for c in real_clips if "flipping_a_pancake" in c.path.name).pictures(15))
    logits = {
        target: logits_of(prepare(published_bytes, name="a0", target=target).data, clip)
        for target in TARGETS
    }
    assert np.array_equal(logits["pi4"], logits["amx"])
    assert np.array_equal(logits["pi5"], logits["x86"])
    assert np.array_equal(logits["web"], logits["x86"])
    assert np.corrcoef(logits["pi5"][-1], logits["amx"][-1])[0, 1] > 0.99
    assert logits["pi5"][-1].argmax() == logits["amx"][-1].argmax()


def test_no_less_accurate_than_published(
    published_bytes: bytes, real_clips: list[LabelledClip]
) -> None:
    labels = manifest.read(prepare(published_bytes, name="a0").data).labels  # type: ignore[union-attr]
    clips = [
        (labels.index(clip.label), np.array(clip.pictures())) for clip in real_clips if clip.label
    ]

    def score(data: bytes) -> tuple[int, float]:
        right, likelihood = 0, 0.0
        for label, pictures in clips:
            logits = logits_of(data, pictures)[-1].astype(np.float64)
            right += int(logits.argmax() == label)
            likelihood += logits[label] - np.logaddexp.reduce(logits)
        return right, likelihood / len(clips)

    published, prepared = score(published_bytes), score(prepare(published_bytes, name="a0").data)
    assert published[0] >= len(clips) // 2
    assert prepared[0] >= published[0]
    assert prepared[1] >= published[1]
