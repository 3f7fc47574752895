"""A network camera: serves a red picture over RTSP until it is killed.

Run by the system's own Python, for which Debian has the bindings:

    apt install gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good \\
        gstreamer1.0-plugins-ugly
    python3 benchmarks/parts/rtsp_server.py RRGGBB USER PASSWORD [PORT]

Prints the port that it listens on: any that is free unless told.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PIPELINE = (
    "( videotestsrc is-live=true pattern=solid-color foreground-color=0xff{colour} "
    "! video/x-raw,width=160,height=120,framerate=15/1 "
    "! x264enc tune=zerolatency key-int-max=5 ! rtph264pay name=pay0 )"
)


def main(colour: str, user: str, password: str, port: str = "0") -> None:
    """Serves until it is killed."""
    Gst.init(None)
    missing = [name for name in ("x264enc", "rtph264pay") if not Gst.ElementFactory.find(name)]
    if missing:
        sys.exit(f"GStreamer lacks {', '.join(missing)}")
    server = GstRtspServer.RTSPServer(service=port, address="127.0.0.1")

    auth = GstRtspServer.RTSPAuth()
    watcher = GstRtspServer.RTSPToken()
    watcher.set_string("media.factory.role", "watcher")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), watcher)
    server.set_auth(auth)

    factory = GstRtspServer.RTSPMediaFactory(launch=PIPELINE.format(colour=colour), shared=True)
    may = "watcher, media.factory.access=true, media.factory.construct=true"
    factory.add_role_from_structure(Gst.Structure.new_from_string(may))
    server.get_mount_points().add_factory("/live", factory)

    server.attach(None)
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
