"""Writes a video of the seconds around each event, with a JSON file beside it.

The last seconds of each camera are held in memory as JPEG, which costs less, always, than H.264
would, and needs no encoder's memory. When an action starts they are written one by one, whenever
nothing else is to be done, and then what comes, as it comes: no frame waits for all of them.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime

from apps.raspberry_pi.bus import CameraEvent
from apps.raspberry_pi.clips.folder import ClipFolder, waiting
from apps.raspberry_pi.config import ClipsConfig
from apps.raspberry_pi.pictures import Picture, bgr, from_jpeg, jpeg
from edgevid import EdgevidError, Frame, open_video
from edgevid.support.atomic_file import atomic_file

_RING_BYTES = 32 << 20  # that the last seconds of a camera may take up
_LONGEST_S = 60.0  # of what follows, however many actions start meanwhile
_SILENCE_S = 2.0  # a camera that gives nothing for so long ends its clip

_Held = tuple[float, bytes]  # moment, JPEG


class Clips:
    """The clips of all cameras. Belongs to one thread.

    Every method raises ``OutputError`` when a clip cannot be written; of that clip stays what was
    written before, where that is possible, and with the next event another is tried.

    Args:
        config: where, how much, how long.
        fps: frames a second that the cameras give.

    Attributes:
        written: clips that became whole.
    """

    def __init__(self, config: ClipsConfig, fps: float) -> None:
        assert config.folder is not None
        self.written = 0
        self._config = config
        self._fps = fps
        self._folder = ClipFolder(config.folder, config.budget_mb)
        self._rings: dict[str, _Ring] = {}
        self._clips: dict[str, _Clip] = {}

    def frame(self, name: str, frame: Frame) -> None:
        """Takes a camera's next frame."""
        picture, moment = bgr(frame.image), frame.timestamp
        data = jpeg(picture)
        if name not in self._rings:
            self._rings[name] = _Ring(self._config.before)
        self._rings[name].add(moment, data)
        clip = self._clips.get(name)
        if clip is None:
            return
        if moment > clip.until or moment - clip.last > _SILENCE_S:
            self._end(name)
            return
        with self._ending_early(name):
            clip.take(moment, picture, data)

    def catch_up(self) -> None:
        """Writes one more of the pictures that were in memory when a clip began, if there are."""
        for name, clip in self._clips.items():
            if clip.is_behind:
                with self._ending_early(name):
                    clip.catch_up()
                return

    @property
    def is_behind(self) -> bool:
        """Whether there is something for ``catch_up`` to do."""
        return any(clip.is_behind for clip in self._clips.values())

    def event(self, found: CameraEvent) -> None:
        """Starts a clip when an action starts; notes events in the one that is being written."""
        clip = self._clips.get(found.camera)
        if clip is None and found.event.state == "start":
            clip = self._start(found.camera, found.event.timestamp, found.at)
        if clip is None:
            return
        clip.events.append(found)
        if found.event.state == "start":
            clip.until = min(found.event.timestamp + self._config.after, clip.began + _LONGEST_S)

    def start_all(self) -> None:
        """Starts a clip of each camera that is not being written already."""
        now = time.monotonic()
        for name in self._rings.keys() - self._clips.keys():
            self._start(name, now, time.time())

    def end_silent(self, now: float) -> None:
        """Ends the clips of cameras that give nothing any more.

        Args:
            now: monotonic seconds.
        """
        for name in [n for n, clip in self._clips.items() if now - clip.last > _SILENCE_S]:
            self._end(name)

    def end_all(self) -> None:
        """Ends every clip, whatever becomes of the others."""
        with ExitStack() as ends:
            for name in list(self._clips):
                ends.callback(self._end, name)

    def close(self) -> None:
        """Ends every clip, and lets another service have the folder."""
        try:
            self.end_all()
        finally:
            self._folder.close()

    def _start(self, name: str, moment: float, at: float) -> _Clip | None:
        """Begins a clip of what is in memory; ``at`` is the moment in Unix seconds."""
        ring = self._rings.get(name)  # none while the disk is too slow for even a first frame
        held = (
            [(m, data) for m, data in ring.held if m >= moment - self._config.before]
            if ring
            else []
        )
        if not held:
            return None
        clip = _Clip(self._folder, name, held, at - moment + held[0][0], self._fps)
        clip.until = moment + self._config.after
        self._clips[name] = clip
        return clip

    @contextmanager
    def _ending_early(self, name: str) -> Iterator[None]:
        """Keeps of a clip that cannot be gone on with what there is."""
        try:
            yield
        except EdgevidError:
            with suppress(EdgevidError):
                self._clips.pop(name).finish()
            raise

    def _end(self, name: str) -> None:
        clip = self._clips[name]
        with self._ending_early(name):
            while clip.is_behind:
                clip.catch_up()
        self._clips.pop(name).finish()
        self.written += 1
        self._folder.make_room()


class _Ring:
    """A camera's last seconds, in bounded memory."""

    def __init__(self, seconds: float) -> None:
        self.held: deque[_Held] = deque()
        self._seconds = seconds
        self._bytes = 0

    def add(self, moment: float, data: bytes) -> None:
        self.held.append((moment, data))
        self._bytes += len(data)
        while self.held and (self.held[0][0] < moment - self._seconds or self._bytes > _RING_BYTES):
            self._bytes -= len(self.held.popleft()[1])


class _Clip:
    """One clip while it is written. Moments are those of the frames, in seconds.

    Attributes:
        began: the first picture's moment.
        last: the newest picture's that was taken, though it may not be written yet.
        until: when it is to end.
        events: what happened meanwhile.
    """

    def __init__(
        self, folder: ClipFolder, camera: str, held: list[_Held], at: float, fps: float
    ) -> None:
        self._camera = camera
        self._folder = folder
        self._path = folder.place(camera, at)
        self._at = at
        self._video = open_video(waiting(self._path))
        self._video.start(fps)
        self._held = deque(held)  # is to be written before what comes
        self._bytes = sum(len(data) for _, data in held)
        self._frames = 0
        self.began = self._written = held[0][0]
        self.until = self.last = held[-1][0]
        self.events: list[CameraEvent] = []

    @property
    def is_behind(self) -> bool:
        """Whether pictures that were taken are still to be written."""
        return bool(self._held)

    def take(self, moment: float, picture: Picture, data: bytes) -> None:
        """Takes the next picture, and the same as JPEG."""
        self.last = moment
        if not self.is_behind:
            self._write(moment, picture)
            return
        self._held.append((moment, data))
        self._bytes += len(data)
        while self._bytes > _RING_BYTES:
            self.catch_up()

    def catch_up(self) -> None:
        """Writes one of the pictures that are held."""
        moment, data = self._held.popleft()
        self._bytes -= len(data)
        self._write(moment, from_jpeg(data))

    def _write(self, moment: float, picture: Picture) -> None:
        self._video.show(picture, moment)
        self._written = moment
        self._frames += 1

    def finish(self) -> None:
        """Gives both files their names, or neither."""
        try:
            with atomic_file(waiting(self._path.with_suffix(".json"))) as file:
                text = json.dumps(self._described(), indent=1, ensure_ascii=False)
                file.write(text.encode("utf-8", "replace"))
            self._video.finish()
            self._folder.keep(self._path)
        except EdgevidError:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Leaves nothing of it."""
        self._video.abandon()
        for file in (self._path, self._path.with_suffix(".json")):
            with suppress(OSError):
                waiting(file).unlink(missing_ok=True)

    def _described(self) -> dict[str, object]:
        return {
            "camera": self._camera,
            "video": self._path.name,
            "began": datetime.fromtimestamp(self._at, UTC).isoformat(timespec="milliseconds"),
            "seconds": round(self._written - self.began, 3),
            "frames": self._frames,
            "events": [
                {
                    "id": found.id,
                    "state": found.event.state,
                    "level": found.level,
                    "label": found.event.label,
                    "probability": round(found.event.probability, 4),
                    "second": round(found.event.timestamp - self.began, 3),
                }
                for found in self.events
            ],
        }
