"""Runs a benchmark on another board over ssh, and brings its figures back.

The code goes there as a tar, into ``~/.cache/edgevid-bench``; what it needs is installed in an
environment of its own beside it. Models and clips that are named as files go along. Keys,
ports and jump hosts are ssh's own business: ``~/.ssh/config``, or ``--ssh "ssh -p 2222"``.
"""

from __future__ import annotations

import argparse
import io
import json
import shlex
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from edgevid.errors import OutputError, UsageError

_ROOT = Path(__file__).parent.parent
_SENT = ("edgevid", "benchmarks", "pyproject.toml", "README.md", "LICENSE")
_THERE = ".cache/edgevid-bench"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds ``--host`` and ``--ssh``."""
    parser.add_argument("--host", metavar="USER@BOARD", help="measure there, over ssh")
    parser.add_argument("--ssh", default="ssh", help="the ssh command (default: %(default)s)")


def measured(chosen: argparse.Namespace) -> dict[str, Any]:
    """Runs ``benchmarks.latency`` on ``chosen.host``; returns its results.

    Raises:
        UsageError: the host cannot be named so.
        OutputError: ssh or something on the board failed; its own words have been shown.
    """
    if chosen.host.startswith("-"):
        raise UsageError(f"{chosen.host!r} is no host")
    ssh = [*shlex.split(chosen.ssh), chosen.host]
    files = [Path(name) for name in chosen.models if Path(name).is_file()]
    if chosen.source is not None:
        files.append(chosen.source)
    _call(ssh, f"mkdir -p {_THERE} && tar -xzf - -C {_THERE}", _packed(files))
    _call(
        ssh,
        f"cd {_THERE} && ([ -x .venv/bin/python ] || python3 -m venv .venv)"
        " && .venv/bin/pip install --quiet --editable .",
    )
    words = ["-m", "benchmarks.latency", "--json", "results.json", "--size", chosen.size]
    words += ["--quick"] if chosen.quick else []
    words += ["--source", f"files/{chosen.source.name}"] if chosen.source is not None else []
    words += [f"files/{Path(n).name}" if Path(n).is_file() else n for n in chosen.models]
    _call(ssh, f"cd {_THERE} && rm -f results.json && .venv/bin/python {shlex.join(words)} >&2")
    results: dict[str, Any] = json.loads(_call(ssh, f"cat {_THERE}/results.json"))
    return results


def _packed(files: list[Path]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in _SENT:
            tar.add(_ROOT / name, name, filter=_without_caches)
        for path in files:
            tar.add(path, f"files/{path.name}")
    return buffer.getvalue()


def _without_caches(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in entry.name else entry


def _call(ssh: list[str], there: str, given: bytes | None = None) -> bytes:
    """Runs one command line of ours on the host; what it says on standard error is shown."""
    try:
        # With nothing given, standard input is empty: ssh must not read the terminal's.
        done = subprocess.run(
            [*ssh, there], input=given or b"", stdout=subprocess.PIPE, check=False
        )
    except OSError as error:
        raise OutputError(f"{ssh[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        print(file=sys.stderr)
        raise OutputError(f"{ssh[-1]}: ended with {done.returncode}: {there.split(' && ')[-1]}")
    return done.stdout
