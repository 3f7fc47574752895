"""Teaches from examples; runs on the emulated board.

    python teach_guest.py EXAMPLES

The counting plugin's mark (see ``guest``) is made before the head is fitted and measured, and
after.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from edgevid.teach import examples, learn


def main(path: str) -> None:
    """Teaches once."""
    known, _ = examples.load(Path(path))
    os.getsid(0)
    learn(known)
    os.getsid(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
