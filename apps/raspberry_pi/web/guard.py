"""Who may see the page, and what a browser may do with it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_OPEN = ("/style.css", "/icon.svg")  # what the form to log in with is made of
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_COOKIE = "edgevid"
_COOKIE_S = 180 * 24 * 3600
_WRONG_S = 1.0  # how long a wrong token is thought about
_LONGEST_FORM = 4096  # bytes


class Guard:
    """Lets nobody through without the token; without one, nobody who comes by another name.

    A page that listens on loopback needs no token, but a website could have its own name point at
    127.0.0.1 and read the page through the browser of whoever visits it (DNS rebinding). The
    Host header then has that name.

    Args:
        app: what it guards.
        token: None where only this machine can connect.
        form: the page to log in with.
    """

    def __init__(self, app: ASGIApp, token: str | None, form: bytes) -> None:
        self._app, self._form = app, form
        self._token = token.encode() if token else None
        # Not the token itself: a cookie that is seen gives the token away to nobody.
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
        if request.url.path == "/login" and request.method == "POST":
            return await self._log_in(request)
        if request.url.path == "/" and "token" in request.query_params:
            return await self._enter(request.query_params["token"], by_link=True)
        if request.url.path in _OPEN or self._is_known(request.headers):
            return None
        if "text/html" in request.headers.get("accept", ""):
            return Response(self._form, 401, media_type="text/html")
        return PlainTextResponse(
            "A token is needed.\n", 401, {"WWW-Authenticate": 'Bearer realm="edgevid"'}
        )

    def _is_known(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._is_token(given.strip())
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(_COOKIE)
        except CookieError:
            return False
        return cookie is not None and hmac.compare_digest(
            cookie.value.encode(), self._cookie.encode()
        )

    def _is_token(self, given: str) -> bool:
        assert self._token is not None
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._token)

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
        return await self._enter(given.strip(), by_link=False)

    async def _enter(self, given: str, *, by_link: bool) -> Response:
        if not self._is_token(given):
            await asyncio.sleep(_WRONG_S)
            return Response(self._form.replace(b"hidden", b"", 1), 401, media_type="text/html")
        # Someone who comes by a link from elsewhere would, after a redirect, still count as
        # coming from there, and a strict cookie be held back: so the page itself goes on.
        answer: Response = RedirectResponse("/", 303)
        if by_link:
            answer = PlainTextResponse("", 200, {"Refresh": "0; url=/"})
        answer.set_cookie(
            _COOKIE, self._cookie, max_age=_COOKIE_S, httponly=True, samesite="strict"
        )
        return answer


def _host(headers: Headers) -> str:
    """Returns the name by which the page was asked for, without the port."""
    host = headers.get("host", "")
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
