"""How every edgevid command ends: one clear line and an exit code, never a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from edgevid.errors import EdgevidError, UsageError

OK, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def guard(run: Callable[[], int], *, debug: bool = False) -> int:
    """Runs a command and turns what goes wrong into a line and an exit code.

    Args:
        run: the command; returns its exit code.
        debug: let the traceback through.
    """
    try:
        return run()
    except BrokenPipeError:
        # Whoever read the output has seen enough. Python would complain once more on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except EdgevidError as error:
        if debug:
            raise
        complain(str(error))
        return WRONG_USAGE if isinstance(error, UsageError) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def complain(message: str) -> None:
    """Prints one line for the person at the keyboard."""
    print(f"edgevid: {message}", file=sys.stderr)
