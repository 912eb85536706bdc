"""The command `ui`: MLflow's pages."""

from __future__ import annotations

import argparse

from rnnzoo.errors import UsageError, without_password
from rnnzoo.spec import settings as config


def ui(args: argparse.Namespace) -> int:
    """Serve MLflow's pages."""
    import socket

    from rnnzoo.trackers.mlflow import pages, serve

    settings = config.read()
    port = args.port or settings.port
    if settings.tracking.startswith("http"):
        print(f"runs are on a server already: {without_password(settings.tracking)}")
        return 0
    with socket.socket() as probe:
        if probe.connect_ex((settings.host, port)) == 0:
            raise UsageError(
                f"port {port} is taken",
                f"rnnzoo ui --port {port + 1}, or `ui: {{port: ...}}` in mlflow.yml",
            )
    address = f"http://{settings.host}:{port}"
    print(f"{address}  (Ctrl-C ends it)", flush=True)
    for name, link in list(pages(settings.tracking, address).items())[:9]:
        print(f"  {name}: {link}", flush=True)
    return serve(settings.tracking, settings.artifacts, settings.host, port)
