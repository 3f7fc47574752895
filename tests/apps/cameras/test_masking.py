"""Nothing that is said of a camera holds what is secret in its address."""

from __future__ import annotations

import pytest

from apps.raspberry_pi.cameras.masking import shown

SOURCES = [
    "rtsp://me:hu/sh#1@camera/live",
    "rtsp://camera/live/me/hush-1/ch0",
    "rtsp://camera/stream;auth=hush-1",
    "http://camera/video?user=me&pwd=hush-1",
    "http://camera/video?hush-1",
    "rtsp:me:hush-1@camera/x",
    "rtsp://camera/user=me&password=hush-1&channel=1",
]


@pytest.mark.parametrize("source", SOURCES)
def test_a_librarys_complaint_of_its_address(source: str) -> None:
    for text in (
        f"{source}: no answer",
        f"Server returned 401 for '{source}'\nand again",
        "wrong password hu/sh#1, or hu%2Fsh%231" if "hu/sh#1" in source else f"hush-1 in {source}",
    ):
        told = shown(text, source)
        assert "hush" not in told
        assert "hu/sh" not in told
        assert "hu%2Fsh" not in told
        assert "\n" not in told


def test_what_is_no_secret_stays() -> None:
    source = "rtsp://me:hush@camera.local:554/front/live"
    assert shown(f"{source}: no answer", source) == "rtsp://camera.local:554/front/live: no answer"
    assert shown("clip.mp4: no such file", "clip.mp4") == "clip.mp4: no such file"
    assert shown("401: me may not see the camera", source) == "401: me may not see the camera"


def test_it_is_one_short_line_of_plain_characters() -> None:
    told = shown("a\x1b[31mb\r\nc\u202ed " + 1000 * "x", "0")
    assert told.startswith("a [31mb c d xxx")
    assert len(told) == 300
