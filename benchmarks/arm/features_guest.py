"""Extracts the features of recordings, as teaching does; runs on the emulated board.

    python features_guest.py PREPARED RECORDING...

PREPARED is a prepared model file. Around each recording, from the file to its features and small
pictures, the counting plugin's mark is made (see ``guest``); one more is played before, so that
libraries are loaded.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from edgevid.teach.data import Recording
from edgevid.teach.features import Extraction, feature_model


def main(prepared: str, *recordings: str) -> None:
    """Extracts each recording's features once, the first one's twice."""
    with tempfile.TemporaryDirectory() as folder:
        model = feature_model(Path(prepared).read_bytes())
        Extraction(model, "warm-up", Path(folder)).examples([Recording(recordings[0])], _nothing)
        extraction = Extraction(model, "counted", Path(folder))
        for recording in recordings:
            os.getsid(0)
            found = extraction.examples([Recording(recording)], _nothing)
            os.getsid(0)
            print(len(found[0].times))


def _nothing(_: Recording) -> None:
    """Progress is of no interest here."""


if __name__ == "__main__":
    main(*sys.argv[1:])
