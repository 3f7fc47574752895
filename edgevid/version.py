"""The versions."""

__version__ = "0.1.0"

# The version of ``edgevid.prepare``: goes up whenever the same file would come out differently.
REWRITE = 12
