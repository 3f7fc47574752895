"""Takes the pictures of the page that the README shows, of the real service in a real browser.

    python -m benchmarks.page_pictures apps/raspberry_pi

One camera plays the video that comes with edgevid, the other one is not there.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import edgevid
from benchmarks.parts.broker import free_port
from benchmarks.parts.browser import DESKTOP, PHONE, Browser
from edgevid.support.command import ArgumentParser

DEMO = Path(edgevid.__file__).parent / "bundled" / "demo.mp4"
CONFIG = """
[[camera]]
name = "front-door"
source = "{demo}"
[[camera]]
name = "workshop"
source = "/dev/video2"
[model]
name = "camera-motion"
[web]
port = {port}
[clips]
folder = "{folder}/clips"
before = 1.0
after = 1.0
"""


def main() -> None:
    """Runs the command."""
    parser = ArgumentParser(
        prog="python -m benchmarks.page_pictures", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument(
        "--wait", type=float, default=25.0, help="seconds before the pictures are taken"
    )
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config, port = Path(folder, "edgevid.toml"), free_port()
        config.write_text(CONFIG.format(demo=DEMO, folder=folder, port=port))
        service = subprocess.Popen(
            [sys.executable, "-m", "apps.raspberry_pi", "--config", str(config)]
        )
        try:
            time.sleep(chosen.wait)
            with Browser(Path(folder, "profile")) as browser:
                for name, size in (("desktop", DESKTOP), ("phone", PHONE)):
                    browser.look_as(size)
                    browser.go(f"http://127.0.0.1:{port}/")
                    browser.until("document.querySelector('#events .going-on')")
                    browser.until("document.querySelector('.camera img:not([hidden])')")
                    time.sleep(0.5)  # for the bars to have moved
                    print(browser.screenshot(chosen.folder / f"page-{name}.png"))
        finally:
            service.terminate()
            service.wait()


if __name__ == "__main__":
    main()
