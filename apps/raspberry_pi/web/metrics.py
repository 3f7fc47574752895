"""Figures for Prometheus. Labels of actions are left out: there may be 600 for each camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.status import BOUNDS_S, CameraStatus, Histogram
from edgevid import __version__

_BOUNDS = [*map(str, BOUNDS_S), "+Inf"]


def exporter(hub: Hub) -> Callable[[], bytes]:
    """Returns what gives all figures in Prometheus' text format; events count from now on."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Cameras(hub))
    events = Counter(
        "edgevid_events", "Actions that started or ended.", ["camera", "state"], registry=registry
    )
    for camera in hub.status.cameras():
        for state in ("start", "end"):
            events.labels(camera.name, state)
    hub.bus.listen(lambda found: events.labels(found.camera, found.event.state).inc())
    return lambda: generate_latest(registry)


class _Cameras(Collector):
    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        """Yields the figures as they are now."""
        cameras = self._hub.status.cameras()
        about = GaugeMetricFamily("edgevid_info", "Version and model.", labels=["version", "model"])
        about.add_metric([__version__, self._hub.status.model], 1)
        yield about
        up = GaugeMetricFamily("edgevid_camera_up", "Whether frames come.", labels=["camera"])
        for camera in cameras:
            up.add_metric([camera.name], camera.state == "live")
        yield up
        yield _counted("edgevid_steps", "Steps of the model.", cameras, lambda c: c.steps)
        yield _counted(
            "edgevid_saved_steps",
            "Predictions that stood without a step, as nothing changed.",
            cameras,
            lambda c: c.saved,
        )
        tracks = GaugeMetricFamily("edgevid_tracks", "What is followed now.", labels=["camera"])
        for camera in cameras:
            tracks.add_metric([camera.name], camera.tracks)
        yield tracks
        yield _counted(
            "edgevid_skipped_ticks",
            "Moments of the model's clock without a frame or without time.",
            cameras,
            lambda c: c.skipped,
        )
        yield _counted(
            "edgevid_camera_losses", "How often a camera was lost.", cameras, lambda c: c.losses
        )
        yield _timed("edgevid_step_seconds", "A step's time.", cameras, lambda c: c.inference)
        yield _timed(
            "edgevid_latency_seconds",
            "From a frame's capture to its prediction.",
            cameras,
            lambda c: c.latency,
        )


def _counted(
    name: str, what: str, cameras: list[CameraStatus], count: Callable[[CameraStatus], int]
) -> Metric:
    family = CounterMetricFamily(name, what, labels=["camera"])
    for camera in cameras:
        family.add_metric([camera.name], count(camera))
    return family


def _timed(
    name: str, what: str, cameras: list[CameraStatus], times: Callable[[CameraStatus], Histogram]
) -> Metric:
    family = HistogramMetricFamily(name, what, labels=["camera"])
    for camera in cameras:
        histogram = times(camera)
        buckets = list(zip(_BOUNDS, accumulate(histogram.counts), strict=True))
        family.add_metric([camera.name], buckets, histogram.total_s)
    return family
