"""Ports for servers that other processes are to open, where 0 will not do."""

from __future__ import annotations

import random
import socket


_PORTS = range(18_000, 30_000)  # below those that the kernel gives to whoever asks for any


def free_port() -> int:
    """
    A port of 127.0.0.1 on which nobody listens, and that nobody gets who did not ask for it.

    One of the kernel's own choice may be taken again, by any connection of any process, before the
    server has opened it, and also while a server is away that is to come back on it.
    """
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
