"""Cameras kept going, and the thread that watches them all with one model."""
