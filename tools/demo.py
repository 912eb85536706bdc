"""Makes the page of `rnnzoo demo` from its experiment and table: `make demo-page`.

In: rnnzoo/demo/gates.yaml, rnnzoo/demo/gates.csv.  Out: its report and answers, beside them.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator

import rnnzoo
from rnnzoo.api import demo
from rnnzoo.report.summary import Summary

ABOUT = (
    "Which gates does an LSTM need?  Eleven variants on Bach chorales: {trained} trainings on one"
    " machine, judged at one error rate of 5 %."
)


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
    demo.keep(page, ABOUT.format(trained=len(kept)), answers(report.summary))
    print(f"wrote {demo.KEPT / demo.PAGE}.gz")


if __name__ == "__main__":
    main()
