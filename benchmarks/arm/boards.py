"""The boards that are emulated, as their Linux describes them to a program."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Board:
    """One board's processor.

    The runtime chooses its kernels by ``/proc/cpuinfo`` and by the features that the kernel
    reports, so both have to be the board's.

    Attributes:
        name: a short name, also of the board's folder in the sysroot.
        title: how people call it.
        cpu: QEMU's name of the core.
        part, variant, revision: as in ``/proc/cpuinfo``; ARM's numbers for the core.
        features: as in ``/proc/cpuinfo``.
    """

    name: str
    title: str
    cpu: str
    part: int
    variant: int
    revision: int
    features: str

    @property
    def cpuinfo(self) -> str:
        """The text of ``/proc/cpuinfo``: four cores of the same kind."""
        return "\n".join(
            f"processor\t: {core}\n"
            "BogoMIPS\t: 108.00\n"
            f"Features\t: {self.features}\n"
            "CPU implementer\t: 0x41\n"
            "CPU architecture: 8\n"
            f"CPU variant\t: {self.variant:#x}\n"
            f"CPU part\t: {self.part:#x}\n"
            f"CPU revision\t: {self.revision}\n"
            for core in range(4)
        )


BOARDS = (
    Board("pi4", "Raspberry Pi 4", "cortex-a72", 0xD08, 0, 3, "fp asimd evtstrm crc32 cpuid"),
    Board(
        "pi5", "Raspberry Pi 5", "cortex-a76", 0xD0B, 4, 1,
        "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc "
        "dcpop asimddp",
    ),
)  # fmt: skip
