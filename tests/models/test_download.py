from __future__ import annotations

import gzip
import io
import os
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from benchmarks.parts.local_server import LocalServer
from edgevid.errors import DownloadError, ModelError, OutputError
from edgevid.models import download

MODEL = bytes(range(256)) * 2000  # some pieces of what arrives at a time


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "model.tflite"


def is_model(content: bytes) -> None:
    if content != MODEL:
        raise ModelError(f"not the model but {len(content)} bytes of something")


def fetch(target: Path, *addresses: str, timeout: float = 10) -> str:
    return download.fetch(addresses, target, check=is_model, timeout=timeout, progress=False)


def assert_nothing_left(target: Path) -> None:
    assert not target.parent.exists() or list(target.parent.iterdir()) == []


def tar_gz(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def test_a_good_file_arrives_whole(server: LocalServer, target: Path) -> None:
    address = server.give("/a", MODEL)
    assert fetch(target, address) == address
    assert target.read_bytes() == MODEL
    assert list(target.parent.iterdir()) == [target]
    [(_, headers)] = server.requests
    assert headers["User-Agent"].startswith("edgevid/")


def test_a_file_that_fails_its_check_leaves_nothing(server: LocalServer, target: Path) -> None:
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1: not the model but 5 bytes"):
        fetch(target, server.give("/a", b"wrong"))
    assert_nothing_left(target)


def test_a_failed_download_leaves_the_file_that_was_there(
    server: LocalServer, target: Path
) -> None:
    target.parent.mkdir()
    target.write_bytes(b"old")
    with pytest.raises(DownloadError):
        fetch(target, server.give("/a", b"wrong"))
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


def test_a_cut_connection(server: LocalServer, target: Path) -> None:
    address = server.give("/a", MODEL[:-1], claim=len(MODEL))
    with pytest.raises(DownloadError, match=f"broke off after {len(MODEL) - 1} of {len(MODEL)}"):
        fetch(target, address)
    assert_nothing_left(target)


def test_a_cut_connection_whose_length_was_not_announced(server: LocalServer, target: Path) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.protocol_version = "HTTP/1.1"
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(b"100\r\n" + MODEL[:100])

    with pytest.raises(DownloadError, match="the connection broke off"):
        fetch(target, server.on("/a", answer))
    assert_nothing_left(target)


def test_a_server_that_hangs_up_without_a_word(server: LocalServer, target: Path) -> None:
    with pytest.raises(DownloadError, match="the connection broke off"):
        fetch(target, server.on("/a", lambda request: None))
    assert_nothing_left(target)


def test_a_server_that_does_not_speak_http(server: LocalServer, target: Path) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")

    with pytest.raises(DownloadError, match="does not speak HTTP"):
        fetch(target, server.on("/a", answer))


@pytest.mark.parametrize("sent", [0, 1000], ids=["before the file", "within the file"])
def test_a_server_that_stalls(server: LocalServer, target: Path, sent: int) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        if sent:
            request.send_response(200)
            request.send_header("Content-Length", str(len(MODEL)))
            request.end_headers()
            request.wfile.write(MODEL[:sent])
        server.stopping.wait()

    with pytest.raises(DownloadError, match=r"silent for 0\.2 s"):
        fetch(target, server.on("/a", answer), timeout=0.2)
    assert_nothing_left(target)


def test_the_next_address_is_tried(server: LocalServer, target: Path) -> None:
    good = server.give("/good", MODEL)
    addresses = (server.root + "/nothing-here", server.give("/bad", b"wrong"), good)
    assert fetch(target, *addresses) == good
    assert [path for path, _ in server.requests] == ["/nothing-here", "/bad", "/good"]
    assert target.read_bytes() == MODEL


def test_every_problem_is_told_once_and_in_one_line(server: LocalServer, target: Path) -> None:
    addresses = (server.root + "/a", server.root + "/b", server.give("/c", b"wrong"))
    with pytest.raises(DownloadError) as caught:
        fetch(target, *addresses)
    assert str(caught.value) == (
        "no address gives it (127.0.0.1, 127.0.0.1: 404 Not Found; "
        "127.0.0.1: not the model but 5 bytes of something)"
    )


def test_a_servers_own_words_are_not_repeated(server: LocalServer, target: Path) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(503, "\x1b[2J trust me")
        request.end_headers()

    with pytest.raises(DownloadError, match="503 Service Unavailable") as caught:
        fetch(target, server.on("/a", answer))
    assert "\x1b" not in str(caught.value)


def test_nobody_listens(target: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(DownloadError, match="Connection refused"):
        fetch(target, f"http://127.0.0.1:{port}/")
    assert_nothing_left(target)


def test_no_network(monkeypatch: pytest.MonkeyPatch, target: Path) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    # A name server out of reach is not to be had on every machine that runs the tests.
    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    with pytest.raises(DownloadError, match="no such host, or no network"):
        fetch(target, "http://models.invalid/a")
    assert_nothing_left(target)


def test_a_folder_that_cannot_be_made_costs_no_download(
    server: LocalServer, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(OutputError, match=r"model\.tflite: cannot be written: .+"):
        fetch(tmp_path / "cache" / "model.tflite", server.give("/a", MODEL))
    assert server.requests == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(server: LocalServer, target: Path) -> None:
    target.parent.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        fetch(target, server.give("/a", MODEL))
    assert server.requests == []


def test_a_disk_that_fills_up(server: LocalServer, target: Path) -> None:
    address = server.give("/a", MODEL)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(MODEL) // 2, before[1]))
    try:
        with pytest.raises(OutputError, match="cannot be written: File too large"):
            fetch(target, address)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert_nothing_left(target)


def test_an_interrupted_download_leaves_nothing(server: LocalServer, target: Path) -> None:
    def interrupt(content: bytes) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download.fetch([server.give("/a", MODEL)], target, check=interrupt, progress=False)
    assert_nothing_left(target)


def test_two_processes_at_once(server: LocalServer, target: Path) -> None:
    both_are_here = threading.Barrier(2)

    def answer(request: BaseHTTPRequestHandler) -> None:
        both_are_here.wait(timeout=60)
        request.send_response(200)
        request.send_header("Content-Length", str(len(MODEL)))
        request.end_headers()
        request.wfile.write(MODEL)

    program = (
        "import sys; from pathlib import Path; from edgevid.models import download; "
        "download.fetch([sys.argv[1]], Path(sys.argv[2]), check=len, progress=False)"
    )
    command = [sys.executable, "-c", program, server.on("/a", answer), str(target)]
    running = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(timeout=60) for process in running] == [0, 0]
    assert target.read_bytes() == MODEL
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("claim", [True, False], ids=["announced", "not announced"])
def test_a_file_over_the_limit(
    server: LocalServer, target: Path, monkeypatch: pytest.MonkeyPatch, claim: bool
) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", 1000)

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        if claim:
            request.send_header("Content-Length", str(len(MODEL)))
        request.end_headers()
        request.wfile.write(MODEL)

    with pytest.raises(DownloadError, match="larger than"):
        fetch(target, server.on("/a", answer))
    assert_nothing_left(target)


@pytest.mark.parametrize("address", ["file:///etc/hostname", "ftp://127.0.0.1/a", "model.tflite"])
def test_only_http(target: Path, address: str) -> None:
    with pytest.raises(DownloadError, match=r"not http\(s\)"):
        fetch(target, address)


def test_a_redirect_is_followed(server: LocalServer, target: Path) -> None:
    fetch(target, server.redirect("/a", server.give("/b", MODEL)))
    assert target.read_bytes() == MODEL


@pytest.mark.parametrize("elsewhere", ["file:///etc/hostname", "ftp://127.0.0.1/a"])
def test_a_redirect_away_from_http_is_refused(
    server: LocalServer, target: Path, elsewhere: str
) -> None:
    with pytest.raises(DownloadError, match=r"302 Found|not http\(s\)"):
        fetch(target, server.redirect("/a", elsewhere))


def test_a_redirect_in_a_circle_ends(server: LocalServer, target: Path) -> None:
    with pytest.raises(DownloadError, match="302 Found"):
        fetch(target, server.redirect("/a", server.root + "/a"))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl program")
    path = tmp_path / "certificate.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", str(path)),
        ],
        check=True,
        capture_output=True,
    )
    return path


@pytest.fixture
def secure_server(certificate: Path) -> Iterator[LocalServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)  # the key is in the same file
    with LocalServer(tls=context) as running:
        yield running


def test_a_certificate_that_nobody_vouches_for(secure_server: LocalServer, target: Path) -> None:
    with pytest.raises(DownloadError, match="certificate is not trusted"):
        fetch(target, secure_server.give("/a", MODEL))
    assert_nothing_left(target)


def test_a_redirect_from_https_to_http_is_refused(
    secure_server: LocalServer,
    server: LocalServer,
    certificate: Path,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    fetch(target, secure_server.give("/a", MODEL))  # the connection itself is fine
    with pytest.raises(DownloadError, match="not https"):
        fetch(target, secure_server.redirect("/b", server.give("/b", MODEL)))
    assert server.requests == []


def test_an_archive_gives_its_model(server: LocalServer, target: Path) -> None:
    fetch(target, server.give("/a", tar_gz(**{"README": b"hello", "1.tflite": MODEL})))
    assert target.read_bytes() == MODEL


def test_a_path_in_an_archive_leads_nowhere(
    server: LocalServer, target: Path, tmp_path: Path
) -> None:
    fetch(target, server.give("/a", tar_gz(**{"../../escaped.tflite": MODEL})))
    assert target.read_bytes() == MODEL
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["cache", "model.tflite"]


def test_a_link_in_an_archive_is_no_model(server: LocalServer, target: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        link = tarfile.TarInfo("1.tflite")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    with pytest.raises(DownloadError, match=r"holds 0 \.tflite files"):
        fetch(target, server.give("/a", packed.getvalue()))


@pytest.mark.parametrize(
    ("archive", "problem"),
    [
        (tar_gz(**{"README": b"hello"}), r"holds 0 \.tflite files"),
        (tar_gz(**{"1.tflite": MODEL, "2.tflite": MODEL}), r"holds 2 \.tflite files"),
        (tar_gz(**{"1.tflite": MODEL})[:-20], "the archive is damaged"),
        (gzip.compress(b"1.tflite" + b"\0" * 504), "the archive is damaged"),
        (gzip.compress(b"not a tar file"), "the archive is damaged"),
        (b"\x1f\x8b" + MODEL, "the archive is damaged"),
    ],
    ids=["no model", "two models", "cut", "no header", "no tar", "no gzip"],
)
def test_a_bad_archive(server: LocalServer, target: Path, archive: bytes, problem: str) -> None:
    with pytest.raises(DownloadError, match=problem):
        fetch(target, server.give("/a", archive))
    assert_nothing_left(target)


def test_an_archive_that_unpacks_without_end(
    server: LocalServer, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", 100_000)
    bomb = tar_gz(**{"1.tflite": bytes(10_000_000)})
    assert len(bomb) < download.MAX_BYTES
    with pytest.raises(DownloadError, match="larger than"):
        fetch(target, server.give("/a", bomb))


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [_Terminal(), io.StringIO()], ids=["terminal", "log file"])
def test_a_bar_is_for_terminals_only(
    server: LocalServer, target: Path, monkeypatch: pytest.MonkeyPatch, stream: io.StringIO
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    download.fetch([server.give("/a", MODEL)], target, check=is_model)
    assert ("model.tflite" in stream.getvalue()) == stream.isatty()
