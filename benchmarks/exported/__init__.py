"""How much exported files lose, measured with TensorFlow."""
