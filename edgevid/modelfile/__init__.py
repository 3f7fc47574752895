"""What a ``.tflite`` file holds: network, signature, manifest, labels; parsed and checked once."""
