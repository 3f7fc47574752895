"""``python -m edgevid.prepare``: rewrites a published model for the edge."""

import sys

from edgevid.cli.prepare import main

if __name__ == "__main__":
    sys.exit(main())
