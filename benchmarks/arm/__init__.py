"""ARM without a board: emulated, compared and counted."""
