"""The address that the page listens at: there now, not there yet, or wrong."""

from __future__ import annotations

import errno
import socket

from edgevid import UsageError

# What may come right by itself: an address that the network has yet to give, a port that another
# program still holds, a moment without memory.
_NOT_YET = (
    *(errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.ENETUNREACH, errno.ENODEV),
    *(errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN, errno.EINTR),
)
_NAME_NOT_YET = (socket.EAI_AGAIN, socket.EAI_MEMORY, socket.EAI_SYSTEM)

BACKLOG = 1024  # clients that may wait to be let in


class NotYetError(Exception):
    """The address cannot be listened at now; the message says why."""


def bind(host: str, port: int) -> socket.socket:
    """Returns a socket that listens.

    Raises:
        NotYetError: it cannot be had now.
        UsageError: it can never be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "no possible name"
        problem = f"the page cannot be at {host}, port {port}: {why}"
        number = getattr(error, "errno", None)
        if number in (_NAME_NOT_YET if isinstance(error, socket.gaierror) else _NOT_YET):
            raise NotYetError(problem) from error
        raise UsageError(f"[web]: {problem}") from error
