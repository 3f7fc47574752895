"""Training: float first, then with the rounding of int8 in it."""
