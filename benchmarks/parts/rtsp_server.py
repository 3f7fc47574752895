"""A network camera: serves a red picture, or those that it is given, over RTSP until it is killed.

Run by the system's own Python, for which Debian has the bindings:

    apt install gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good \\
        gstreamer1.0-plugins-ugly
    python3 benchmarks/parts/rtsp_server.py RRGGBB USER PASSWORD [PORT]
    python3 benchmarks/parts/rtsp_server.py WIDTHxHEIGHT USER PASSWORD [PORT] < PICTURES

Prints the port that it listens on: any that is free unless told. Pictures are RGB, three bytes a
pixel, one after the other; who connects sees those that come from then on.
"""

import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

COLOUR = (
    "videotestsrc is-live=true pattern=solid-color foreground-color=0xff{colour} "
    "! video/x-raw,width=160,height=120,framerate=15/1 "
    "! x264enc tune=zerolatency key-int-max=5"
)
# Of one quality throughout, also after a cut, which no camera has and collections of videos do.
PICTURES = (
    "appsrc name=pictures is-live=true do-timestamp=true format=time max-buffers=2 "
    "leaky-type=downstream caps=video/x-raw,format=RGB,width={width},height={height},framerate=0/1 "
    "! videoconvert ! video/x-raw,format=I420 "
    "! x264enc tune=zerolatency speed-preset=veryfast key-int-max=30 pass=qual quantizer=20"
)


def main(shown: str, user: str, password: str, port: str = "0") -> None:
    """Serves until it is killed, or until no more pictures come."""
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

    width, _, height = shown.partition("x")
    pipeline = (PICTURES if height else COLOUR).format(colour=shown, width=width, height=height)
    launch = f"( {pipeline} ! rtph264pay name=pay0 )"
    factory = GstRtspServer.RTSPMediaFactory(launch=launch, shared=True)
    may = "watcher, media.factory.access=true, media.factory.construct=true"
    factory.add_role_from_structure(Gst.Structure.new_from_string(may))
    server.get_mount_points().add_factory("/live", factory)

    server.attach(None)
    print(server.get_bound_port(), flush=True)
    loop = GLib.MainLoop()
    if height:
        given = (factory, 3 * int(width) * int(height), loop)
        threading.Thread(target=pass_on, args=given, daemon=True).start()
    loop.run()


def pass_on(factory: GstRtspServer.RTSPMediaFactory, size: int, loop: GLib.MainLoop) -> None:
    """Passes pictures on, so many bytes each, to whoever watches; others are gone."""
    watched = []
    factory.connect(
        "media-configure",
        lambda _, media: watched.append(media.get_element().get_by_name_recurse_up("pictures")),
    )
    while len(picture := sys.stdin.buffer.read(size)) == size:
        for source in watched[-1:]:
            source.emit("push-buffer", Gst.Buffer.new_wrapped(picture))
    loop.quit()


if __name__ == "__main__":
    main(*sys.argv[1:])
