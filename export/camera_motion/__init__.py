"""Trains the small model that edgevid brings along: what does the camera itself do?

It learns from clips that are drawn here, so it holds nobody's videos and nobody's weights.
``python -m export.camera_motion`` makes the file again.
"""
