"""Listens, until it is told to stop; then it takes nothing new and finishes what it has taken."""

from __future__ import annotations

import errno
import logging
import os
import socket
import time
from collections.abc import Collection, Mapping

import uvicorn

from wordfield.protocols import Embedder
from wordfield.server.app import Service
from wordfield.server.models import Served
from wordfield.server.questions import Limits

log = logging.getLogger(__name__)

PATIENCE = 30
"""Seconds that what was taken has to come to its end after the server is told to stop."""
BACKLOG = 2048
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there, ``port`` 0: anywhere free; ``OSError`` that says what stands against it."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(kind)
    try:
        if os.name == "posix":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise OSError(f"port {port} of {host} is in use, perhaps by another server: name another, --port") from None
        raise OSError(f"cannot listen at {host}:{port}: {error.strerror or error}") from None
    made.setblocking(False)
    return made


def serve(
    models: Mapping[str, Embedder],
    listening: socket.socket,
    limits: Limits,
    keys: Collection[str] = (),
) -> None:
    """Serve ``models``, by name, until SIGINT or SIGTERM."""
    host, port = listening.getsockname()[:2]
    if not keys and host not in LOOPBACK:
        log.warning("everybody who reaches %s:%d may ask: no key is needed, see WORDFIELD_SERVER_KEYS", host, port)
    created = int(time.time())
    service = Service([Served(name, model, created) for name, model in models.items()], limits, keys)
    config = uvicorn.Config(
        service.application(),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=PATIENCE,
        server_header=False,
        date_header=False,
    )
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # how a server is stopped
        log.info("stopped")
