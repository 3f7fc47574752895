"""Programs built on edgevid's public names alone."""
