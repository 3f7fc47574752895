"""``python -m edgevid.quiet``: finds rules under which a camera's usual footage starts no event."""

import sys

from edgevid.cli.quiet import main

if __name__ == "__main__":
    sys.exit(main())
