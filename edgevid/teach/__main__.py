"""``python -m edgevid.teach``: teaches a model from a few clips, on the device itself."""

import sys

from edgevid.cli.teach import main

if __name__ == "__main__":
    sys.exit(main())
