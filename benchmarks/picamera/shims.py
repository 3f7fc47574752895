"""Lets the real picamera2 run on libcamera's virtual camera, on a machine that is no Pi.

Import it before picamera2. Four things differ from a Pi, and only these are replaced: there is
no screen to draw on (``pykms``), no raw stream, no memory that devices share, and nothing that
paces the camera: it gives pictures as fast as they are taken.
"""

import mmap
import os
import sys
import time
from types import ModuleType
from typing import Any

FPS = 30


class _Anything:
    def __getattr__(self, name: str) -> Any:
        return name


_screen = ModuleType("pykms")
_screen.PixelFormat = _Anything()  # type: ignore[attr-defined]
sys.modules["pykms"] = _screen

import libcamera  # noqa: E402
import picamera2.picamera2 as module  # noqa: E402
from picamera2.allocators import DmaAllocator  # noqa: E402
from picamera2.allocators.allocator import Allocator, Sync  # noqa: E402


def _modes(self: Any) -> list[dict[str, Any]]:
    formats = self.camera.generate_configuration([libcamera.StreamRole.Viewfinder]).at(0).formats
    return [
        {"format": str(pixels), "size": (size.width, size.height)}
        for pixels in formats.pixel_formats
        for size in formats.sizes(pixels)
    ]


class _MemoryAllocator(DmaAllocator):
    """Plain memory; of the virtual camera's one format, NV12, which it wants as two planes."""

    class _NoSync(Sync):
        def __init__(self, allocator: Any, buffer: Any, write: bool) -> None:
            self._memory = allocator.mapped_buffers[buffer]

        def __enter__(self) -> Any:
            return self._memory

        def __exit__(self, *error: object) -> None:
            pass

    def __init__(self) -> None:
        Allocator.__init__(self)
        self.mapped_buffers: dict[Any, mmap.mmap] = {}
        self.mapped_buffers_used: dict[int, bool] = {}
        self.frame_buffers: dict[Any, list[Any]] = {}
        self.open_fds: list[int] = []
        self.libcamera_fds: list[int] = []
        self.dmaHeap = None
        self.sync = self._NoSync

    def allocate(self, libcamera_config: Any, use_case: object) -> None:
        self.close()
        for stream in libcamera_config:
            luma = stream.stride * stream.size.height
            self.frame_buffers[stream.stream] = [
                self._buffer(luma, stream.frame_size) for _ in range(stream.buffer_count)
            ]

    def _buffer(self, luma: int, size: int) -> Any:
        fd = os.memfd_create("picture")
        os.ftruncate(fd, size)
        self.open_fds.append(fd)
        planes = []
        for offset, length in ((0, luma), (luma, size - luma)):
            plane = libcamera.FrameBuffer.Plane()
            plane.fd, plane.offset, plane.length = fd, offset, length
            planes.append(plane)
        self.libcamera_fds.append(planes[0].fd)
        self.mapped_buffers_used[planes[0].fd] = False
        buffer = libcamera.FrameBuffer(planes)
        self.mapped_buffers[buffer] = mmap.mmap(fd, size)
        return buffer


_process_requests = module.Picamera2.process_requests


def _paced(self: Any, display: Any) -> None:
    time.sleep(1 / FPS)
    _process_requests(self, display)


module.Picamera2._get_raw_modes = _modes
module.Picamera2.process_requests = _paced
module.DmaAllocator = _MemoryAllocator
