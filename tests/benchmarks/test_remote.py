"""The board is this machine, reached through a real sshd on loopback where there is one."""

from __future__ import annotations

import getpass
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.latency import main

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin")


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[str]:
    """The ssh command that reaches a server of our own, as this user."""
    if SSHD is None:
        pytest.skip("sshd is not installed")
    for name in ("host", "user"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(key, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nStrictModes no\n"
        f"AuthorizedKeysFile {tmp_path}/user.pub\nPidFile none\nUsePAM no\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen(
        [SSHD, "-D", "-e", "-f", str(config)], stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    try:
        for _ in range(50):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield (
            f"ssh -p {port} -i {tmp_path}/user -o BatchMode=yes -o StrictHostKeyChecking=no "
            f"-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        )
    finally:
        server.terminate()
        server.wait(10)


def test_figures_come_back_from_the_board(ssh: str, published_path: Path, tmp_path: Path) -> None:
    """Its environment is this one, linked: the network that pip needs is not the point."""
    home, out = tmp_path / "home", tmp_path / "board.json"
    environment = home / ".cache/edgevid-bench/.venv/bin"
    environment.mkdir(parents=True)
    (environment / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (environment / "pip").write_text("#!/bin/sh\n")
    for name in ("python", "pip"):
        (environment / name).chmod(0o755)
    # Where a login would set a home, this says it in front of every command.
    wrapper = tmp_path / "ssh-with-home"
    wrapper.write_text(
        '#!/bin/sh\nfor last; do :; done\nargs=""\nwhile [ $# -gt 1 ]; do args="$args $1"; shift; '
        f'done\nexec {ssh} $args "cd {home} && $last"\n'
    )
    wrapper.chmod(0o755)
    host = f"{getpass.getuser()}@127.0.0.1"
    arguments = [str(published_path), "--quick", "--host", host, "--ssh", str(wrapper)]
    assert main([*arguments, "--json", str(out)]) == 0
    (model,) = json.loads(out.read_text())["models"]
    assert model["ways"]["back to back"]["p50"] > 0


def test_a_host_that_does_not_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--host", "pi@board", "--ssh", "false"]) == 1
    assert "pi@board: ended with 1" in capsys.readouterr().err


def test_without_ssh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--host", "pi@board", "--ssh", str(tmp_path / "none")]) == 1
    assert "cannot be run" in capsys.readouterr().err


def test_a_host_is_no_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--host=-oProxyCommand=x"]) == 2
    assert "is no host" in capsys.readouterr().err
