"""Ports of this machine: which are free, and who holds one."""

from __future__ import annotations

import socket
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Holder:
    """A process that listens on a port; ``pid`` is None when it is another user's."""

    address: str
    pid: int | None
    command: str


def is_free(port: int) -> bool:
    """Tell whether a server can listen on ``port`` of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def first_free(start: int, tries: int = 50) -> int | None:
    """Return the first free port from ``start`` on, or None."""
    return next((port for port in range(start, min(start + tries, 65536)) if is_free(port)), None)


def holder(port: int) -> Holder | None:
    """Return who listens on ``port``, or None when nobody does."""
    import psutil

    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS shows other processes to root only
        connections = []
    for connection in connections:
        if connection.status != psutil.CONN_LISTEN or tuple(connection.laddr)[1:] != (port,):
            continue
        try:
            command = " ".join(psutil.Process(connection.pid).cmdline()) if connection.pid else ""
        except psutil.Error:
            command = ""
        return Holder(str(next(iter(connection.laddr))), connection.pid, command)
    return None if is_free(port) else Holder(LOOPBACK, None, "")
