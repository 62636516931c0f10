"""Small real HTTP servers of this machine, for what calls out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


Answer = Callable[[BaseHTTPRequestHandler], None]


def reply(
    handler: BaseHTTPRequestHandler,
    body: bytes = b"",
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def serving(
    answer: Answer, *, wrap: Callable[[Any], Any] | None = None
) -> Iterator[tuple[int, list[str]]]:
    """A server on 127.0.0.1: (its port, a list that fills with the paths asked for)."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            paths.append(self.path)
            with suppress(
                BrokenPipeError, ConnectionResetError
            ):  # the caller hung up, as it should
                answer(self)

        do_GET = do_POST = _serve  # noqa: N815 - the library's names

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a handshake that the caller broke off

    server = Server(("127.0.0.1", 0), Handler)
    if wrap:
        server.socket = wrap(server.socket)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1], paths
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
