"""MoViNet as a stream with bounded memory, built from the Model Garden's own layers.

Every pool over time is a running mean, ``mean += alpha * (x - mean)``. Fed with
``alpha = 1 / min(n, memory)`` at the n-th frame it is the average since the start until the
memory is full, and forgets older frames from then on; with an endless memory it is exactly the
published network. A whole clip and the same frames one by one give the same logits.

Reference: Kondratyuk et al., "MoViNets", https://arxiv.org/abs/2103.11511.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray
from official.projects.movinet.modeling import movinet, movinet_layers

from edgevid.errors import UsageError

Size = Literal["a0", "a1", "a2"]
Style = Literal["relu6", "hard_swish"]
States = dict[str, Any]

INPUT_SIZE = {"a0": 172, "a1": 172, "a2": 224}  # pixels; the paper's, table 7
STYLES = ("relu6", "hard_swish")
FPS = 5.0  # frames a second that every published streaming MoViNet was trained on

RUNNING_MEAN = "running_mean"  # every such layer's name, by which conversion knows its tensors
_ALPHA = "alpha"


@dataclass(frozen=True)
class Architecture:
    """Which MoViNet, and for what.

    Attributes:
        size: ``a0``, ``a1`` or ``a2``.
        style: ``relu6`` is what is published as int8: no squeeze-and-excitation, ReLU6.
            ``hard_swish`` is what is published as float: squeeze-and-excitation, hard-swish.
        classes: the number of logits.

    Raises:
        UsageError: an unknown size or style, or fewer than two classes.
    """

    size: Size
    style: Style
    classes: int

    def __post_init__(self) -> None:
        if self.size not in INPUT_SIZE:
            raise UsageError(f"size must be one of {', '.join(INPUT_SIZE)}, not {self.size!r}")
        if self.style not in STYLES:
            raise UsageError(f"style must be one of {', '.join(STYLES)}, not {self.style!r}")
        if self.classes < 2:
            raise UsageError(f"a network needs two classes or more, not {self.classes}")

    @property
    def input_size(self) -> int:
        """Height and width of the input in pixels."""
        return INPUT_SIZE[self.size]


def alphas(frames: int, memory: float = math.inf, *, seen: int = 0) -> NDArray[np.float32]:
    """The running mean's weight for each of these frames, ``1 / min(n, memory)``.

    Args:
        frames: how many.
        memory: how many frames weigh in the mean, 1 or more.
        seen: frames that the stream has had before these.

    Returns:
        float32 ``[frames]``.
    """
    return (1 / np.minimum(np.arange(seen + 1, seen + frames + 1), memory)).astype(np.float32)


def in_frames(memory: float, fps: float) -> float:
    """Returns a memory of so many seconds in frames, at ``fps`` frames a second; 1 or more."""
    return max(1.0, memory * fps)


@tf_keras.utils.register_keras_serializable(package="edgevid")
class RunningMean(tf_keras.layers.Layer):
    """Mean over space and, fading, over time; takes the place of ``GlobalAveragePool3D``."""

    def __init__(self, state_name: str) -> None:
        super().__init__(name=RUNNING_MEAN)
        self.state_name = state_name

    def call(
        self, inputs: Any, states: Mapping[str, Any], output_states: bool = True
    ) -> tuple[Any, States]:
        """Averages ``[batch, frames, height, width, channels]``.

        Args:
            inputs: the features.
            states: ``alpha`` ``[batch, frames]``; the mean so far, float32
                ``[batch, 1, 1, 1, channels]``, where there is one.
            output_states: always so; part of the layer's interface in the Model Garden.

        Returns:
            The mean after each frame, ``[batch, frames, 1, 1, channels]``, and the states.
        """
        del output_states
        x = tf.reduce_mean(tf.cast(inputs, tf.float32), axis=[2, 3], keepdims=True)
        alpha = states[_ALPHA]
        before = states.get(self.state_name)
        if before is None:
            before = tf.zeros_like(x[:, :1])
        if x.shape[1] == 1:
            mean = last = before + tf.reshape(alpha, [-1, 1, 1, 1, 1]) * (x - before)
        else:
            share, carried = _time_weights(alpha)
            mean = tf.einsum("bts,bshwc->bthwc", share, x)
            mean += tf.reshape(carried, [tf.shape(x)[0], -1, 1, 1, 1]) * before
            last = mean[:, -1:]
        return tf.cast(mean, inputs.dtype), {**states, self.state_name: last}


def _time_weights(alpha: Any) -> tuple[Any, Any]:
    """How much each frame, and the mean before the first, weigh in each frame's running mean.

    Unrolled, ``mean[t] = sum over s <= t of alpha[s] * keep(s, t) * x[s] + keep(-1, t) * before``
    with ``keep(s, t)`` the product of ``1 - alpha[r]`` over ``s < r <= t``.
    """
    frames = tf.shape(alpha)[1]
    t = tf.range(frames)[:, None, None]
    s = tf.range(-1, frames)[None, :, None]
    r = tf.range(frames)[None, None, :]
    between = tf.logical_and(r > s, r <= t)
    keep = tf.reduce_prod(tf.where(between, 1 - alpha[:, None, None, :], 1.0), axis=-1)
    past = tf.cast(s[:, 1:, 0] <= t[:, :, 0], alpha.dtype)
    return keep[:, :, 1:] * past * alpha[:, None, :], keep[:, :, 0]


class Network(tf_keras.Model):
    """A MoViNet classifier.

    Call it with ``{"image": [batch, frames, height, width, 3] float 0..1, "alpha": [batch,
    frames], **states}``; it returns ``{"logits": float32 [batch, frames, classes], **states}``.
    States that are missing start empty. A frame with alpha 0 at a clip's end changes no mean:
    so clips of different lengths are padded.
    """

    def __init__(self, architecture: Architecture) -> None:
        """Builds the layers; their weights are random."""
        super().__init__(name="movinet", autocast=False)  # alpha and the means are float32
        self.architecture = architecture
        with_se = architecture.style == "hard_swish"
        specs = movinet.BLOCK_SPECS[architecture.size]
        common = {"conv_type": "2plus1d", "activation": architecture.style}
        self.stem = movinet_layers.Stem(
            specs[0].filters, specs[0].kernel_size, specs[0].strides, causal=True, name="stem",
            state_prefix="state_stem", **common,
        )  # fmt: skip
        self.blocks = []
        for name, base, expand, kernel, strides in _layers(specs):
            block = movinet_layers.MovinetBlock(
                base, expand, kernel_size=kernel, strides=strides, causal=True, name=name,
                gating_activation="hard_sigmoid", se_type="2plus3d" if with_se else "none",
                state_prefix=f"state_{name}", **common,
            )  # fmt: skip
            if with_se:
                block._attention._spatiotemporal_pool = RunningMean(f"state_{name}_pool_buffer")
            self.blocks.append(block)
        self.head = movinet_layers.Head(
            specs[-1].project_filters, average_pooling_type="none", name="head", **common
        )
        self.pool = RunningMean("state_head_pool_buffer")
        self.classifier_head = movinet_layers.ClassifierHead(
            specs[-1].head_filters, architecture.classes, name="classifier_head", **common
        )
        size = 32  # any: the weights' shapes do not depend on it
        self({"image": tf.zeros([1, 1, size, size, 3]), "alpha": tf.ones([1, 1])})

    @property
    def stages(self) -> list[Any]:
        """The layers before the head, in order: the stem and every block's layer."""
        return [self.stem, *self.blocks]

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> States:
        """See the class."""
        mean, states = self.pooled(inputs, training=training)
        frames = mean.shape[1] or tf.shape(mean)[1]
        logits = self.classify(tf.reshape(mean, [-1, mean.shape[-1]]), training=training)
        return {"logits": tf.reshape(logits, [-1, frames, logits.shape[-1]]), **states}

    def before(self, image: Any, stage: int) -> Any:
        """What goes into a stage, from an empty state, as in inference.

        Args:
            image: ``[batch, frames, height, width, 3]`` float 0..1.
            stage: which of ``stages``, from 0.

        Returns:
            ``[batch, frames, height, width, channels]``.
        """
        x, states = image, States()
        for layer in self.stages[:stage]:
            x, states = layer(x, states=states, training=False)
        return x

    def pooled(
        self,
        inputs: Mapping[str, Any],
        *,
        training: bool | None = None,
        frozen: int = 0,
        start: int = 0,
    ) -> tuple[Any, States]:
        """The running mean of the features.

        Args:
            inputs: as for a call.
            training: whether batch norm uses the batch's own statistics.
            frozen: how many ``stages`` from the first on run as in inference all the same.
            start: the first of ``stages`` to run; ``image`` is then what goes into it.

        Returns:
            Features ``[batch, frames, channels]`` and the states.
        """
        x = inputs["image"]
        states = {key: value for key, value in inputs.items() if key != "image"}
        for number, stage in enumerate(self.stages):
            if number >= start:
                x, states = stage(x, states=states, training=training and number >= frozen)
        x, states = self.head(x, states=states, training=training)
        mean, states = self.pool(x, states)
        del states[_ALPHA]
        return tf.reshape(mean, [-1, mean.shape[1] or tf.shape(mean)[1], x.shape[-1]]), states

    def classify(self, features: Any, *, training: bool | None = None) -> Any:
        """Logits, float32 ``[n, classes]``, of pooled features ``[n, channels]``."""
        features = tf.reshape(features, [-1, 1, 1, 1, features.shape[-1]])
        logits = self.classifier_head(features, training=training)
        return tf.reshape(tf.cast(logits, tf.float32), [-1, self.architecture.classes])

    def state_shapes(self, size: int | None = None) -> dict[str, tuple[int, ...]]:
        """Shapes of a stream's states, for a square input of ``size`` pixels."""
        pixels = size or self.architecture.input_size
        shapes: dict[str, tuple[int, ...]] = {}
        specs = movinet.BLOCK_SPECS[self.architecture.size]
        pixels = math.ceil(pixels / specs[0].strides[1])
        for name, _, expand, kernel, strides in _layers(specs):
            pixels = math.ceil(pixels / strides[1])
            if kernel[0] > 1:
                shape = (1, kernel[0] - 1, pixels, pixels, expand)
                shapes[f"state_{name}_stream_buffer"] = shape
            if self.architecture.style == "hard_swish":
                shapes[f"state_{name}_pool_buffer"] = (1, 1, 1, 1, expand)
        shapes[self.pool.state_name] = (1, 1, 1, 1, specs[-1].project_filters)
        return shapes


def _layers(specs: Any) -> Iterator[tuple[str, int, int, Any, Any]]:
    """Name, output filters, expanded filters, kernel size and strides of every block's layer."""
    for number, block in enumerate(specs[1:-1]):
        params = zip(block.expand_filters, block.kernel_sizes, block.strides, strict=True)
        for index, (expand, kernel, strides) in enumerate(params):
            yield f"block{number}_layer{index}", block.base_filters, expand, kernel, strides
