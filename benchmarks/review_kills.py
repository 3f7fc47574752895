"""Whether what the owner said, and the model that runs, outlast kill -9 at any moment.

The service watches a video as its camera. Clips are judged, a model is taught from them, used and
taken back, all by the page's addresses, and meanwhile the process is killed: a third of the times
while clips are judged, a third while it teaches, a third while models change. After each kill it is
started again, and looked at:

- everything that the page had said is saved is there; what was on its way may be there or not;
- the model that runs is the one that was chosen last, or the one that was being chosen;
- all models that it knows are whole, and no unfinished file is left once the next was taught.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import edgevid
from benchmarks.clips import published_path
from benchmarks.parts.reviewed import Reviewed
from benchmarks.report import arguments, table, write_json
from edgevid import EdgevidError, load_model
from edgevid.support.command import OK, guard

_PHASES = ("review", "teach", "swap")
# Seconds from the beginning of a phase within which it is killed; of teaching it is measured first.
_WITHIN = {"review": 1.5, "swap": 1.5}
_TEACHINGS = 1.3  # how long, in teachings, it is left to teach


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code: 0 when nothing was lost."""
    parser = arguments("benchmarks.review_kills", __doc__)
    parser.add_argument("--kills", type=int, default=30)
    chosen = parser.parse_args(argv)

    def run() -> int:
        kills = 3 if chosen.quick else chosen.kills
        with tempfile.TemporaryDirectory() as folder:
            found = Campaign(Path(folder), random.Random(chosen.seed)).run(kills)
        print(table([found]))
        write_json(chosen.json, found)
        return OK if not found["lost"] and not found["half"] else 1

    return guard(run)


class Campaign:
    """A service that is killed again and again, and what it had promised."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        demo = Path(edgevid.__file__).parent / "bundled" / "demo.mp4"
        self._service = Reviewed(folder, {"front": demo})
        self._review = folder / "review"
        self._chance = chance
        self._said: dict[str, str] = {}  # what was saved of each clip's event
        self._asked: dict[str, str] = {}  # what was on its way
        self._runs: int | None = None
        self._may_run: set[int | None] = {None}

    def run(self, kills: int) -> dict[str, Any]:
        """Kills so often; returns what was found."""
        service = self._service
        lost: list[str] = []
        half: list[str] = []
        saved = used = 0
        newest: dict[int, None] = {}
        service.start()
        try:
            for name in service.clips:
                self._judge(name)
            service.teach()
            began = time.monotonic()
            service.teach()
            within = {**_WITHIN, "teach": _TEACHINGS * (time.monotonic() - began)}
            for number in range(kills):
                phase = _PHASES[number % len(_PHASES)]
                ended = threading.Event()
                busy = threading.Thread(target=self._busy, args=(phase, ended))
                busy.start()
                time.sleep(self._chance.uniform(0, within[phase]))
                service.kill()
                ended.set()
                busy.join()
                saved += len(self._said)
                service.start()
                lost += self._missing()
                half += self._broken()
                newest |= dict.fromkeys(m["number"] for m in service.get("teaching")["models"])
                used += self._runs is not None
                print(
                    f"{number + 1}: killed in {phase}; model {self._runs} runs; lost: {len(lost)}, "
                    f"half: {len(half)}",
                    file=sys.stderr,
                )
            service.teach()
            unfinished = [path for path in self._review.rglob(".*") if path.is_file()]
        finally:
            service.kill()
        return {
            "kills": kills,
            "labels saved, looked at after each kill": saved,
            "lost": len(lost),
            "models taught": len(newest),
            "starts with a taught model": used,
            "half": len(half),
            "unfinished files in the end": len(unfinished),
        }

    # What is done meanwhile

    def _busy(self, phase: str, ended: threading.Event) -> None:
        names = list(self._service.clips)
        with suppress(OSError, ValueError, HTTPException):  # it has been killed
            while not ended.is_set():
                if phase == "review":
                    self._judge(self._chance.choice(names))
                elif phase == "teach":
                    self._service.teach(ended.is_set)
                else:
                    self._swap()

    def _judge(self, name: str) -> None:
        verdict = "right" if self._service.clips[name] else self._chance.choice(["wrong", "other"])
        self._asked[name] = verdict
        self._service.judge(name, verdict)
        self._said[name] = verdict
        del self._asked[name]

    def _swap(self) -> None:
        """Uses one of the models, or goes back."""
        told = self._service.get("teaching")
        numbers = [model["number"] for model in told["models"]]
        if told["before"] and self._chance.random() < 0.4:
            chosen = told["before"][0]
            self._may_run = {self._runs, chosen}
            self._service.post("undo")
        else:
            chosen = self._chance.choice(numbers)
            self._may_run = {self._runs, chosen}
            self._service.post("use", {"number": chosen})
        self._runs = chosen
        self._may_run = {chosen}

    # What is looked at

    def _missing(self) -> list[str]:
        """Returns what had been saved and is not there."""
        clips = self._service.get("clips")["clips"]
        found = {clip["video"]: clip["events"][0]["verdict"] for clip in clips if clip["events"]}
        wrong = []
        for name, verdict in self._said.items():
            if found.get(name) in (verdict, self._asked.get(name, verdict)):
                self._said[name] = found[name]
            else:
                wrong.append(f"{name}: {found.get(name)} and not {verdict}")
        self._asked.clear()
        return wrong

    def _broken(self) -> list[str]:
        """Returns what is wrong with the models."""
        told, wrong = self._service.get("teaching"), []
        runs = told["runs"]
        if runs not in self._may_run:
            wrong.append(f"model {runs} runs and none of {self._may_run}")
        self._runs, self._may_run = runs, {runs}
        name = published_path().stem if runs is None else f"taught-{runs}"
        if not any(f'model="{name}"' in key for key in self._service.metrics()):
            wrong.append(f"{name} does not watch")
        for model in told["models"]:
            try:
                load_model(self._review / "models" / f"taught-{model['number']}.tflite")
            except EdgevidError as error:
                wrong.append(str(error))
        for problem in wrong:
            print(problem, file=sys.stderr)
        return wrong


if __name__ == "__main__":
    sys.exit(main())
