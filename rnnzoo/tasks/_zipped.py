"""Archives (`.zip`) that people got by hand, whatever state they are in."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rnnzoo.errors import RnnzooError


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """An archive, which is to be read within the block.

    Raises:
        OSError: it cannot be opened.
        KeyError: what the block asks for is not in it.
        ValueError: it is no archive, is damaged, or has a password; with the reason.
    """
    with path.open("rb") as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                yield archive
        except (RnnzooError, KeyError, MemoryError):
            raise
        except Exception as error:  # zipfile, and each way to pack, have errors of their own
            raise ValueError(str(error) or "it ends too soon") from None


def files(archive: zipfile.ZipFile) -> list[str]:
    """The names of its files, without those that macOS adds."""
    return [
        name
        for name in archive.namelist()
        if not name.endswith("/") and not name.startswith("__MACOSX/")
    ]
