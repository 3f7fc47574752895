"""Trains the small model that is bundled with edgevid: how does the camera itself move?

It learns from clips that are drawn here, so it holds nobody's videos and nobody's weights.
``python -m export.camera_motion`` makes the file again.
"""
