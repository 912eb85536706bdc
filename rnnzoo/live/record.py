"""An observer that keeps what is known of a sweep in a file, for its page.

In: a sweep's tally, and when it changes.  Out: a file that is replaced whole, at most once a
second, and every few seconds where nothing happens, which shows that the sweep lives.  A thread
writes it: a disk that is slow or full holds no trial up, and is said once.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnzoo.live.look import FOLDER
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.trial import Outcome, Progress, Trial
from rnnzoo.sweep.lock import BEAT
from rnnzoo.sweep.observer import Observer
from rnnzoo.sweep.parts import Part
from rnnzoo.sweep.tally import Tally

if TYPE_CHECKING:
    from rnnzoo.confirm.stand import Stand
    from rnnzoo.sweep.plan import Study
    from rnnzoo.sweep.steering import Told

FORMAT = 1  # of the file
PAUSE = 1.0  # seconds between two writes, at least
PATIENCE = 5.0  # seconds that the last write may take


class Recorder(Observer):
    """Writes nothing before studies are begun: only then has the sweep its lock, and the file.

    Args:
        about: what the page says of the experiment.
        tally: which is told before the recorder is.
        note: told once that the file cannot be written.
    """

    def __init__(
        self, file: Path, about: Mapping[str, Any], tally: Tally, note: Callable[[str], None]
    ) -> None:
        self.file, self.about, self.tally = file, about, tally
        self._note = note
        self._draft = file.with_name(f".{file.name}")  # of one name: a kill leaves one at most
        self._news = threading.Event()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble, self._is_told = "", False
        self.left = ""  # what a sweep that has ended leaves to others, and why

    # -- what the loop tells

    def note(self, text: str) -> None:
        self._tell()

    def begin(
        self, studies: Sequence[Study], done: Mapping[str, int], best: Mapping[str, float]
    ) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep_writing, daemon=True)
            self._thread.start()
        self._tell()

    def started(self, study: Study, trial: Trial) -> None:
        self._tell()

    def progress(self, study: Study, trial: Trial, progress: Progress) -> None:
        self._tell()

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        self._tell()

    def stands(self, now: Stand, experiment: Experiment) -> None:
        self._tell()

    def steered(self, told: Told) -> None:
        self._tell()

    def close(self, how: str, text: str = "") -> None:
        """The sweep is over; what is known last is written, unless the disk takes too long."""
        self.tally.close(how, text)
        self._over.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join(PATIENCE)

    def _tell(self) -> None:
        self._news.set()
        if self._trouble and not self._is_told:
            self._is_told = True
            self._note(self._trouble)

    # -- the thread

    def _keep_writing(self) -> None:
        while not self._over.is_set():
            self._news.wait(BEAT)
            self._news.clear()
            self._write()
            self._over.wait(PAUSE)
        self._write()

    def _write(self) -> None:
        content = {"format": FORMAT, **self.about, **self.tally.snapshot()}
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._draft.write_text(json.dumps(content), encoding="utf-8")
            os.replace(self._draft, self.file)
        except OSError as error:
            with suppress(OSError):
                self._draft.unlink()
            reason = error.strerror or str(error)
            self._trouble = (
                f"what `rnnzoo watch` shows stands still: {self.file} cannot be written ({reason});"
                " the sweep goes on"
            )


@contextmanager
def recording(
    runs: Path, about: Mapping[str, Any], tally: Tally, note: Callable[[str], None]
) -> Iterator[Recorder]:
    """A recorder of a sweep, which is told how the block ends.

    Args:
        runs: the experiment's folder.
        about: what the page says of the experiment.
        tally: what is known of the sweep.
        note: told once that the file cannot be written.
    """
    process = {"host": socket.gethostname(), "pid": os.getpid()}
    recorder = Recorder(file_of(runs, tally.part), {**about, **process}, tally, note)
    try:
        yield recorder
    except KeyboardInterrupt:
        recorder.close("stopped")
        raise
    except BaseException as error:
        recorder.close("failed", str(error))
        raise
    recorder.close("done", recorder.left)


def file_of(runs: Path, part: Part) -> Path:
    """The file of a part's page: parts that run at once have one each."""
    name = "sweep"
    if not part.whole:
        name = f"part-{hashlib.sha256(str(part).encode()).hexdigest()[:8]}"
    return runs / FOLDER / f"{name}.json"
