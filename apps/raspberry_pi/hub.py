"""The newest state and the events of all cameras, between the watcher and those who publish.

Thread-safe. Of pictures and predictions only the newest are kept. A listener is called for each
event, so none is lost; it must be quick, since the watcher waits for it: put it in a queue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from apps.raspberry_pi.alerts import Levels
from apps.raspberry_pi.bus import EventBus
from apps.raspberry_pi.config import AlertConfig
from apps.raspberry_pi.snapshots import Snapshots
from apps.raspberry_pi.status import Status
from edgevid import Frame, Prediction


class Hub:
    """The meeting point of one service.

    Args:
        names: the cameras, in the order in which they are to be shown.
        model: what the model is called that watches them.
        alerts: the rules that give events their levels.

    Attributes:
        status: how the cameras are.
        bus: what happens in front of them.
        snapshots: what they show.
    """

    def __init__(
        self, names: Iterable[str], model: str = "", alerts: Sequence[AlertConfig] = ()
    ) -> None:
        names = list(names)
        self.status = Status(names, model)
        self.bus = EventBus(Levels(alerts).of)
        self.snapshots = Snapshots(names)
        # The first listener, so that the others find the status up to date.
        self.bus.listen(lambda found: self.status.record_event(found.camera, found.event))

    def record_step(
        self,
        name: str,
        frame: Frame,
        predictions: Sequence[Prediction],
        *,
        skipped: int = 0,
        saved: int = 0,
    ) -> None:
        """The model has looked at a frame.

        Args:
            name: the camera.
            frame: what it saw.
            predictions: what the model says of it: one, or one for each track.
            skipped: ticks that went by before it.
            saved: predictions that stood without a step.
        """
        self.snapshots.record_step(name, frame, predictions)
        self.status.record_step(name, frame, predictions, skipped=skipped, saved=saved)
