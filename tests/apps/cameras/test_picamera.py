"""The whole service with the real picamera2, from its start to events at a real broker."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from benchmarks.picamera import root as picamera_root
from edgevid import open_source


def test_from_the_pis_camera_to_an_event_over_mqtt(
    picamera2_debian: Path, published_path: Path, carving_ice: Path, tmp_path: Path
) -> None:
    pytest.importorskip("paho.mqtt")
    from benchmarks.parts.broker import MOSQUITTO, Broker, Listener, wait_for

    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    with open_source(carving_ice) as source:
        picamera_root.show(picamera2_debian, [frame.image for frame in source])
    shutil.copy(published_path, picamera2_debian / "edgevid" / "model.tflite")
    with Broker(tmp_path) as broker, Listener(broker.port, "edgevid/#") as listener:
        (picamera2_debian / "edgevid" / "edgevid.toml").write_text(
            '[[camera]]\nname = "front"\nsource = "picamera"\nfit = "stretch"\n'
            '[model]\nname = "/edgevid/model.tflite"\n'
            '[service]\nstate_folder = "/edgevid/state"\n'
            f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
            "[web]\nenabled = false\n"
        )
        service = subprocess.Popen(
            picamera_root.command(
                picamera2_debian, "apps.raspberry_pi", "--config", "/edgevid/edgevid.toml"
            ),
            env={**picamera_root.ENVIRONMENT, "XDG_CACHE_HOME": "/edgevid/cache"},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            wait_for(lambda: listener.last("edgevid/front/event"), 60)
            started = listener.last("edgevid/front/event")
            service.send_signal(signal.SIGTERM)
            _, said = service.communicate(timeout=10)
        finally:
            service.kill()
        assert service.returncode == 0, said
        assert (started["event_type"], started["label"]) == ("start", "carving ice")
        wait_for(lambda: listener.last("edgevid/front/event")["event_type"] == "end")
    assert "front: live" in said
