"""The runtimes that can execute a ``.tflite`` file, behind one interface."""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import MissingDependencyError, ModelError, UsageError
from edgevid.runtime.native_stderr import Filter

# What LiteRT says when a process loads its first network.
_GREETING = Filter(b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.")


class Backend(Protocol):
    """A network that is loaded and can be stepped. Not safe for two threads at once."""

    def tensor(self, index: int) -> NDArray[Any]:
        """Returns a view of a tensor's memory. Let go of it before ``invoke``."""
        ...

    def invoke(self) -> None:
        """Computes the outputs from the inputs.

        Raises:
            ModelError: the runtime reports a failure.
        """
        ...


def open_backend(flatbuffer: bytes, *, name: str = "auto", threads: int = 1) -> Backend:
    """Loads a network.

    Args:
        flatbuffer: the content of a ``.tflite`` file, checked by
            ``edgevid.modelfile.flatbuffer``.
        name: ``litert``, ``tflite-runtime``, ``tensorflow``; ``auto`` takes the first of the
            first two that is installed.
        threads: CPU threads.

    Raises:
        UsageError: no such backend, or not a number of threads.
        MissingDependencyError: the backend's library is not installed.
        ModelError: the runtime refuses the network.
    """
    if threads < 1:
        raise UsageError(f"threads must be 1 or more, not {threads}")
    interpreter = _runtime(name)[1]
    try:
        with _GREETING.on():
            return InterpreterBackend(interpreter(model_content=flatbuffer, num_threads=threads))
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"the runtime refuses the model: {_one_line(error)}") from error


def runtime(name: str = "auto") -> str:
    """Returns the runtime that a backend's name stands for here, and its version.

    Raises:
        UsageError: no such backend.
        MissingDependencyError: its library is not installed.
    """
    candidate, interpreter = _runtime(name)
    library = sys.modules[interpreter.__module__.partition(".")[0]]
    return f"{candidate} {getattr(library, '__version__', 'of an unknown version')}"


class InterpreterBackend:
    """Runs on a TFLite ``Interpreter``, which all three runtimes share.

    It keeps a view of each tensor: to ask the interpreter for sixty at every step would take
    longer than to copy them. The interpreter may put its tensors elsewhere while it invokes, which
    it does for networks with open shapes; then all views are made anew.
    """

    def __init__(self, interpreter: Any) -> None:
        interpreter.allocate_tensors()
        self._interpreter = interpreter
        self._views = _Views(interpreter)
        # The method of the mapping itself: asked for a hundred times a step, it counts.
        self.tensor: Callable[[int], NDArray[Any]] = self._views.__getitem__
        self._anchor: Callable[[], NDArray[Any]] = interpreter.tensor(
            interpreter.get_output_details()[-1]["index"]
        )
        self._anchored_at = 0  # nowhere yet

    def invoke(self) -> None:
        """Computes the outputs from the inputs."""
        try:
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"the runtime cannot run the model: {_one_line(error)}") from error
        address = _address(self._anchor())
        if address != self._anchored_at:
            self._views.clear()
            self._anchored_at = address


class _Views(dict[int, NDArray[Any]]):
    """A view of each tensor, made when it is first asked for."""

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter

    def __missing__(self, index: int) -> NDArray[Any]:
        view = self[index] = _unowned(self._interpreter.tensor(index)())
        return view


def _unowned(array: NDArray[Any]) -> NDArray[Any]:
    """Returns a view that does not hold its owner: an interpreter that is held refuses to run."""
    memory = (ctypes.c_char * array.nbytes).from_address(_address(array))
    return np.ndarray(array.shape, array.dtype, memoryview(memory))


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _litert() -> Any:
    return importlib.import_module("ai_edge_litert.interpreter").Interpreter


def _tflite_runtime() -> Any:
    # Built against numpy 1: under numpy 2 it fails on import with pages of advice.
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        raise ImportError("tflite-runtime needs numpy below 2")
    return importlib.import_module("tflite_runtime.interpreter").Interpreter


def _tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # It advises to use LiteRT, against which the caller has decided.
    warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter is deprecated")
    try:
        return importlib.import_module("tensorflow").lite.Interpreter
    except AttributeError as error:
        raise ImportError("this release has no tf.lite any more") from error


# In the order in which ``auto`` tries them. TensorFlow is left out of that: it costs 600 MB and
# seconds, so it has to be asked for.
_OPENERS: dict[str, tuple[Callable[[], Any], str]] = {
    "litert": (_litert, "pip install ai-edge-litert"),
    "tflite-runtime": (_tflite_runtime, "pip install tflite-runtime 'numpy<2'"),
    "tensorflow": (_tensorflow, "pip install tensorflow"),
}
NAMES = ("auto", *_OPENERS)


def _runtime(name: str) -> tuple[str, Any]:
    """Returns the runtime that a backend's name stands for here, and its interpreter's class."""
    if name not in NAMES:
        raise UsageError(f"no backend {name!r}: choose {', '.join(NAMES)}")
    candidates = ("litert", "tflite-runtime") if name == "auto" else (name,)
    problems = []
    for candidate in candidates:
        opener, command = _OPENERS[candidate]
        try:
            return candidate, opener()
        except ImportError as error:
            problems.append(f"{candidate} cannot be loaded ({_one_line(error)}): {command}")
    raise MissingDependencyError("; or ".join(problems))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
