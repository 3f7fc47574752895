"""Reads the zip archive at the end of a model file, which is untrusted input.

Python's ``zipfile`` reads it, but only after its table of contents has been found to be small,
and only members that are stored or deflated and claim a moderate size.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from edgevid.errors import ModelError

_MAX_TABLE_BYTES = 64 << 10
_MAX_MEMBERS = 100
_MAX_MEMBER_BYTES = 4 << 20  # a manifest is a few kilobytes: more is a zip bomb
_END = struct.Struct("<4s4H2LH")  # the record that ends an archive
_END_MARK = b"PK\x05\x06"
_HUGE_MARK = b"PK\x06\x07"
_MAX_COMMENT = 1 << 16
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile raises on damaged archives; RuntimeError is encryption and unknown versions.
_DAMAGE = (zipfile.BadZipFile, RuntimeError, ValueError, OSError, EOFError, zlib.error,
           struct.error, LookupError)  # fmt: skip


class Archive:
    """An archive behind other data; empty where there is none.

    Attributes:
        start: where it begins, the end of the data where there is none.
        names: of its members.
    """

    def __init__(self, data: bytes, archive: zipfile.ZipFile | None) -> None:
        members = archive.infolist() if archive is not None else []
        self.start = min((m.header_offset for m in members), default=len(data))
        self.names = frozenset(m.filename for m in members)
        self._archive = archive
        if not 0 <= self.start <= len(data):
            raise ModelError("the zip archive in the model file starts outside it")
        if len(members) > _MAX_MEMBERS:
            raise ModelError(f"the zip archive in the model file holds {len(members)} members")
        if len(self.names) < len(members):
            raise ModelError("the zip archive in the model file holds two members of one name")

    def read(self, name: str) -> bytes:
        """Returns a member's content.

        Raises:
            ModelError: it is too large, packed in a rare way, or damaged.
        """
        assert self._archive is not None
        member = self._archive.getinfo(name)
        if member.file_size > _MAX_MEMBER_BYTES or member.compress_size > _MAX_MEMBER_BYTES:
            raise ModelError(f"{name} inside the model file is too large to be one")
        if member.compress_type not in _METHODS:
            raise ModelError(f"{name} inside the model file is neither stored nor deflated")
        try:
            return self._archive.read(member)
        except _DAMAGE as error:
            raise ModelError(f"{name} inside the model file is damaged: {error}") from error


def find(data: bytes) -> Archive:
    """Finds the archive that ends some data.

    Raises:
        ModelError: its members are not those of a model's.
    """
    # Weights may look like the end of an archive: what is no moderate one is none.
    if not _has_moderate_table(data):
        return Archive(data, None)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _DAMAGE:
        return Archive(data, None)
    return Archive(data, archive)


def _has_moderate_table(data: bytes) -> bool:
    """Returns whether the table of contents that ``zipfile`` would read is small."""
    at = len(data) - _END.size
    if not (at >= 0 and data[at : at + 4] == _END_MARK and data[-2:] == b"\0\0"):
        at = data.rfind(_END_MARK, max(0, len(data) - _MAX_COMMENT - _END.size))
    if at < 0 or at + _END.size > len(data):
        return False
    _, _, _, _, count, size, _, _ = _END.unpack_from(data, at)
    # A record of the form for archives over 4 GB would overrule this one.
    is_huge = data[max(0, at - 20) : at].startswith(_HUGE_MARK)
    return not is_huge and size <= _MAX_TABLE_BYTES and count <= _MAX_MEMBERS
