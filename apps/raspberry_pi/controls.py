"""What may be changed from outside while the service runs, and is kept over restarts.

That is which cameras watch, and which of the models that the config allows. A model is only ever
chosen by its name: nothing that comes from outside is a path. Thread-safe.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeGuard

from edgevid import EdgevidError, Model, OutputError
from edgevid.support.atomic_file import atomic_file

_LOG = logging.getLogger("edgevid.service")

_REASON = "another model"  # why events end that are going on


class Watching(Protocol):
    """What the service does."""

    @property
    def model(self) -> Model:
        """The model that watches."""

    def watch(self, camera: str, on: bool) -> None:
        """Has a camera watch, or rest."""

    def use(self, model: Model, reason: str) -> None:
        """Has another model watch."""


def choices(names: Sequence[str]) -> dict[str, str]:
    """Returns the models that may be chosen: what each is called, and its name or file.

    A file is called as it is, without its folder and ``.tflite``.
    """
    return {Path(name).name.removesuffix(".tflite"): name for name in names}


class Controls:
    """Changes what was asked for, and remembers it.

    Args:
        path: the file in which it is remembered.
        cameras: their names.
        models: what may be chosen, as ``choices`` returns it.
        load: loads a model by its name or file, and sees that it goes with the config.
        chosen: called when a model that was chosen runs.

    Attributes:
        models: what may be chosen, in the config's order.
    """

    def __init__(
        self,
        path: Path,
        cameras: Iterable[str],
        models: Mapping[str, str],
        load: Callable[[str], Model],
        chosen: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._cameras = frozenset(cameras)
        self._choices = dict(models)
        self.models = tuple(models)
        self._load = load
        self._chosen = chosen
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._watching: Watching | None = None
        self._running: tuple[str, Model] | None = None  # what was chosen, and what that is
        found = _read(path)
        model, off = found.get("model"), found.get("off")
        # Those of cameras that left the config for a while are kept.
        self._off = {name for name in (off if isinstance(off, list) else ()) if _is_text(name)}
        self._model = model if _is_text(model) else ""

    def off(self) -> frozenset[str]:
        """Returns the cameras that do not watch."""
        with self._lock:
            return self._cameras & self._off

    def first_model(self) -> Model | None:
        """Returns the model that was chosen before; None for the config's.

        One that cannot be loaded, or may not be chosen any more, gives way to that.
        """
        name = self._model
        if name not in self._choices:
            return None
        try:
            model = self._load(self._choices[name])
        except EdgevidError as error:
            _LOG.error("the model %s, which was chosen, does not run: %s", name, error)
            return None
        self._running = name, model
        return model

    def loaded(self, configured: str, model: Model) -> None:
        """Takes note of a model that is to run and was not chosen here.

        Args:
            configured: a name or file, which may be one of the choices.
            model: what was loaded from it.
        """
        for name, given in self._choices.items():
            if given == configured:
                self._running = name, model

    def begin(self, watching: Watching) -> None:
        """Has changes take effect from now on."""
        self._watching = watching

    def model(self) -> str | None:
        """Returns the choice that runs; None when that is another, such as one that was taught."""
        running, watching = self._running, self._watching
        if running is None or watching is None or watching.model is not running[1]:
            return None
        return running[0]

    def watch(self, camera: str, on: bool) -> None:
        """Has a camera watch, or rest.

        Raises:
            KeyError: there is none of that name.
        """
        if camera not in self._cameras:
            raise KeyError(camera)
        with self._lock:
            before = camera not in self._off
            self._off = self._off - {camera} if on else self._off | {camera}
            self._save()
            if self._watching is not None and on != before:
                self._watching.watch(camera, on)

    def use(self, name: str) -> None:
        """Has a model watch that may be chosen; takes as long as loading does, in a thread.

        Raises:
            KeyError: none of that name may be chosen.
        """
        place = self._choices[name]
        threading.Thread(target=self._use, args=(name, place), name="model", daemon=True).start()

    def _use(self, name: str, place: str) -> None:
        with self._loading:
            if name == self.model() or self._watching is None:
                return
            try:
                model = self._load(place)
                self._watching.use(model, _REASON)
            except EdgevidError as error:
                _LOG.error("the model %s is not used: %s", name, error)
                return
            with self._lock:
                self._running = name, model
                self._model = name
                self._save()
            self._chosen()
            _LOG.info("the model is %s now", name)

    def _save(self) -> None:
        content = {"off": sorted(self._off), "model": self._model}
        try:
            with atomic_file(self._path) as file:
                file.write(json.dumps(content, indent=1).encode())
        except OutputError as error:  # it counts until the next restart
            _LOG.error("%s", error)


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str)


def _read(path: Path) -> dict[str, Any]:
    with suppress(FileNotFoundError):
        try:
            found = json.loads(path.read_text("utf-8"))
            if isinstance(found, dict):
                return found
            raise ValueError("is no table")
        except FileNotFoundError:
            raise
        except (OSError, ValueError, RecursionError) as error:
            _LOG.error("%s: %s: all cameras watch", path, error)
    return {}
