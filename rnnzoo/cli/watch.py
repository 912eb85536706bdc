"""The command `watch`: a page that shows a sweep as it runs."""

from __future__ import annotations

import argparse
import getpass
import socket
from contextlib import suppress
from pathlib import Path

from rnnzoo.cli.as_json import print_json
from rnnzoo.errors import duration
from rnnzoo.live.look import Watcher
from rnnzoo.spec.read_experiment import read
from rnnzoo.spec.settings import runs


def watch(args: argparse.Namespace) -> None:
    """Serve the page of an experiment, or print what it shows."""
    name = read(Path(args.spec), args.set).name
    watcher = Watcher(runs() / name, name)
    if args.json:
        print_json(watcher.look())
        return
    from rnnzoo.live.server import HOST, LINGER, Page, serve, serving

    server = serving(Page(watcher, args.spec), args.port)
    port = server.server_address[1]
    address = f"http://{HOST}:{port}/"
    ends = "" if args.stay else f", and it ends {duration(LINGER)} after the sweep"
    print(f"{address}  (Ctrl-C ends it{ends})", flush=True)
    print(f"from another machine: ssh -L {port}:{HOST}:{port} {_here()}", flush=True)
    if watcher.look()["state"] == "not begun":
        print(f"no sweep of '{name}' has begun: the page waits for it", flush=True)
    if args.open:
        import webbrowser

        webbrowser.open(address)
    serve(server, args.stay)


def _here() -> str:
    """This machine, as `ssh` would be told."""
    with suppress(OSError, KeyError, ImportError):  # a container's user may have no name
        return f"{getpass.getuser()}@{socket.gethostname()}"
    return socket.gethostname()
