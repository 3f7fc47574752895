"""The operators that rewriting supports."""

# The operators that the passes read or add: the schema's options class, how many inputs there are
# at least, and the version of an added operator, which is 2 where it is put on int8 tensors.
KNOWN = {
    "ADD": ("AddOptions", 2, 1),
    "AVERAGE_POOL_2D": ("Pool2DOptions", 1, 1),
    "CAST": ("CastOptions", 1, 1),
    "CONCATENATION": ("ConcatenationOptions", 1, 2),
    "CONV_2D": ("Conv2DOptions", 2, 1),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", 2, 1),
    "DEQUANTIZE": ("DequantizeOptions", 1, 2),
    "DIV": ("DivOptions", 2, 1),
    "HARD_SWISH": ("HardSwishOptions", 1, 1),
    "MEAN": ("ReducerOptions", 2, 1),
    "MUL": ("MulOptions", 2, 1),
    "QUANTIZE": ("QuantizeOptions", 1, 2),
    "RESHAPE": ("ReshapeOptions", 1, 1),
    "SLICE": ("SliceOptions", 3, 1),
    "STRIDED_SLICE": ("StridedSliceOptions", 4, 1),
    "SUB": ("SubOptions", 2, 1),
    "SUM": ("ReducerOptions", 2, 1),
    "TRANSPOSE": ("TransposeOptions", 2, 1),
}
# Of these the converter leaves the options out: they have none that matter.
OPTIONAL = ("CAST", "DEQUANTIZE", "HARD_SWISH", "QUANTIZE", "RESHAPE", "SLICE", "TRANSPOSE")
