"""A small bounded load generator for a server on this machine: keep-alive connections, one thread, epoll.

For comparing endpoints with one another. It costs some 25 µs of a core a request, which every endpoint
pays alike.
"""

from __future__ import annotations

import base64
import selectors
import socket
import time
from dataclasses import dataclass, field
from typing import cast


@dataclass(kw_only=True)
class Load:
    """What a run saw. `seconds` is wall time from the first byte sent to the last answer."""

    requests: int = 0
    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def failed(self) -> int:
        return sum(number for status, number in self.statuses.items() if status // 100 != 2)


def request(
    path: str, body: bytes, *, key: str = "", content_type: str = "application/json"
) -> bytes:
    """The bytes of one POST."""
    authorization = (
        f"Authorization: Basic {base64.b64encode(f'{key}:'.encode()).decode()}\r\n" if key else ""
    )
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
        f"{authorization}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def fire(requests: list[bytes], *, port: int, connections: int, seconds: float = 60.0) -> Load:
    """
    Send every request once, over `connections` at a time, and count the answers.

    Stops after `seconds` even if requests are left. Raises OSError when the server goes away.
    """
    load = Load()
    left = iter(requests)
    selector = selectors.DefaultSelector()
    started = time.perf_counter()
    for _ in range(connections):
        peer = socket.create_connection(("127.0.0.1", port))
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not _next(peer, left):
            peer.close()
            break
        selector.register(peer, selectors.EVENT_READ)
    while selector.get_map() and time.perf_counter() - started < seconds:
        for key, _ in selector.select(timeout=1.0):
            peer = cast("socket.socket", key.fileobj)
            status = _status(peer)
            load.requests += 1
            load.statuses[status] = load.statuses.get(status, 0) + 1
            if not _next(peer, left):
                selector.unregister(peer)
                peer.close()
    load.seconds = time.perf_counter() - started
    for key in list(selector.get_map().values()):
        key.fileobj.close()  # type: ignore[union-attr] # a socket
    selector.close()
    return load


def _next(peer: socket.socket, left: object) -> bool:
    message = next(left, None)  # type: ignore[call-overload] # an iterator of bytes
    if message is None:
        return False
    peer.sendall(message)
    return True


def _status(peer: socket.socket) -> int:
    """Read one whole answer; answers here are short and come in one piece."""
    data = peer.recv(65_536)
    while b"\r\n\r\n" not in data:
        data += _more(peer)
    head, _, body = data.partition(b"\r\n\r\n")
    headers = head.lower()
    if b"\ntransfer-encoding: chunked" in headers:
        while not body.endswith(b"0\r\n\r\n"):
            body += _more(peer)
    elif b"\ncontent-length:" in headers:
        length = int(headers.split(b"\ncontent-length:", 1)[1].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += _more(peer)
    return int(head[9:12])


def _more(peer: socket.socket) -> bytes:
    data = peer.recv(65_536)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data
