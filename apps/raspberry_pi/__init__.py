"""A service that watches cameras: see README.md."""
