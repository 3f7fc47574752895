"""Two services that would share a folder: the second says so and ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.raspberry_pi import in_use
from edgevid import UsageError
from tests.apps.parts import until
from tests.apps.test_service import Place

SERVICE = """
import sys
from pathlib import Path
from apps.raspberry_pi import in_use
from edgevid.support.command import guard
def run():
    in_use.hold(Path(sys.argv[1]), "folder in [clips]")
    print("has it", flush=True)
    sys.stdin.read()
    return 0
in_use.PATIENCE_S = 0.1
sys.exit(guard(run))
"""


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    for running in made.started:
        running.process.kill()
        running.process.wait()


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SERVICE, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_second_names_the_first_and_ends(tmp_path: Path) -> None:
    with start(tmp_path) as first:
        assert first.stdout
        assert first.stdout.readline() == "has it\n"
        with start(tmp_path) as second:
            said = second.communicate()[1]
        assert (second.returncode, said) == (
            2,
            f"edgevid: {tmp_path}: in use by another service (process {first.pid}): stop that, "
            "or give this one a folder in [clips] of its own\n",
        )
        first.kill()
    with start(tmp_path) as third:  # nothing is left of who was killed
        assert third.communicate("")[0] == "has it\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shared", ["clips", "state"])
def test_the_second_of_two_whole_services_ends(services: Place, shared: str) -> None:
    """With exit code 2, which systemd does not restart."""
    pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")

    def settings(who: str) -> str:
        folders = {name: services.folder / f"{name} of {who}" for name in ("clips", "state")}
        folders[shared] = services.folder / "shared"
        return (
            f'[clips]\nfolder = "{folders["clips"]}"\n'
            f'[service]\nstate_folder = "{folders["state"]}"\n'
            '[mqtt]\nhost = "127.0.0.1"\nport = 1\n'
        )

    first = services.start(settings("first"))
    until(lambda: "front: live" in first.said())
    second = services.start(settings("second"))
    assert second.process.wait(60) == 2
    assert "in use by another service (process" in second.said()[-1]
    assert not any("Traceback" in line for line in second.said())
    assert first.process.poll() is None


def test_a_folder_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        in_use.hold(tmp_path / "none", "folder")


def test_who_has_it_is_left_out_where_the_system_does_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_use, "PATIENCE_S", 0.0)
    monkeypatch.setattr(Path, "read_text", lambda *_: "nothing of the kind\n1: FLOCK\n")
    in_use.hold(tmp_path, "folder")
    with pytest.raises(UsageError, match="by another service: stop that"):
        in_use.hold(tmp_path, "folder")
