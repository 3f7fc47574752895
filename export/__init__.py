"""From a folder of videos to one verified streaming file. For the training machine only.

Needs TensorFlow (``pip install --group train``); what it makes needs only edgevid.
"""
