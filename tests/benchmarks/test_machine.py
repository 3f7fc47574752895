from __future__ import annotations

import pytest

from benchmarks.machine import Reading, decode_throttled, family, read, warnings


@pytest.mark.parametrize(
    ("answer", "reasons"),
    [
        ("throttled=0x0\n", ()),
        ("throttled=0x50000\n", ("under-voltage since boot", "throttled since boot")),
        ("throttled=0x4\n", ("throttled now",)),
    ],
)
def test_what_vcgencmd_says(answer: str, reasons: tuple[str, ...]) -> None:
    assert decode_throttled(answer) == reasons


def reading(**changes: object) -> Reading:
    quiet: dict[str, object] = {
        "load": 0.1, "governor": "performance", "temperature_c": 50.0, "throttled": ()
    }  # fmt: skip
    return Reading(**{**quiet, **changes})  # type: ignore[arg-type]


def test_a_fit_machine_has_no_warnings() -> None:
    assert warnings(reading(), reading()) == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"governor": "ondemand"}, "scaling_governor"),
        ({"load": 3.0}, "busy"),
        ({"temperature_c": 85.0}, "85 °C"),
        ({"throttled": ("under-voltage now",)}, "under-voltage"),
    ],
)
def test_what_makes_figures_worthless_is_told(changes: dict[str, object], word: str) -> None:
    (line,) = warnings(reading(**changes), reading(**changes))
    assert word in line


def test_this_machine_can_be_read() -> None:
    assert read().load >= 0


@pytest.mark.parametrize(
    ("features", "called"),
    [
        ("flags\t\t: fpu avx2 avx512bw avx512_vnni amx_int8", "x86 with AMX"),
        ("flags\t\t: fpu avx2 avx512bw avx512_vnni", "x86 with AVX-512 VNNI"),
        ("flags\t\t: fpu avx avx2", "x86 with AVX2"),
        ("Features\t: fp asimd asimddp", "ARM with dot products"),
        ("Features\t: fp asimd crc32", "ARM with Neon"),
    ],
)
def test_families_of_processors(features: str, called: str) -> None:
    assert family(f"processor\t: 0\n{features}\nbogomips\t: 1\n") == called
