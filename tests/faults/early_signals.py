"""A module with which a fork server's children meet the signals of a group as soon as they are
forked.
"""

import os

from rnnzoo.launchers import _server
from rnnzoo.signals import GROUP_SIGNALS

leave_signals_to_the_sweep = _server.leave_signals_to_the_sweep


def meet_signals_first() -> None:
    for number in GROUP_SIGNALS:
        os.kill(os.getpid(), number)
    leave_signals_to_the_sweep()


_server.leave_signals_to_the_sweep = meet_signals_first
