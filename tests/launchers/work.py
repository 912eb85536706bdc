"""What trials do in tests of the launcher: functions of a module, so that a child finds them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from rnnzoo.launchers import Tell
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial


def behave(trial: Trial, tell: Tell) -> Outcome:
    """Do what the trial's variant says."""
    return globals()[trial.variant](trial, tell)


def complete(trial: Trial, tell: Tell) -> Outcome:
    score = float(trial.index)
    return Outcome(Kind.COMPLETE, {"validation": score, "test": score, "train": score})


def raising(trial: Trial, tell: Tell) -> Outcome:
    raise RuntimeError("something broke")


def crashing(trial: Trial, tell: Tell) -> Outcome:
    os.kill(os.getpid(), signal.SIGSEGV)
    return complete(trial, tell)


def killed(trial: Trial, tell: Tell) -> Outcome:
    os.kill(os.getpid(), signal.SIGKILL)
    return complete(trial, tell)


def exhausting(trial: Trial, tell: Tell) -> Outcome:
    raise MemoryError


def greedy(trial: Trial, tell: Tell) -> Outcome:
    print("takes a gigabyte", flush=True)
    held = b"x" * 2**30
    time.sleep(60)
    return complete(trial, lambda _: bool(held))


def diverging(trial: Trial, tell: Tell) -> Outcome:
    print("the loss is no number any more")
    return Outcome(Kind.DIVERGED, message="the loss became NaN in epoch 1")


def printing(trial: Trial, tell: Tell) -> Outcome:
    print("said by Python")
    os.system("echo said by a program")
    return complete(trial, tell)


def reporting(trial: Trial, tell: Tell) -> Outcome:
    for step in range(1, 6):
        if not tell(Progress(step, 5, float(step), 1.0)):
            return Outcome(Kind.PRUNED, message=f"stopped after {step}")
    return complete(trial, tell)


def endless(trial: Trial, tell: Tell) -> Outcome:
    print(os.getpid(), flush=True)
    while True:
        time.sleep(0.05)


def environment(trial: Trial, tell: Tell) -> Outcome:
    return Outcome(Kind.COMPLETE, {"threads": float(os.environ["OMP_NUM_THREADS"])})


def napping(trial: Trial, tell: Tell) -> Outcome:
    print("asleep", flush=True)
    time.sleep(0.4)
    return complete(trial, tell)


def lingering(trial: Trial, tell: Tell) -> Outcome:
    """All but the first two trials wait until a file says that nobody is going to interrupt
    them.
    """
    end = time.monotonic() + (20 if trial.index > 1 else 0)
    while not (trial.home / "hurry").exists() and time.monotonic() < end:
        time.sleep(0.02)
    return complete(trial, tell)


def peaking(trial: Trial, tell: Tell) -> Outcome:
    """Holds a quarter of a gigabyte for a moment that no look once a second need meet."""
    held = b"x" * 2**28
    del held
    return complete(trial, tell)


def unwritable(trial: Trial, tell: Tell) -> Outcome:
    raise OSError(int(trial.base), os.strerror(int(trial.base)), "somewhere")


def unwritable_in_words(trial: Trial, tell: Tell) -> Outcome:
    raise RuntimeError(f"PermissionDeniedError: cache/entry; {os.strerror(int(trial.base))} [Op:x]")


def telling_who(trial: Trial, tell: Tell) -> Outcome:
    """Tells its process and the worker that it is on, and never ends."""
    fork_server = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()
    tell(Progress(1, 1, float(os.getpid()), float(fork_server[1])))
    return endless(trial, tell)


def patient(trial: Trial, tell: Tell) -> Outcome:
    """Goes on for as long as it may."""
    step = 0
    while tell(Progress(step := step + 1, 10**6, 1.0, 1.0)):
        time.sleep(0.01)
    return Outcome(Kind.PRUNED, message=f"stopped after {step}")
