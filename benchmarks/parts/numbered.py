"""Labels for a network that has none: of its speed and parity nothing depends on them."""

from __future__ import annotations

from edgevid.modelfile import flatbuffer, manifest, signature


def numbered(data: bytes) -> list[str]:
    """Returns ``class 0`` and so on, one for each logit.

    Args:
        data: the content of a ``.tflite`` file, with a manifest or without.

    Raises:
        ModelError: it is damaged, or no MoViNet stream.
    """
    network, _ = manifest.split(data)
    return [f"class {n}" for n in range(signature.of(flatbuffer.read(network)).classes)]
