"""Addresses and paths: their kind, how they are opened, and their name without secrets."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

from edgevid.plain_text import readable

_USER_INFO_SAFE = "!$&'()*+,;=-._~%:"  # what may stand in user:password as it is (RFC 3986)
# Also user=admin_password=hush_channel=1_stream=0.sdp, as many cameras have it.
_SECRET = re.compile(
    r"(?i)(?<![a-z])(pass(?:word|wd|phrase|code)?|pwd|token|secret|key|auth|\w*session\w*|sid)="
    r"[^/&;]*?(?=[/&;]|_[a-z]+=|$)"
)
# Where servers of television take a user and a password: /live/USER/PASSWORD/channel.
_SECRET_FOLDERS = re.compile(r"(?i)/(live|movie|series|timeshift)/[^/]+/[^/]+(/|$)")
_USER_IN_PATH = re.compile(r"/[^/:]+:[^/]+(?=/|$)")  # /me:hush/stream
# Addresses that were written wrongly, with a user and a password: rtsp:me:hush@camera.
_MEANT = re.compile(r"(?i)(rtsps?|rtmps?|https?|srt|udp|tcp|ftp):?/{0,2}(?!/)(?=[^/]*:.*@)")


def is_url(location: str) -> bool:
    """Whether this is an address of the network rather than a path."""
    return "://" in location and not location.lower().startswith("file:")


def local_path(location: str) -> str:
    """Returns the path that a ``file:`` address stands for; a path as it is.

    Example:
        >>> local_path("file:///home/pi/my%20clip.mp4")
        '/home/pi/my clip.mp4'
    """
    if not location.lower().startswith("file:"):
        return location
    return unquote(urlsplit(location).path, errors="surrogateescape")


def encoded(location: str) -> str:
    """Returns an address whose user and password FFmpeg can read, whatever they hold.

    Passwords are written as they are by most people: with ``#``, ``/``, ``?`` or ``@``, which an
    address may only hold as ``%23`` and so on.

    Example:
        >>> encoded("rtsp://me:a/b#c@camera/live")
        'rtsp://me:a%2Fb%23c@camera/live'
    """
    scheme, _, rest = location.partition("://")
    user_info, at, host_and_path = _split_user_info(rest)
    if not at:
        return location
    safe = _USER_INFO_SAFE
    if re.search(r"%(?![0-9A-Fa-f]{2})", user_info):  # then it is not encoded yet
        safe = safe.replace("%", "")
    return f"{scheme}://{quote(user_info, safe=safe)}@{host_and_path}"


def _split_user_info(rest: str) -> tuple[str, str, str]:
    """Splits what follows ``scheme://`` into user and password, ``@``, host and path."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        user_info = authority.rpartition("@")[0]
        after = rest[len(user_info) + 1 :]
        # An @ before the first slash may itself be a part of the password: me:p@ss/w@camera.
        host = re.split(r"[/?#]", after, maxsplit=1)[0]
        if "@" not in after or re.search(r"\.|^localhost|^\[|:\d+$", host):
            return user_info, "@", after
    elif "@" not in rest or not (
        re.fullmatch(r"[^:]+:(?!\d+$).+", authority) or rest[len(authority)] == "#"
    ):
        return "", "", rest  # no user: host, or host:port
    return rest.rpartition("@")  # the password holds a slash, ? or #


def without_secrets(location: str) -> str:
    """Returns a location as it can be shown: without user, password, query, ``password=...``.

    What cannot be printed (a name that is not UTF-8, a line's end) is replaced by U+FFFD.

    Example:
        >>> without_secrets("rtsp://me:hush@camera/live?token=1")
        'rtsp://camera/live'
    """
    location = readable(location)
    location = _MEANT.sub(r"\1://", location, count=1) if _MEANT.match(location) else location
    if not is_url(location):
        return location
    scheme, _, rest = location.partition("://")
    # By the last @, not by the rules for addresses: a password may hold / and ? itself.
    rest = re.split("[?#]", rest.rpartition("@")[2])[0]
    rest = _USER_IN_PATH.sub("/...", _SECRET.sub(r"\1=...", rest))
    return f"{scheme}://" + _SECRET_FOLDERS.sub(r"/\1/...\2", rest)
