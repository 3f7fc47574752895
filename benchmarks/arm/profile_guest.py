"""Invokes networks on the emulated board, each marked for the counting plugin.

    python profile_guest.py NETWORK...

The third ``invoke`` of each is marked: by then memory is there.
"""

from __future__ import annotations

import os
import sys

from ai_edge_litert.interpreter import Interpreter


def main(*networks: str) -> None:
    """Invokes each network three times."""
    for network in networks:
        interpreter = Interpreter(model_path=network, num_threads=1)
        interpreter.allocate_tensors()
        interpreter.invoke()
        interpreter.invoke()
        os.getsid(0)
        interpreter.invoke()
        os.getsid(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
