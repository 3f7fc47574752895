"""What may be shown of an address."""

from __future__ import annotations

import pytest

from edgevid.sources.address import without_secrets


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("rtsp://me:hush@camera/live", "rtsp://camera/live"),
        ("rtsp://me:hu/sh@camera:554/x", "rtsp://camera:554/x"),
        ("rtsp://me:hu#sh?@camera/x", "rtsp://camera/x"),
        ("rtsp:me:hush@camera/x", "rtsp://camera/x"),
        ("rtsp:/me:hush@camera/x", "rtsp://camera/x"),
        ("rtsp//me:hush@camera/x", "rtsp://camera/x"),
        ("tcp:me:hush@camera:1", "tcp://camera:1"),
        ("rtsp://camera/live/me/hush/ch0", "rtsp://camera/live/.../ch0"),
        ("rtsp://camera/live/me/hush", "rtsp://camera/live/..."),
        ("rtsp://camera/me:hush/stream", "rtsp://camera/.../stream"),
        ("rtsp://camera/stream;auth=hush", "rtsp://camera/stream;auth=..."),
        ("rtsp://camera/stream;jsessionid=hush", "rtsp://camera/stream;jsessionid=..."),
        (
            "rtsp://camera/user=admin_password=hu_sh_channel=1_stream=0.sdp",
            "rtsp://camera/user=admin_password=..._channel=1_stream=0.sdp",
        ),
        (
            "rtsp://camera/user=admin&password=hush&channel=1",
            "rtsp://camera/user=admin&password=...&channel=1",
        ),
        ("http://camera/video.cgi?user=me&pwd=hush", "http://camera/video.cgi"),
        ("srt://camera:9000?passphrase=hush", "srt://camera:9000"),
    ],
)
def test_no_secret_is_shown(location: str, shown: str) -> None:
    assert without_secrets(location) == shown


@pytest.mark.parametrize(
    "location",
    [
        "rtsp://camera.local:554/h264/ch1/main/av_stream",
        "rtsp://[::1]:554/live/ch0",
        "http://camera/live/index.m3u8",
        "file:///home/me/live/a/b/clip.mp4",
        "12:30.mp4",
        "me@home/clip.mp4",
        "/dev/video0",
        "0",
        "picamera",
    ],
)
def test_what_holds_none_is_shown_as_it_is(location: str) -> None:
    assert without_secrets(location) == location
