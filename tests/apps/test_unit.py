"""What systemd makes of the unit, where there is a systemd to ask."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

import apps.raspberry_pi as app

UNIT = Path(app.__file__).with_name("edgevid.service")


def test_it_is_hardened() -> None:
    """systemd's own measure, 0 to 10; to speak to a network and to see cameras costs 1.7."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze is too old")
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_asks_for_what_the_service_offers() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) > 0
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["User"] == "edgevid"
    assert "-m apps.raspberry_pi --config" in service["ExecStart"]
    assert service["RestartPreventExitStatus"] == "2"  # a wrong config
    assert service["MemoryMax"].endswith("%")  # of the machine, whichever that is
    # The last of several: what teaches lowers its own priority, which @resources forbids.
    assert service["SystemCallFilter"].split() == ["setpriority", "sched_setscheduler"]
