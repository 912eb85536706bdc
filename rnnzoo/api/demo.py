"""A finished study that comes with the package, for a first look: nothing is trained or computed.

`rnnzoo/demo/` holds an experiment, the table of its trials, and what `make demo-page` made of both:
the report's page, and the answers in it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rnnzoo import __version__
from rnnzoo.errors import UsageError, argument
from rnnzoo.spec.atomic import atomic_write
from rnnzoo.spec.settings import cache_folder

KEPT = Path(__file__).parents[1] / "demo"
PAGE, ANSWERS = "report.html", "answers.json"
SPEC, TABLE = "gates.yaml", "gates.csv"


@dataclass(frozen=True, slots=True)
class Said:
    """What the study says of one of its claims.

    Attributes:
        word: supported, refuted, the same within a margin, or undecided.
    """

    claim: str
    word: str
    answer: str


@dataclass(frozen=True, slots=True)
class Demo:
    """A finished study in a folder.

    Attributes:
        page: its report.
        spec: the experiment.
        table: its trials, of which the report can be made again.
    """

    page: Path
    spec: Path
    table: Path
    about: str
    answers: tuple[Said, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        places = {name: str(getattr(self, name)) for name in ("page", "spec", "table")}
        return {**places, "about": self.about, "answers": [asdict(said) for said in self.answers]}


def write(folder: Path | None = None) -> Demo:
    """Write the study to a folder, by default one of the cache.

    Raises:
        UsageError: the user's folder holds other files, or cannot be written.
    """
    where = cache_folder() / f"demo-{__version__}" if folder is None else folder
    content = json.loads((KEPT / ANSWERS).read_text(encoding="utf-8"))
    files = {
        PAGE: gzip.decompress((KEPT / f"{PAGE}.gz").read_bytes()),
        **{name: (KEPT / name).read_bytes() for name in (SPEC, TABLE)},
    }
    try:
        where.mkdir(parents=True, exist_ok=True)
        if folder is not None:
            _check_free(where, files)
        for name, bytes_ in files.items():
            with atomic_write(where / name) as draft:
                draft.write_bytes(bytes_)
    except OSError as error:
        fix = f"choose another folder with {argument('out', 'FOLDER')}"
        raise UsageError(f"cannot write to {where}: {error.strerror}", fix) from None
    answers = tuple(Said(**said) for said in content["answers"])
    whole = where.resolve()
    return Demo(whole / PAGE, whole / SPEC, whole / TABLE, content["about"], answers)


def _check_free(folder: Path, files: Mapping[str, bytes]) -> None:
    """Check that nothing in a folder is written over but the study itself.

    Raises:
        UsageError: the folder holds other files, or a file of the study that was changed.
    """
    existing = [name for name in files if (folder / name).exists()]
    changed = [name for name in existing if (folder / name).read_bytes() != files[name]]
    if changed:
        problem = f"{folder / changed[0]} is there already, and is not that of the study"
    elif not existing and any(folder.iterdir()):
        problem = f"{folder} holds other files"
    else:
        return
    raise UsageError(problem, "choose another folder, or a new one")


def keep(page: str, about: str, answers: Sequence[Said], made_from: str) -> None:
    """Keep what was made of the study for `write`: for `make demo-page`, in a checkout.

    Args:
        made_from: a digest of the page's templates, by which a test sees that they have changed.
    """
    said = [asdict(answer) for answer in answers]
    content = {"about": about, "answers": said, "made_from": made_from}
    (KEPT / ANSWERS).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    # no time in it, so that the same page makes the same file
    (KEPT / f"{PAGE}.gz").write_bytes(gzip.compress(page.encode(), mtime=0))
