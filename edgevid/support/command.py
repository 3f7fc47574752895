"""What all commands share: arguments, one line for an error, exit codes."""

from __future__ import annotations

import argparse
import io
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, NoReturn, TextIO

from edgevid.errors import EdgevidError, UsageError
from edgevid.plain_text import readable

OK, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


class ArgumentParser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments, and where help is."""

    _given: Sequence[str] = ()

    def __init__(self, *, description: str | None = None, **options: Any) -> None:
        # A module's docstring may describe its command; a terminal has no use for its markup.
        super().__init__(description=description and description.replace("``", ""), **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parses; keeps the arguments for a hint."""
        self._given = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Ends with code 2."""
        # What argparse takes for a flag may have been meant as a file.
        name = next((text for text in self._given if self._could_be_file(text)), None)
        hint = f"; a file of that name is written ./{name}" if name else ""
        complain(f"{message}{hint} ({self.prog} --help)")
        self.exit(WRONG_USAGE)

    def _could_be_file(self, text: str) -> bool:
        if not text.startswith("-") or text == "-" or text[:2] in self._option_string_actions:
            return False
        return re.search(r"\.[a-zA-Z]\w*$", text) is not None or os.path.lexists(text)


def guard(run: Callable[[], int], *, debug: bool = False, warnings: bool = True) -> int:
    """Runs a command and turns what goes wrong into a line and an exit code.

    Args:
        run: the command; returns its exit code.
        debug: let the traceback through.
        warnings: print the library's warnings too, in a line each; False for a program that keeps
            a log of its own.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that knows less than Unicode
    try:
        with _printed_warnings() if warnings else nullcontext():
            return run()
    except BrokenPipeError:
        # The reader of the output has gone.
        let_go(sys.stdout)
        return FAILED
    except EdgevidError as error:
        if debug:
            raise
        complain(str(error))
        return WRONG_USAGE if isinstance(error, UsageError) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def complain(message: str) -> None:
    """Prints one line for the person at the keyboard, above a progress bar if there is one."""
    if sys.stderr is None:  # it was closed before the program began
        return
    line = f"edgevid: {readable(message)}"
    with suppress(OSError):  # the terminal is gone
        if "tqdm" in sys.modules:
            from tqdm import tqdm

            tqdm.write(line, file=sys.stderr)
        else:
            print(line, file=sys.stderr)


def let_go(stream: TextIO) -> None:
    """Keeps Python from complaining, at its end, that an output cannot be written."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


@contextmanager
def _printed_warnings() -> Iterator[None]:
    log, handler = logging.getLogger("edgevid"), _Complaints(logging.WARNING)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


class _Complaints(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        complain(record.getMessage())
