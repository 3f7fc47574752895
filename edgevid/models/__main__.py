"""``python -m edgevid.models``: lists the models, and downloads them."""

import sys

from edgevid.cli.models import main

if __name__ == "__main__":
    sys.exit(main())
