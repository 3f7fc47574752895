"""A ``.tflite`` file's network, signature, manifest and labels, parsed and checked once."""
