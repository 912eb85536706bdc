"""Makes the page of `rnnzoo demo` from its experiment and table: `make demo-page`.

In: rnnzoo/demo/gates.yaml, rnnzoo/demo/gates.csv.  Out: its report and answers, beside them.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import rnnzoo
from rnnzoo.api import demo
from rnnzoo.report import html
from rnnzoo.report.summary import Summary

ABOUT = (
    "Which gates does an LSTM need?  Eleven variants on Bach chorales: {trained} trainings on one"
    " machine, judged at one error rate of 5 %."
)

TEMPLATES = Path(html.__file__).with_name("pages")
_NAMED = re.compile(r'{%-? (?:include|from) "([^"]+)"')


def made_from(template: str = "report.html.j2") -> str:
    """A digest of a template and of all that it includes."""
    digest, names = hashlib.sha256(), [template]
    for name in names:
        text = (TEMPLATES / name).read_text(encoding="utf-8")
        digest.update(text.encode())
        names += [named for named in _NAMED.findall(text) if named not in names]
    return digest.hexdigest()


def answers(summary: Summary) -> list[demo.Said]:
    """What the study says of its claims."""
    return [demo.Said(verdict.claim, verdict.said, verdict.answer) for verdict in summary.verdicts]


@contextlib.contextmanager
def results() -> Iterator[rnnzoo.api.Results]:
    """The trials of the study, in a folder of its own: its page names no path of this machine."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for name in (demo.SPEC, demo.TABLE):
            shutil.copy(demo.KEPT / name, name)
        yield rnnzoo.results(demo.SPEC, source=demo.TABLE)


def main() -> None:
    with results() as kept:
        report = kept.report()
        page = report.page.read_text(encoding="utf-8")
    about = ABOUT.format(trained=len(kept))
    demo.keep(page, about, answers(report.summary), made_from())
    print(f"wrote {demo.KEPT / demo.PAGE}.gz")


if __name__ == "__main__":
    main()
