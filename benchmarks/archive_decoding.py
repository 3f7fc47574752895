"""What of decoding could be left out, where a model sees five frames a second.

The frames that the model does not see, and from which no other is predicted (B-frames mostly), need
not be decoded; all others must be, or those that it sees come out wrong. The files' frames are
decoded both ways; those that the model sees must be the same, pixel by pixel. Processor's time, the
better of two. Key frames alone would do where there are at least as many as the model sees.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.clips import rows
from benchmarks.report import arguments, table, write_json
from edgevid.runtime.pace import Pace
from edgevid.support.command import OK, guard
from edgevid.support.pyav import av

_FPS = 5.0  # of the model
_LONGEST = 1500  # frames: more take long


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    chosen = arguments("benchmarks.archive_decoding", __doc__).parse_args(argv)

    def run() -> int:
        clips = [path for path, _ in rows("clips") if path.suffix != ".gif"]
        found = measured(clips[:6] if chosen.quick else clips)
        print(table(found))
        write_json(chosen.json, {"decoding": found})
        return OK

    return guard(run)


def measured(clips: Sequence[Path]) -> list[dict[str, Any]]:
    """Returns a row for each codec, and one for all."""
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for clip in clips:
        codec, times, keys = _times(clip)
        if len(times) > _LONGEST:
            continue
        pace = Pace(_FPS)
        seen = {pts for pts, seconds in times if pace.due(seconds)}
        whole, few = _decoded(clip, None), _decoded(clip, seen)
        same = all(whole.get(pts) == few.get(pts) for pts in seen)
        for name in (codec, "all"):
            row = sums[name]
            row["files"] += 1
            row["keys"] += keys
            row["seconds"] += times[-1][1] - times[0][1]
            row["frames"] += len(whole)
            row["decoded"] += len(few)
            row["whole"] += min(_took(clip, None) for _ in range(2))
            row["few"] += min(_took(clip, seen) for _ in range(2))
            row["other"] += not same
    return [
        {
            "codec": name,
            "files": int(row["files"]),
            "key frames a second": row["keys"] / row["seconds"],
            "share of frames decoded": row["decoded"] / row["frames"],
            "share of time": row["few"] / row["whole"],
            "files with other pictures": int(row["other"]),
        }
        for name, row in sums.items()
    ]


def _times(path: Path) -> tuple[str, list[tuple[int, float]], int]:
    """Returns the codec, when each picture is, in ticks and in seconds, and how many are keys."""
    with av.open(str(path)) as container:
        track = container.streams.video[0]
        packets = [packet for packet in container.demux(track) if packet.pts is not None]
        ticks = sorted(packet.pts for packet in packets)
        keys = sum(packet.is_keyframe for packet in packets)
        return track.codec_context.name, [(t, float(t * track.time_base)) for t in ticks], keys


def _decoded(path: Path, seen: set[int] | None) -> dict[int, str]:
    return {
        frame.pts: hashlib.md5(frame.to_ndarray().tobytes(), usedforsecurity=False).hexdigest()
        for frame in _frames(path, seen)
    }


def _took(path: Path, seen: set[int] | None) -> float:
    started = time.process_time()
    for _ in _frames(path, seen):
        pass
    return time.process_time() - started


def _frames(path: Path, seen: set[int] | None) -> Any:
    with av.open(str(path)) as container:
        track = container.streams.video[0]
        track.thread_type = "AUTO"
        for packet in container.demux(track):
            if seen is not None:
                needed = packet.pts is None or packet.pts in seen
                track.codec_context.skip_frame = "DEFAULT" if needed else "NONREF"
            yield from track.decode(packet)


if __name__ == "__main__":
    sys.exit(main())
