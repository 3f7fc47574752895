"""A camera that watches by itself: see README.md."""
