"""From a network to a quantized, streaming ``.tflite``."""
