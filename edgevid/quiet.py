"""``python -m edgevid.quiet``: rules for a camera, so that what is ordinary there is no event."""

import sys

from edgevid.cli.quiet import main

if __name__ == "__main__":
    sys.exit(main())
