"""A page that runs edgevid's models in a phone's browser, with the phone's own camera."""
