"""`python -m rnnzoo`, and the command `rnnzoo`."""

import signal
import sys


def main() -> int:
    """Run a command; returns the exit code.

    Ctrl-C before its modules are imported ends the process without a word: nothing was begun, and a
    traceback would tell of imports.
    """
    heeds_ctrl_c = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeds_ctrl_c:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from rnnzoo.cli import main as run

    if heeds_ctrl_c:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return run()


if __name__ == "__main__":
    sys.exit(main())
