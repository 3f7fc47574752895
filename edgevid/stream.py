"""``python -m edgevid.stream``: says what happens in front of a camera or in a video."""

import sys

from edgevid.cli.stream import main

if __name__ == "__main__":
    sys.exit(main())
