"""Trains the small model that is bundled with edgevid: how does the camera itself move?

It is trained on rendered clips, so it holds no videos and no weights of others.
``python -m export.camera_motion`` makes the file again.
"""
