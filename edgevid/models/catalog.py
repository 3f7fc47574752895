"""The models that are known by name, and where each is published or stored."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edgevid.errors import DownloadError, ModelError
from edgevid.modelfile import flatbuffer, manifest, signature

_CLASSES = 600  # Kinetics-600


@dataclass(frozen=True, slots=True)
class Published:
    """A published model.

    Attributes:
        name: what the user calls it.
        summary: what it is, in a few words.
        file_name: what its file was called when it was published.
        pixels: height and width of its input.
        sha256: of its file, in hexadecimal; None where it is not known.
        addresses: where it is published, in the order in which they are tried.
        classes: of what it says; 0 where it says nothing, but finds people.
    """

    name: str
    summary: str
    file_name: str
    pixels: int
    sha256: str | None
    addresses: tuple[str, ...]
    classes: int = _CLASSES


@dataclass(frozen=True, slots=True)
class Bundled:
    """A model that is bundled with edgevid.

    Attributes:
        name: what the user calls it.
        summary: what it is, in a few words.
        path: its file.
    """

    name: str
    summary: str
    path: Path


def check(model: Published, content: bytes, sha256: str | None) -> None:
    """Refuses a file that is not the model.

    Args:
        model: what the file should be.
        content: the file's bytes.
        sha256: what its checksum must be; where it is None the file's structure decides.

    Raises:
        ModelError: the file is damaged, or holds another network.
        DownloadError: it is a network of the right kind, but its checksum is another.
    """
    digest = hashlib.sha256(content).hexdigest()
    if digest == sha256:
        return
    # Even where the checksum settles it: this names an error page or a cut file for what it is.
    graph = flatbuffer.read(manifest.split(content)[0])
    if model.classes:
        network = signature.of(graph)
        found = (network.height, network.width, network.classes)
        if found != (model.pixels, model.pixels, model.classes):
            raise ModelError(
                f"it holds a network of {found[0]}x{found[1]} pixels and {found[2]} classes, "
                f"not of {model.pixels}x{model.pixels} and {model.classes}"
            )
    if model.sha256 is not None:
        raise DownloadError(f"its sha256 is {digest}, not the published {model.sha256}")
    if sha256 is not None:
        raise DownloadError(
            f"its sha256 is {digest}, not {sha256} as it was before; to take the new file, type "
            f"python -m edgevid.models --fetch {model.name} --accept {digest}"
        )


def _movinet(variant: str, pixels: int, top_1: int, sha256: str | None = None) -> Published:
    """Describes a MoViNet stream as TensorFlow Hub published it.

    The Hub's own addresses are those that TensorFlow's Android example downloads from
    (``lite/examples/video_classification/android/app/download.gradle`` in tensorflow/examples).
    The Hub has since moved to Kaggle; before, it sent its visitors on to a storage bucket.
    """
    hub = f"tensorflow/lite-model/movinet/{variant}/stream/kinetics-600/classification/tflite/int8"
    kaggle = f"google/movinet/tfLite/{variant}-stream-kinetics-600-classification-tflite-int8"
    return Published(
        name=f"movinet-{variant}",
        summary=f"MoViNet-{variant.upper()} stream, int8, {pixels}x{pixels}, Kinetics-600, "
        f"{top_1} % top-1",
        file_name=f"movinet_{variant}_stream_int8.tflite",
        pixels=pixels,
        sha256=sha256,
        addresses=(
            f"https://www.kaggle.com/api/v1/models/{kaggle}/1/download",
            f"https://storage.googleapis.com/tfhub-lite-models/{hub}/1.tflite",
            f"https://tfhub.dev/{hub}/1?lite-format=tflite",
        ),
    )


# What ``--follow people`` finds people with. The checksum is the one that MediaPipe pins for the
# first address in ``third_party/external_files.bzl``, and Emgu CV for the second.
PERSON_DETECTOR = "ssd-mobilenet-v1"

# The accuracies are the published ones.
CATALOG = {
    model.name: model
    for model in (
        _movinet("a0", 172, 65, "6125b36e2485eeb5cc1fd6206cf5e5d70235593fbc84610d1dce97fe3aa9c2ac"),
        _movinet("a1", 172, 70),
        _movinet("a2", 224, 72),
        Published(
            name=PERSON_DETECTOR,
            summary="finds people, for --follow people: SSD MobileNet v1, uint8, 300x300, COCO",
            file_name="ssd_mobilenet_v1_coco_uint8.tflite",
            pixels=300,
            sha256="e4b118e5e4531945de2e659742c7c590f7536f8d0ed26d135abcfe83b4779d13",
            addresses=(
                "https://storage.googleapis.com/mediapipe-assets/"
                "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29_no_metadata.tflite",
                "https://github.com/emgucv/models/raw/master/"
                "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29/detect.tflite",
            ),
            classes=0,
        ),
    )
}

CAMERA_MOTION = Bundled(
    name="camera-motion",
    summary="what the camera itself does: still, pan, tilt, zoom, roll, shake, covered",
    path=Path(__file__).parents[1] / "bundled" / "camera-motion.tflite",
)
BUNDLED = {model.name: model for model in (CAMERA_MOTION,)}
