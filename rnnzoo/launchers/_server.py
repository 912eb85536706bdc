"""The fork server: a process that has imported everything that a trial needs, and forks a child for
each trial.

In: a socket.  A byte with a file descriptor, the child's end of a pipe, requests a child.  Out: a
record when a child was made and when it ended.  The server ends when the socket closes.

It replaces the fork server of `multiprocessing`, which imports the caller's main module into every
child (a script without a main guard would run again in each), listens at a path in TMPDIR (which
may be too long for a socket), and dies with its children if a signal is sent to the whole process
group.
"""

from __future__ import annotations

import gc
import importlib
import os
import selectors
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection

from rnnzoo.launchers._child import run_child
from rnnzoo.signals import GROUP_SIGNALS

RECORD = struct.Struct("!qq")  # a child's process id, and its status of `waitpid` or one of these
MADE = -1
NOT_MADE = -2  # the first number is the error number instead


def main(descriptor: int, preload: Sequence[str]) -> None:
    """Serve the socket at a file descriptor until it closes; the signals of `GROUP_SIGNALS` are
    blocked at first.
    """
    leave_signals_to_the_sweep()
    import_all(preload)
    with socket.socket(fileno=descriptor) as control:
        try:
            _serve(control)
        except OSError:  # the sweep has ended
            return


def import_all(names: Sequence[str]) -> None:
    """Import modules, and put what they hold out of the garbage collector's sight: it is never
    garbage, and a child that went through it would copy it page by page.
    """
    gc.disable()
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:
            traceback.print_exc()  # to the log; each child that needs it fails with the same reason
    gc.freeze()
    gc.enable()


def leave_signals_to_the_sweep() -> None:
    """Ignore signals to the whole process group: the sweep decides about its trials.

    Other processes that this one forks handle these signals as usual.
    """
    owner = os.getpid()

    def ignore(number: int, frame: object) -> None:
        if os.getpid() != owner:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    for number in GROUP_SIGNALS:
        signal.signal(number, ignore)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, GROUP_SIGNALS)


def _serve(control: socket.socket) -> None:
    waking, woken = socket.socketpair()
    for end in (waking, woken):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if woken in ready:
                woken.recv(4096)
                _report_ends(control)
            if control in ready:
                request, descriptors, *_ = socket.recv_fds(control, 1, 1)
                if not request:
                    return
                _fork(control, descriptors[0], (control, waking, woken))


def _report_ends(control: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        control.sendall(RECORD.pack(pid, status))


def _fork(control: socket.socket, pipe: int, inherited: Sequence[socket.socket]) -> None:
    """Fork a child with its end of a pipe; the child closes the inherited sockets."""
    # one that reaches the child before it ignores them itself would end it
    signal.pthread_sigmask(signal.SIG_BLOCK, GROUP_SIGNALS)
    try:
        pid = os.fork()
        record = RECORD.pack(pid, MADE)
    except OSError as error:
        pid, record = -1, RECORD.pack(error.errno or 0, NOT_MADE)
    if pid:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, GROUP_SIGNALS)
        os.close(pipe)
        control.sendall(record)
        return
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        leave_signals_to_the_sweep()
        for end in inherited:
            end.close()
        run_child(Connection(pipe))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(1)
