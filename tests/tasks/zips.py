"""Archives of one file, also in a state in which nobody can read it."""

from __future__ import annotations

import io
import zipfile


def packed(name: str, content: str, how: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of one file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", how) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def locked(name: str, content: str) -> bytes:
    """One whose file has a password."""
    archive = bytearray(packed(name, content))
    archive[6] |= 1
    archive[archive.index(b"PK\x01\x02") + 8] |= 1
    return bytes(archive)


def damaged(name: str, content: str) -> bytes:
    """One that bzip2 packed, and whose bytes are others."""
    archive = packed(name, content, zipfile.ZIP_BZIP2)
    start = 30 + len(name) + 10
    return archive[:start] + bytes(8) + archive[start + 8 :]
