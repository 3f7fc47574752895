"""``python -m edgevid.demo``: the bundled model on the bundled clip, labelled."""

import sys

from edgevid.cli.demo import CLIP, main

__all__ = ["CLIP", "main"]

if __name__ == "__main__":
    sys.exit(main())
