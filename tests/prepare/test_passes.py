"""Each pass by itself: what it changes, and that the network says the same as before."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgevid.errors import ModelError
from edgevid.modelfile import flatbuffer, manifest, signature
from edgevid.modelfile.signature import Signature
from edgevid.prepare import TARGETS, Pass, passes_for, prepare
from edgevid.prepare.graph import Graph
from edgevid.prepare.passes import float_weights
from edgevid.prepare.passes.broadcasts import drop_broadcasts
from edgevid.prepare.passes.channels import channels_last
from edgevid.prepare.passes.features import give_features
from edgevid.prepare.passes.float_fallback import float_islands, narrow_convolutions
from edgevid.prepare.passes.float_logits import float_logits
from edgevid.prepare.passes.float_weights import narrow_weights, widen_weights
from edgevid.prepare.passes.folding import fold_multiplications
from edgevid.prepare.passes.logit_scale import keep_confidence
from edgevid.prepare.passes.pools import bound_memory
from edgevid.prepare.passes.space_to_depth import widen_stem
from edgevid.prepare.passes.squeeze_time import drop_time_axis
from edgevid.prepare.passes.states import (
    drop_idle_states,
    quantize_image,
    quantize_states,
    separate_results,
    split_float_frames,
    split_frames,
)
from edgevid.prepare.serialize import write
from edgevid.runtime.partitions import partitions
from tests.prepare.mini_movinet import LABELS, mini_movinet
from tests.prepare.running import logits_of, states_of
from tests.prepare.stored import (
    as_dynamic_range,
    as_float16,
    with_broadcast,
    with_channels_first,
    with_frames_channels_first,
    with_integer_interface,
    with_picture_turned,
)

Pictures = NDArray[np.uint8]
LOGIT_STEP = 12 / 255  # of the int8 network in miniature


def rewritten(data: bytes, *passes: Pass) -> bytes:
    return prepare(data, name="mini", labels=LABELS, passes=passes).data


def network(data: bytes) -> Signature:
    return signature.of(flatbuffer.read(manifest.split(data)[0]))


def graph_of(data: bytes) -> Graph:
    return Graph(manifest.split(data)[0])


def kinds(data: bytes) -> list[str]:
    graph = graph_of(data)
    return [graph.kind(op) for op in graph.ops]


def test_reading_and_writing_changes_nothing(mini: bytes, pictures: Pictures) -> None:
    assert np.array_equal(logits_of(rewritten(mini), pictures), logits_of(mini, pictures))


def test_states_that_nothing_reads_are_dropped(mini: bytes, pictures: Pictures) -> None:
    assert len(network(mini).idle) == 1
    dropped = rewritten(mini, drop_idle_states)
    assert not network(dropped).idle
    assert np.array_equal(logits_of(dropped, pictures), logits_of(mini, pictures))


class TestBoundMemory:
    def test_without_bound_it_is_the_published_mean(
        self, mini_float: bytes, pictures: Pictures
    ) -> None:
        bounded = logits_of(rewritten(mini_float, bound_memory), pictures)
        assert np.allclose(bounded, logits_of(mini_float, pictures), atol=1e-6)

    def test_int8_stays_near(self, pictures: Pictures) -> None:
        published = mini_movinet(int8=True, se=False)
        bounded = logits_of(rewritten(published, bound_memory), pictures[:10])
        assert np.abs(bounded - logits_of(published, pictures[:10])).max() < 4.5 * LOGIT_STEP

    def test_signature(self, mini: bytes) -> None:
        bounded = network(rewritten(mini, bound_memory))
        assert bounded.alpha is not None
        states = {state.name: state.input for state in bounded.states}
        assert not any(name.endswith("frame_count") for name in states)
        for name in ("state_block_pool_buffer", "state_head_pool_buffer"):
            assert states[name].dtype == "float32"

    def test_the_mean_is_a_fading_one(self, mini: bytes, pictures: Pictures) -> None:
        # With a memory of one frame the state is each frame's own mean.
        bounded, name = rewritten(mini, bound_memory), "state_block_pool_buffer"
        frames = states_of(bounded, pictures, name, memory=1)
        expected = np.zeros_like(frames[0])
        for number, (frame, mean) in enumerate(
            zip(frames, states_of(bounded, pictures, name, memory=7), strict=True), start=1
        ):
            expected += (frame - expected) / min(number, 7)
            assert np.allclose(mean, expected, atol=1e-5)

    def test_a_new_scene_counts_after_a_long_one(self, mini: bytes) -> None:
        dark, bright = (np.full((400, 16, 16, 3), level, np.uint8) for level in (20, 230))
        both, name = np.concatenate([dark, bright[:20]]), "state_head_pool_buffer"
        bounded = rewritten(mini, bound_memory)
        old, new = (states_of(bounded, clip[:12], name, memory=1)[-1] for clip in (dark, bright))
        after = states_of(bounded, both, name, memory=5)[-1]
        never = states_of(bounded, both, name, memory=math.inf)[-1]
        assert np.abs(after - new).max() < 0.1 * np.abs(old - new).max()
        assert np.abs(never - new).max() > 0.9 * np.abs(old - new).max()

    def test_a_sum_that_is_read_elsewhere_is_refused_and_named(self, mini_float: bytes) -> None:
        graph = Graph(mini_float)
        head = graph.outputs["logits"]
        sums = graph.outputs["state_head_pool_buffer"]
        part = graph.add("MEAN", [sums, *_axes(graph, [0, 1, 2])], [1, 8], name="x", keepDims=False)
        total = graph.add("MEAN", [part, *_axes(graph, [0, 1])], [], name="y", keepDims=False)
        graph.outputs["logits"] = graph.add("ADD", [head, total], [1, 4], name="z")
        edited = write(graph, "edited")
        with pytest.raises(ModelError, match=r"nothing computes .*, which is read"):
            rewritten(edited, bound_memory)

    def test_a_pool_of_another_make_is_left_and_named(self, mini_float: bytes) -> None:
        graph = Graph(mini_float)
        division = graph.find("DIV")[0]
        division.builtinOptions.fusedActivationFunction = 1
        assert "1 causal pool to" in (change := bound_memory(graph))
        assert "1 counts of frames are used in ways not known" in change

    def test_a_count_that_starts_elsewhere_is_left_alone(self, mini_float: bytes) -> None:
        graph = Graph(mini_float)
        for op in graph.find("ADD"):
            values = graph.constant(op.inputs[1])
            if values is not None and values.dtype == np.int32:
                op.inputs[1] = graph.add_tensor("two", [], np.int32, values=np.array(2, np.int32))
        assert network(rewritten(write(graph, "edited"), bound_memory)).alpha is None


def _axes(graph: Graph, axes: list[int]) -> list[int]:
    return [graph.add_tensor("axes", [len(axes)], np.int32, values=np.array(axes, np.int32))]


class TestQuantizedInterface:
    def test_same_bits_in_a_quarter_of_the_bytes(
        self, mini_int8: bytes, pictures: Pictures
    ) -> None:
        quantized = rewritten(mini_int8, quantize_states, quantize_image)
        assert network(quantized).image.dtype == "int8"
        states = {state.name: state for state in network(quantized).states}
        buffer = states["state_block_stream_buffer"]
        assert buffer.input.dtype == "int8"
        assert buffer.initial == buffer.input.zero_point[0]
        assert np.array_equal(logits_of(quantized, pictures), logits_of(mini_int8, pictures))

    def test_a_float_network_keeps_its_signature(self, mini_float: bytes) -> None:
        quantized = network(rewritten(mini_float, quantize_states, quantize_image))
        assert {quantized.image.dtype, *(s.input.dtype for s in quantized.states)} == {
            "float32",
            "int32",
        }

    def test_a_state_with_two_scales_is_requantised(
        self, mini_int8: bytes, pictures: Pictures
    ) -> None:
        graph = Graph(mini_int8)
        state = graph.inputs["state_block_stream_buffer"]
        entry = graph.consumers(state)[0].outputs[0]
        out = graph.producer(graph.outputs["state_block_stream_buffer"])
        assert out is not None
        coarser = graph.add_tensor("like", [1], np.int8, quantization=(0.1, 3))
        out.inputs[0] = graph.quantize(out.inputs[0], like=coarser)
        edited = write(graph, "edited")
        quantized = rewritten(edited, quantize_states)
        state_after = next(s for s in network(quantized).states if "stream" in s.name)
        assert state_after.output.scale == pytest.approx([12 / 255])
        assert graph.quantization(entry) == pytest.approx((12 / 255, 0))
        difference = logits_of(quantized, pictures) - logits_of(edited, pictures)
        assert np.abs(difference).max() <= 2 * LOGIT_STEP

    def test_an_image_on_another_scale_is_requantised(
        self, mini_int8: bytes, pictures: Pictures
    ) -> None:
        graph = Graph(mini_int8)
        image = graph.consumers(graph.inputs["image"])[0].outputs[0]
        graph.tensors[image].quantization.scale = np.array([0.01], np.float32)
        for op in graph.consumers(image):
            graph.tensors[op.outputs[0]].quantization = graph.tensors[image].quantization
        edited = write(graph, "edited")
        quantized = rewritten(edited, quantize_image)
        assert network(quantized).image.scale == pytest.approx([1 / 255])
        difference = logits_of(quantized, pictures) - logits_of(edited, pictures)
        assert np.abs(difference).max() <= 2 * LOGIT_STEP


class TestFolding:
    def test_float(self, mini_float: bytes, pictures: Pictures) -> None:
        folded = rewritten(mini_float, fold_multiplications)
        assert kinds(folded).count("MUL") == kinds(mini_float).count("MUL") - 1
        assert np.allclose(logits_of(folded, pictures), logits_of(mini_float, pictures), atol=1e-6)

    def test_int8_with_a_negative_factor(self, mini_int8: bytes, pictures: Pictures) -> None:
        folded = rewritten(mini_int8, fold_multiplications)
        assert kinds(folded).count("MUL") == kinds(mini_int8).count("MUL") - 1
        difference = logits_of(folded, pictures) - logits_of(mini_int8, pictures)
        assert np.abs(difference).max() <= 2 * LOGIT_STEP

    def test_not_where_the_convolution_is_read_elsewhere(self, mini_float: bytes) -> None:
        graph = Graph(mini_float)
        rezero = _rezero(graph)
        product = graph.consumers(rezero.outputs[0])[0]
        product.inputs = [rezero.outputs[0], rezero.inputs[0]]  # x * c + x
        assert fold_multiplications(graph) == ""

    def test_not_past_an_activation(self, mini_float: bytes) -> None:
        graph = Graph(mini_float)
        convolution = graph.find("CONV_2D")[-2]
        assert convolution.builtinOptions.fusedActivationFunction == 0
        convolution.builtinOptions.fusedActivationFunction = 3
        assert fold_multiplications(graph) == ""


def _rezero(graph: Graph) -> Any:
    return next(op for op in graph.find("MUL") if graph.real(op.inputs[1]) == pytest.approx(-0.7))


class TestTimeAxis:
    def test_not_a_bit_changes(self, mini: bytes, pictures: Pictures) -> None:
        flat = rewritten(mini, drop_time_axis)
        assert all(len(tensor.shape) <= 4 for tensor in graph_of(flat).tensors)
        assert kinds(flat).count("RESHAPE") == 1  # that of the logits
        assert np.array_equal(logits_of(flat, pictures), logits_of(mini, pictures))

    def test_an_unknown_use_of_time_leaves_all_as_it_is(
        self, mini_float: bytes, pictures: Pictures
    ) -> None:
        graph = Graph(mini_float)
        joined = graph.find("CONCATENATION")[0]
        joined.builtinOptions.axis = 2  # two clips side by side, which no exporter writes
        before = [list(tensor.shape) for tensor in graph.tensors]
        assert drop_time_axis(graph).startswith("nothing: ")
        assert [list(tensor.shape) for tensor in graph.tensors[: len(before)]] == before


class TestFloats:
    def test_islands_make_it_one_partition(self, mini_int8: bytes, pictures: Pictures) -> None:
        whole = (bound_memory, quantize_states, quantize_image, drop_time_axis)
        split, joined = rewritten(mini_int8, *whole), rewritten(mini_int8, *whole, float_islands)
        assert partitions(split) > 1
        assert partitions(joined) == 1
        difference = logits_of(joined, pictures) - logits_of(split, pictures)
        assert np.abs(difference).max() <= 2 * LOGIT_STEP

    def test_hard_swish_over_all_inputs(self) -> None:
        values = np.arange(-128, 128, dtype=np.int8)
        results = []
        for passes in ((), (float_islands,)):
            graph = Graph(mini_movinet(int8=True))
            op = graph.find("HARD_SWISH")[0]
            graph.ops, graph.outputs = [op], {"y": op.outputs[0]}
            graph.inputs = {"x": op.inputs[0]}
            for tensor in (op.inputs[0], op.outputs[0]):
                graph.tensors[tensor].shape = [1, 1, 1, 256]
            for step in passes:
                step(graph)
            results.append(_run(write(graph, "one operator"), values))
        assert np.abs(results[0].astype(int) - results[1]).max() <= 1
        assert len(np.unique(results[1])) > 50

    def test_narrow_convolutions(self, mini_int8: bytes, pictures: Pictures) -> None:
        narrow = passes_for("amx")
        assert narrow_convolutions in narrow
        without = [step for step in narrow if step is not narrow_convolutions]
        int8, floats = rewritten(mini_int8, *without), rewritten(mini_int8, *narrow)
        assert partitions(int8) == partitions(floats) == 1
        difference = logits_of(floats, pictures) - logits_of(int8, pictures)
        assert np.abs(difference).max() <= 3 * LOGIT_STEP

    def test_a_float_network_is_left_alone(self, mini_float: bytes) -> None:
        graph = Graph(mini_float)
        assert narrow_convolutions(graph) == float_islands(graph) == ""


def _run(content: bytes, values: NDArray[np.int8]) -> NDArray[np.int8]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    place = interpreter.get_input_details()[0]["index"]
    interpreter.set_tensor(place, values.reshape(1, 1, 1, 256))
    interpreter.invoke()
    result: NDArray[np.int8] = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return result.ravel()


class TestWidening:
    def test_not_a_bit_changes(self, mini_int8: bytes, pictures: Pictures) -> None:
        wide = passes_for("pi5")
        assert widen_stem in wide
        narrow = [step for step in wide if step is not widen_stem]
        one, two = rewritten(mini_int8, *narrow), rewritten(mini_int8, *wide)
        stem = graph_of(two).find("CONV_2D")[0]
        assert graph_of(two).shape(stem.outputs[0]) == [1, 8, 4, 16]
        assert np.array_equal(logits_of(two, pictures), logits_of(one, pictures))

    def test_a_float_network_is_left_alone(self, mini_float: bytes) -> None:
        assert widen_stem(Graph(rewritten(mini_float, drop_time_axis))) == ""

    def test_columns_that_do_not_fill_groups_are_left_alone(self, mini_int8: bytes) -> None:
        graph = graph_of(rewritten(mini_int8, quantize_image, drop_time_axis))
        graph.tensors[graph.inputs["image"]].shape = [1, 16, 18, 3]
        assert widen_stem(graph) == ""


class TestSplitFrames:
    def test_not_a_bit_changes(self, mini: bytes, pictures: Pictures) -> None:
        split = rewritten(mini, quantize_states, drop_time_axis, split_frames)
        states = {state.name: state for state in network(split).states}
        assert "state_block_stream_buffer" not in states
        oldest, newer = (states[f"state_block_stream_buffer/{age}"] for age in (0, 1))
        assert oldest.output.index == newer.input.index
        assert "STRIDED_SLICE" not in kinds(split)
        assert np.array_equal(logits_of(split, pictures), logits_of(mini, pictures))

    def test_not_with_a_time_axis(self, mini: bytes) -> None:
        assert split_frames(Graph(mini)) == ""

    def test_float_frames_alone(self, mini_float: bytes, mini_int8: bytes) -> None:
        assert split_float_frames(graph_of(rewritten(mini_float, drop_time_axis)))
        graph = graph_of(rewritten(mini_int8, quantize_states, drop_time_axis))
        assert split_float_frames(graph) == ""
        assert split_frames(graph)


class TestConfidence:
    def test_unknown_files_keep_their_logits(self, mini: bytes) -> None:
        assert keep_confidence(Graph(mini)) == ""

    def test_one_factor_on_all_logits(self, mini_int8: bytes, pictures: Pictures) -> None:
        from edgevid.prepare.passes import logit_scale

        graph = Graph(mini_int8)
        known = {graph.sha256: 1.25}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(logit_scale, "_SPREAD", known)
            assert "1.25" in keep_confidence(graph)
        wider = logits_of(write(graph, "wider"), pictures)
        assert np.allclose(wider, 1.25 * logits_of(mini_int8, pictures), rtol=1e-5)


def test_frames_that_only_move_up_leave_the_network_as_results_of_their_own(
    mini: bytes, pictures: Pictures
) -> None:
    passes = (drop_idle_states, bound_memory, quantize_states, fold_multiplications)
    split = rewritten(mini, *passes, drop_time_axis, split_frames)
    graph = graph_of(split)
    assert set(graph.inputs.values()) & set(graph.outputs.values())
    after = rewritten(mini, *passes, drop_time_axis, split_frames, separate_results)
    graph = graph_of(after)
    assert not set(graph.inputs.values()) & set(graph.outputs.values())
    assert np.array_equal(logits_of(after, pictures), logits_of(split, pictures))
    assert rewritten(mini, *passes, separate_results) == rewritten(mini, *passes)


class TestChannelsLast:
    def test_past_frames(self, mini_float: bytes, pictures: Pictures) -> None:
        turned = with_frames_channels_first(mini_float)
        assert kinds(turned).count("TRANSPOSE") == 2
        after = rewritten(turned, channels_last)
        assert "TRANSPOSE" not in kinds(after)
        assert np.array_equal(logits_of(after, pictures), logits_of(turned, pictures))
        prepared = prepare(turned, name="mini", labels=LABELS, target="pi4").data
        exported = prepare(mini_float, name="mini", labels=LABELS, target="pi4").data
        assert sorted(kinds(prepared)) == sorted(kinds(exported))
        assert np.array_equal(logits_of(prepared, pictures), logits_of(exported, pictures))

    def test_frames_of_which_others_are_kept_stay(self, mini_float: bytes) -> None:
        graph = Graph(with_frames_channels_first(mini_float))
        (sliced,) = graph.find("SLICE")
        oldest = np.zeros(5, np.int32)
        sliced.inputs[1] = graph.add_tensor("begin", [5], np.int32, values=oldest)
        assert channels_last(graph) == ""

    def test_a_mean_and_what_is_turned_there_and_back(
        self, mini_float: bytes, pictures: Pictures
    ) -> None:
        turned = with_picture_turned(mini_float)
        assert kinds(turned).count("TRANSPOSE") == 3
        after = rewritten(turned, channels_last)
        assert "TRANSPOSE" not in kinds(after)
        assert np.allclose(logits_of(after, pictures), logits_of(turned, pictures), atol=1e-5)

    def test_files_of_the_model_garden_are_left_alone(self, mini: bytes) -> None:
        assert channels_last(Graph(mini)) == ""


def test_features_with_channels_before_the_picture(mini_float: bytes, pictures: Pictures) -> None:
    turned = with_channels_first(mini_float)
    after = rewritten(turned, bound_memory, give_features)
    features = network(after).features
    assert features is not None
    assert features.shape == (1, 8)
    assert np.allclose(logits_of(after, pictures), logits_of(turned, pictures), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_integers_at_the_interface_make_no_difference(
    mini_int8: bytes, pictures: Pictures, dtype: Any
) -> None:
    exported = with_integer_interface(mini_int8, dtype)
    with pytest.raises(ModelError, match="only when it is prepared"):
        signature.check_steps(network(exported))
    for target in TARGETS:
        one, other = (
            prepare(data, name="mini", labels=LABELS, target=target).data
            for data in (exported, mini_int8)
        )
        assert partitions(one) == 1
        assert np.array_equal(logits_of(one, pictures), logits_of(other, pictures))


def test_an_int8_state_goes_out_on_the_scale_on_which_it_comes_in(mini_int8: bytes) -> None:
    graph = Graph(with_integer_interface(mini_int8, np.int8))
    name = "state_block_stream_buffer"
    graph.tensors[graph.outputs[name]].quantization.scale = np.array([0.1], np.float32)
    edited = write(graph, "two scales")
    with pytest.raises(ModelError, match="another scale"):
        rewritten(edited, float_logits)
    after = network(rewritten(edited, float_logits, quantize_states))
    state = next(state for state in after.states if state.name == name)
    assert state.output.scale == state.input.scale


class TestStoredWeights:
    def test_float16_says_the_same_and_folds(self, mini_float: bytes, pictures: Pictures) -> None:
        stored = as_float16(mini_float)
        assert "DEQUANTIZE" in kinds(stored)
        after = rewritten(stored, widen_weights, fold_multiplications)
        assert "DEQUANTIZE" not in kinds(after)
        assert kinds(after).count("MUL") < kinds(stored).count("MUL")
        assert np.allclose(logits_of(after, pictures), logits_of(stored, pictures), atol=1e-5)

    def test_dynamic_range_becomes_one_partition(
        self, mini_float: bytes, pictures: Pictures
    ) -> None:
        stored = as_dynamic_range(mini_float)
        assert partitions(rewritten(stored, drop_time_axis)) != 1
        after = rewritten(stored, bound_memory, widen_weights, drop_time_axis)
        assert partitions(after) == 1
        before = logits_of(stored, pictures)
        assert np.abs(logits_of(after, pictures) - before).max() < 0.05 * np.ptp(before)

    def test_wide_convolutions_get_int8_weights(
        self, mini_float: bytes, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of the network in miniature those of 8 channels and 3x3 are wide, 1x1 are not."""
        monkeypatch.setattr(float_weights, "_A_PIXEL", 0)
        passes = (bound_memory, drop_time_axis)
        after = rewritten(mini_float, *passes, narrow_weights)
        graph = graph_of(after)
        stored = [graph.dtype(op.inputs[1]) for op in graph.find("CONV_2D")]
        assert np.dtype(np.int8) in stored
        assert np.dtype(np.float32) in stored
        assert {graph.dtype(op.inputs[1]) for op in graph.find("DEPTHWISE_CONV_2D")} == {
            np.dtype(np.float32)
        }
        assert partitions(after) == 1
        before = logits_of(rewritten(mini_float, *passes), pictures)
        difference = np.abs(logits_of(after, pictures) - before).max()
        assert 0 < difference < 0.05 * np.ptp(before)

    @pytest.mark.parametrize(("shape", "pays"), [
        ((16, 3, 3, 3), False),  # the stem
        ((40, 1, 1, 16), False),
        ((16, 1, 1, 120), False),  # few outputs for the values that are rounded
        ((64, 1, 1, 40), False),
        ((120, 1, 1, 40), True),
        ((40, 1, 1, 120), True),
        ((600, 1, 1, 2048), True),
    ])  # fmt: skip
    def test_where_int8_weights_pay(self, shape: tuple[int, ...], pays: bool) -> None:
        """By what convolutions of these shapes took."""
        assert float_weights._pays(np.zeros(shape, np.float32)) is pays

    def test_a_classifier_of_few_classes_stays_float(
        self, mini_float: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(float_weights, "_A_PIXEL", 0)
        monkeypatch.setattr(float_weights, "_A_VALUE", 0)
        stored = []
        for few in (0, 1 << 18):
            monkeypatch.setattr(float_weights, "_FEW", few)
            graph = graph_of(rewritten(mini_float, bound_memory, drop_time_axis, narrow_weights))
            classifier = float_weights._classifier(graph)
            assert classifier is not None
            stored.append(graph.dtype(classifier.inputs[1]))
        assert stored == [np.int8, np.float32]

    def test_int8_networks_are_left_alone(self, mini_int8: bytes) -> None:
        assert widen_weights(Graph(mini_int8)) == ""
        assert narrow_weights(Graph(mini_int8)) == ""


def test_what_is_written_out_only_to_multiply_is_not(mini: bytes, pictures: Pictures) -> None:
    wide = with_broadcast(mini)
    assert "BROADCAST_TO" in kinds(wide)
    after = rewritten(wide, drop_broadcasts)
    assert "BROADCAST_TO" not in kinds(after)
    assert np.array_equal(logits_of(after, pictures), logits_of(wide, pictures))
    assert partitions(prepare(wide, name="mini", labels=LABELS).data) == 1


def test_a_broadcast_that_is_read_otherwise_stays(mini_float: bytes) -> None:
    graph = Graph(with_broadcast(mini_float))
    wide = graph.find("BROADCAST_TO")[0].outputs[0]
    graph.outputs["wide"] = wide
    assert drop_broadcasts(graph) == ""
