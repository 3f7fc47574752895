"""Fetches one model file over HTTP: whole and checked, or not at all."""

from __future__ import annotations

import gzip
import http.client
import io
import socket
import ssl
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from edgevid.errors import DownloadError, EdgevidError
from edgevid.plain_text import one_line
from edgevid.support.atomic_file import atomic_file
from edgevid.version import __version__

TIMEOUT_S = 30.0  # for each answer and each piece of the file, not for the whole
MAX_BYTES = 64 << 20  # MoViNet-A2, the largest of the catalog, has 5 million int8 weights
_CHUNK_BYTES = 64 << 10
_GZIP_MARK = b"\x1f\x8b"


def fetch(
    addresses: Sequence[str],
    target: Path,
    *,
    check: Callable[[bytes], None],
    note: Callable[[bytes], None] | None = None,
    timeout: float = TIMEOUT_S,
    progress: bool = True,
) -> str:
    """Fetches a ``.tflite`` file from the first address that gives a good one.

    An address may also give a ``.tar.gz`` archive with one ``.tflite`` file inside.

    Args:
        addresses: http or https, in the order in which they are tried.
        target: where the file goes; its folder is made.
        check: raises an ``EdgevidError`` when the content is not what it should be.
        note: is given the content that is going to be the target, before it is.
        timeout: seconds to wait for a server that stays silent.
        progress: show a bar on standard error if that is a terminal.

    Returns:
        The address that gave the file.

    Raises:
        DownloadError: no address gave a good file.
        OutputError: the target cannot be written.
    """
    problems: dict[str, list[str]] = {}
    # The file is opened first: a folder that cannot be written to costs no download.
    with atomic_file(target, make_folder=True) as file:
        for address in addresses:
            try:
                content = _unpacked(_get(address, target.name, timeout, progress))
                check(content)
            except EdgevidError as error:
                problems.setdefault(one_line(str(error)), []).append(
                    urlsplit(address).hostname or address
                )
            else:
                if note is not None:
                    note(content)
                file.write(content)
                return address
        told = "; ".join(f"{', '.join(hosts)}: {what}" for what, hosts in problems.items())
        raise DownloadError(f"no address gives it ({told})")


def _get(address: str, name: str, timeout: float, progress: bool) -> bytes:
    """Returns what an address gives; everything that can go wrong is a ``DownloadError``."""
    from tqdm import tqdm

    # gzip here would only be undone again: the file is already dense.
    headers = {"User-Agent": f"edgevid/{__version__}", "Accept-Encoding": "identity"}
    try:
        _check_scheme(address, secure=False)
        request = urllib.request.Request(address, headers=headers)
        opener = urllib.request.build_opener(_Redirects)
        with opener.open(request, timeout=timeout) as response:
            expected = _length(response.headers)
            with tqdm(
                total=expected,
                desc=name,
                unit="B",
                unit_scale=True,
                disable=None if progress else True,  # None: unless it is a terminal
                leave=False,
            ) as bar:
                content = bytearray()
                while chunk := response.read1(_CHUNK_BYTES):
                    content += chunk
                    bar.update(len(chunk))
                    if len(content) > MAX_BYTES:
                        raise _too_large()
    except DownloadError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DownloadError(_reason(error, timeout)) from error
    if expected is not None and len(content) < expected:
        raise DownloadError(f"the connection broke off after {len(content)} of {expected} bytes")
    return bytes(content)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from an encrypted connection to an open one."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _check_scheme(newurl, secure=req.type == "https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_scheme(address: str, *, secure: bool) -> None:
    scheme = urlsplit(address).scheme
    if scheme != "https" and (secure or scheme != "http"):
        raise DownloadError(f"leads to an address that is not {'https' if secure else 'http(s)'}")


def _length(headers: http.client.HTTPMessage) -> int | None:
    text = headers.get("Content-Length", "")
    if not text.isdecimal():
        return None
    if int(text) > MAX_BYTES:
        raise _too_large()
    return int(text)


def _reason(error: Exception, timeout: float) -> str:
    """Says what went wrong in words of our own: a server's may be anything."""
    if isinstance(error, urllib.error.HTTPError):
        return f"{error.code} {http.client.responses.get(error.code, '')}".strip()
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        return _reason(error.reason, timeout)
    if isinstance(error, TimeoutError):
        return f"silent for {timeout:g} s"
    if isinstance(error, socket.gaierror):
        return "no such host, or no network"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, (ConnectionError, http.client.IncompleteRead)):
        return "the connection broke off"
    return f"it does not speak HTTP properly ({type(error).__name__})"


def _unpacked(content: bytes) -> bytes:
    """Returns the only ``.tflite`` file of a ``.tar.gz`` archive; anything else as it is."""
    if not content.startswith(_GZIP_MARK):
        return content
    try:
        # Unpacked whole, but no further than the limit: an archive can claim anything.
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            plain = packed.read(MAX_BYTES + 1)
        if len(plain) > MAX_BYTES:
            raise _too_large()
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
            found = [m for m in archive if m.isreg() and m.name.endswith(".tflite")]
            if len(found) != 1:
                raise DownloadError(f"the archive holds {len(found)} .tflite files, not 1")
            if found[0].size > MAX_BYTES:  # a sparse file can be larger than its archive
                raise _too_large()
            # Read, and never written under the name that the archive gives.
            file = archive.extractfile(found[0])
            return file.read() if file is not None else b""
    except DownloadError:
        raise
    except (OSError, EOFError, ValueError, zlib.error, tarfile.TarError) as error:
        raise DownloadError("the archive is damaged") from error


def _too_large() -> DownloadError:
    return DownloadError(f"larger than {MAX_BYTES >> 20} MB: this is no MoViNet")
