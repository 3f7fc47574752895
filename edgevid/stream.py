"""``python -m edgevid.stream``: recognises actions in a camera or a video."""

import sys

from edgevid.cli.stream import main

if __name__ == "__main__":
    sys.exit(main())
