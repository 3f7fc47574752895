"""``python -m edgevid.archive``: recordings become an archive, and the archive is asked."""

import sys

from edgevid.cli.archive import main

if __name__ == "__main__":
    sys.exit(main())
