"""Cameras, each captured in its own process, and the thread that watches them with one model."""
