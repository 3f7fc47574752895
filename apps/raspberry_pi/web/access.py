"""Access to the page: token, cookie, and headers for browsers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Iterator
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOG = logging.getLogger("edgevid.web")

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "media-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_OPEN = ("/style.css", "/icon.svg", "/favicon.ico")  # what the form to log in with is made of
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_COOKIE_S = 180 * 24 * 3600
_WRONG_S = 1.0  # how long a wrong token is thought about
_LONGEST_FORM = 4096  # bytes


class AccessControl:
    """Requires the token; where none is set, requires that the host name is this machine's own.

    A page that listens on loopback needs no token, but a website could have its own name point at
    127.0.0.1 and read the page through the browser of a visitor (DNS rebinding). The
    Host header then has that name.

    Args:
        app: what it guards.
        token: None where only this machine can connect.
        form: the page to log in with.
    """

    def __init__(self, app: ASGIApp, token: str | None, form: bytes) -> None:
        self._app, self._form = app, form
        self._token = token.encode() if token else None
        # Not the token itself: a cookie that is seen does not reveal it.
        self._cookie = (
            hmac.new(token.encode(), b"cookie", hashlib.sha256).hexdigest() if token else ""
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or has it answered."""
        if scope["type"] != "http":
            return
        answer = await self._answer(Request(scope, receive))

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await (answer or self._app)(scope, receive, send_guarded)

    async def _answer(self, request: Request) -> Response | None:
        """Returns what to say in place of the page; None to let the request through."""
        if self._token is None:
            if _host(request.headers) in _LOOPBACK:
                return None
            return PlainTextResponse("This page is at http://localhost only.\n", 421)
        # The path by which it is answered. That of request.url depends on the Host header.
        path = request.scope["path"]
        if path == "/login" and request.method == "POST":
            return await self._log_in(request)
        if path == "/" and "token" in request.query_params:
            return await self._enter(request, request.query_params["token"], by_link=True)
        if path in _OPEN:
            return None
        tokens, cookies = list(_tokens(request.headers)), list(_cookies(request))
        if any(map(self._is_token, tokens)) or any(map(self._is_cookie, cookies)):
            return None
        if tokens or cookies:
            await _wrong(request, "in its Authorization header" if tokens else "as a cookie")
        answer = (
            Response(self._form, 401, media_type="text/html")
            if "text/html" in request.headers.get("accept", "")
            else PlainTextResponse(
                "A token is needed.\n", 401, {"WWW-Authenticate": 'Bearer realm="edgevid"'}
            )
        )
        if cookies:  # the token has been changed: it need not be sent, and waited for, again
            answer.delete_cookie(_cookie_name(request), httponly=True, samesite="strict")
        return answer

    def _is_token(self, given: str) -> bool:
        assert self._token is not None
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._token)

    def _is_cookie(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._cookie.encode())

    async def _log_in(self, request: Request) -> Response:
        body = b""
        try:
            async for part in request.stream():
                body += part
                if len(body) > _LONGEST_FORM:
                    return PlainTextResponse("That is too long.\n", 413, {"Connection": "close"})
        except ClientDisconnect:
            return PlainTextResponse("", 400)
        given = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
        return await self._enter(request, given.strip(), by_link=False)

    async def _enter(self, request: Request, given: str, *, by_link: bool) -> Response:
        if not self._is_token(given):
            await _wrong(request, "by a link" if by_link else "in the form")
            return Response(self._form.replace(b"hidden", b"", 1), 401, media_type="text/html")
        # Someone who comes by a link from elsewhere would, after a redirect, still count as
        # coming from there, and a strict cookie be held back: so the page itself goes on.
        answer: Response = RedirectResponse("/", 303)
        if by_link:
            answer = PlainTextResponse("", 200, {"Refresh": "0; url=/"})
        answer.set_cookie(
            _cookie_name(request),
            self._cookie,
            max_age=_COOKIE_S,
            httponly=True,
            samesite="strict",
        )
        return answer


async def _wrong(request: Request, where: str) -> None:
    """Takes note of a wrong token, and of the time that it is to cost."""
    host = request.client.host if request.client else "somewhere"
    _LOG.warning("%s sent a wrong token %s", host, where)
    await asyncio.sleep(_WRONG_S)


def _tokens(headers: Headers) -> Iterator[str]:
    """Yields the tokens that a program sends."""
    for value in headers.getlist("authorization"):
        scheme, _, given = value.partition(" ")
        if scheme.lower() == "bearer" and given.strip():
            yield given.strip()


def _cookie_name(request: Request) -> str:
    """Returns the name of our cookie. Cookies are shared by all ports of a host."""
    _, port = request.scope["server"]
    return f"edgevid_{port}"


def _cookies(request: Request) -> Iterator[str]:
    """Yields what a browser sends as our cookie.

    Others may be there that break every rule of how a cookie looks.
    """
    wanted = _cookie_name(request)
    for value in request.headers.getlist("cookie"):
        for pair in value.split(";"):
            name, _, given = pair.partition("=")
            if name.strip() == wanted and given.strip():
                yield given.strip().strip('"')


def _host(headers: Headers) -> str:
    """Returns the name by which the page was asked for, without the port."""
    host = headers.get("host", "")
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
