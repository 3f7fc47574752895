"""Requests that change something: only from the page itself, small, and JSON."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request

_LONGEST = 16 << 10  # bytes


class RefusedError(Exception):
    """A request is not done.

    Attributes:
        status: of the answer.
    """

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


async def asked(request: Request) -> dict[str, Any]:
    """Returns the object that a request brings.

    Another website's page can have a browser send requests here, with our cookie where its
    strictness fails, or without any where no token is needed. It cannot send JSON without asking
    first, which we never allow, nor hide where it comes from.

    Raises:
        RefusedError: it comes from elsewhere, is too long, or is no such object.
    """
    headers = request.headers
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise RefusedError(403, "This page takes requests from itself alone.")
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        raise RefusedError(403, "This page takes requests from itself alone.")
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise RefusedError(415, "Send JSON.")
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > _LONGEST:
                raise RefusedError(413, "That is too long.")
    except ClientDisconnect as error:
        raise RefusedError(400, "") from error
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "That is no JSON.") from error
    if not isinstance(found, dict):
        raise RefusedError(400, "Send an object.")
    return found
