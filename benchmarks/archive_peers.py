"""Labels for a folder: what it costs beside MMAction2 and PyTorchVideo, on the same files.

Both are installed in an environment of their own, with what this repository needs:

    pip install torch torchvision pytorchvideo mmengine mmcv-lite==2.1.0 mmaction2 decord \\
        importlib_metadata && pip install -e '.[archive]'

Their networks have random weights, since no labels are compared: each file in turn by each way, as
their tutorials do it, in one thread; what counts is the processor's time of this process.

- edgevid: ``python -m edgevid.archive predict``, a step five times a second;
- MMAction2: ``inference_recognizer`` with TSM on MobileNetV2 and its published test pipeline: a few
  frames of a file, however long it is, three crops of each;
- PyTorchVideo: clips of X3D-XS, or its efficient form for mobile processors, one after the other
  through the whole file: four pictures of 160 lines in 1.6 s.
"""

from __future__ import annotations

import os
import sys
import time
import types
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.clips import published_path, rows
from benchmarks.report import arguments, table, write_json
from edgevid.archive import Settings, find, predict
from edgevid.sources import open_source
from edgevid.support.command import OK, guard
from edgevid.support.opencv import cv2

_SIDE, _PICTURES, _CLIP_S = 160, 4, 1.6  # of X3D-XS
_TSM = "tsm/tsm_imagenet-pretrained-mobilenetv2_8xb16-1x1x8-100e_kinetics400-rgb.py"

Way = Callable[[Path], object]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = arguments("benchmarks.archive_peers", __doc__)
    parser.add_argument("--most", type=int, default=20, metavar="N", help="so many files")
    chosen = parser.parse_args(argv)

    def run() -> int:
        clips = sorted(
            (path for path, _ in rows("clips") if path.suffix != ".gif"),
            key=lambda path: path.stat().st_size,
        )
        found = compared(clips[: 3 if chosen.quick else chosen.most], ways())
        print(table(found))
        write_json(chosen.json, {"peers": found})
        return OK

    return guard(run)


def ways() -> dict[str, Way]:
    """Returns what labels a file, by name; what is not installed is left out, and named."""
    settings = Settings(str(published_path()))
    found: dict[str, Way] = {
        "edgevid": lambda path: predict.label(settings, 5, find([str(path)])[0]),
    }
    for name, make in (
        ("MMAction2, TSM on MobileNetV2", _mmaction),
        ("PyTorchVideo, X3D-XS", partial(_pytorchvideo, "x3d_xs")),
        ("PyTorchVideo, efficient X3D-XS", partial(_pytorchvideo, "efficient_x3d_xs")),
    ):
        try:
            found[name] = make()
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return found


def compared(clips: Sequence[Path], those: dict[str, Way]) -> list[dict[str, Any]]:
    """Returns a row for each way."""
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    cv2.setNumThreads(1)
    for way in those.values():  # what is done once
        way(clips[0])
    took: dict[str, float] = defaultdict(float)
    failed: dict[str, int] = defaultdict(int)
    length = 0.0
    for clip in clips:
        mine: dict[str, float] = {}
        for name, way in those.items():
            started = time.process_time()
            try:
                way(clip)
            except Exception as error:  # whatever a peer raises
                print(f"{name}: {clip.name}: {str(error).splitlines()[0]:.100}", file=sys.stderr)
                failed[name] += 1
            else:
                mine[name] = time.process_time() - started
        if len(mine) == len(those):  # what all can read counts
            for name, seconds in mine.items():
                took[name] += seconds
            with open_source(clip) as source:
                length += max(frame.timestamp for frame in source)
    return [
        {
            "way": name,
            "files": len(clips),
            "failed": failed[name],
            "processor seconds an hour of video": 3600 * took[name] / length,
            "times edgevid": took[name] / took["edgevid"],
        }
        for name in those
    ]


def _mmaction() -> Way:
    # The published wheel lacks this part of itself.
    for name in ("drn", "drn.drn"):
        module = types.ModuleType(f"mmaction.models.localizers.{name}")
        module.DRN = object  # type: ignore[attr-defined]
        sys.modules.setdefault(module.__name__, module)
    import mmaction
    import torch
    from mmaction.apis import inference_recognizer, init_recognizer
    from mmengine.config import Config

    torch.set_num_threads(1)
    configs = Path(mmaction.__file__).parent / ".mim/configs/recognition"
    config = Config.fromfile(str(configs / _TSM))
    config.model.backbone.pretrained = None
    network = init_recognizer(config, None, device="cpu")
    return lambda path: inference_recognizer(network, str(path))


def _pytorchvideo(name: str) -> Way:
    # Of torchvision it wants two names that nothing here uses.
    folder, ops = types.ModuleType("torchvision.datasets.folder"), types.ModuleType("ops")
    folder.make_dataset = ops.RoIAlign = object  # type: ignore[attr-defined]
    for module, made in (
        ("torchvision", types.ModuleType("torchvision")),
        ("torchvision.datasets", types.ModuleType("torchvision.datasets")),
        ("torchvision.datasets.folder", folder),
        ("torchvision.ops", ops),
    ):
        sys.modules.setdefault(module, made)
    import torch
    from pytorchvideo.data.encoded_video import EncodedVideo
    from pytorchvideo.models import hub

    torch.set_num_threads(1)
    network = getattr(hub, name)(pretrained=False).eval()

    def label(path: Path) -> object:
        video = EncodedVideo.from_path(str(path), decode_audio=False)
        scores = []
        start = 0.0
        while start < float(video.duration):
            clip = video.get_clip(start, start + _CLIP_S)["video"]
            start += _CLIP_S
            if clip is None:
                continue
            few = clip[:, torch.linspace(0, clip.shape[1] - 1, _PICTURES).long()].float() / 255
            side = min(few.shape[2:])
            top, left = ((length - side) // 2 for length in few.shape[2:])
            square = torch.nn.functional.interpolate(
                few[:, :, top : top + side, left : left + side], (_SIDE, _SIDE), mode="bilinear"
            )
            with torch.no_grad():
                scores.append(network(((square - 0.45) / 0.225)[None])[0])
        return torch.stack(scores).mean(dim=0)

    return label


if __name__ == "__main__":
    sys.exit(main())
