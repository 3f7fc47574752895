"""Training with the rounding of int8 in the network.

Inside ``quantized`` every kernel, and whatever flows between the layers, is rounded to the 256
values that int8 has, as the converter will do it; gradients pass as if it were not. Kernels are
rounded by output channel, so it does not matter that batch norm is not folded into them yet. The
running means stay in float32, as in the exported file.

Reference: Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", https://arxiv.org/abs/1712.05877, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import tensorflow as tf
import tf_keras
from official.projects.movinet.modeling import movinet_layers

from export.model.network import Network

_SMALLEST = 1e-6  # half a range: of a kernel or a picture that is all zeros


@contextmanager
def quantized(network: Network) -> Iterator[None]:
    """Rounds everything in the network that will be int8, while the block runs.

    Calls that are traced inside stay so.
    """
    # ReLU6 becomes part of the convolution before it; hard-swish is a step of its own.
    fused = network.architecture.style == "relu6"
    with ExitStack() as undo:
        for layer in network.submodules:
            if isinstance(layer, movinet_layers.MobileConv2D):
                undo.enter_context(_replaced(layer, "_activation_op", _activation(layer, fused)))
            elif isinstance(layer, tf_keras.layers.DepthwiseConv2D):
                call = _with_rounded(layer, "depthwise_kernel")
                undo.enter_context(_replaced(layer, "call", call))
            elif isinstance(layer, tf_keras.layers.Conv2D):
                undo.enter_context(_replaced(layer, "call", _with_rounded(layer, "kernel")))
            elif isinstance(layer, _JOINTS):
                undo.enter_context(_replaced(layer, "call", _rounded_output(layer)))
        yield


# Where two tensors become one: the residual connection, and the gate of squeeze-and-excitation.
_JOINTS = (movinet_layers.MovinetBlock, movinet_layers.StreamSqueezeExcitation)


def rounded(x: Any) -> Any:
    """Activations as int8 holds them: one scale for the tensor, from its least to its most."""
    low = tf.minimum(tf.reduce_min(x), -_SMALLEST)
    high = tf.maximum(tf.reduce_max(x), _SMALLEST)
    return tf.quantization.fake_quant_with_min_max_vars(
        x, tf.stop_gradient(low), tf.stop_gradient(high)
    )


def rounded_kernel(kernel: Any) -> Any:
    """A kernel as int8 holds it: a symmetric scale for each output channel.

    Args:
        kernel: ``[height, width, in, out]``, or ``[height, width, channels, 1]`` when depthwise.
    """
    channels = kernel.shape[-1] if kernel.shape[-1] > 1 else kernel.shape[-2]
    flat = tf.reshape(kernel, [-1, channels])
    most = tf.stop_gradient(tf.maximum(tf.reduce_max(tf.abs(flat), axis=0), _SMALLEST))
    flat = tf.quantization.fake_quant_with_min_max_vars_per_channel(
        flat, -most, most, narrow_range=True
    )
    return tf.reshape(flat, kernel.shape)


def _activation(conv: Any, fused: bool) -> Callable[[Any], Any]:
    activation = conv._activation_op

    def call(x: Any) -> Any:
        if activation is None:
            return rounded(x)
        return rounded(activation(x if fused else rounded(x)))

    return call


def _with_rounded(layer: Any, name: str) -> Callable[..., Any]:
    call = layer.call

    @tf.autograph.experimental.do_not_convert
    def rounded_call(inputs: Any, **options: Any) -> Any:
        kernel = getattr(layer, name)
        # Past Keras, which keeps a list of a layer's variables.
        with _replaced(layer, name, rounded_kernel(tf.convert_to_tensor(kernel))):
            return call(inputs, **options)

    return rounded_call


def _rounded_output(layer: Any) -> Callable[..., Any]:
    call = layer.call

    @tf.autograph.experimental.do_not_convert
    def rounded_call(inputs: Any, **options: Any) -> Any:
        x, states = call(inputs, **options)
        return rounded(x), states

    return rounded_call


@contextmanager
def _replaced(layer: Any, name: str, value: Any) -> Iterator[None]:
    """Gives an attribute another value for a while, without Keras taking note of it."""
    attributes = vars(layer)
    own = name in attributes
    before = attributes.get(name)
    attributes[name] = value
    try:
        yield
    finally:
        if own:
            attributes[name] = before
        else:
            del attributes[name]
