"""The load generator sends each request once and counts what was answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.load import fire, request


SEEN: list[bytes] = []


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        SEEN.append(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/chunked":
            self.send_response(201)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"2\r\nok\r\n")
            self.wfile.write(b"0\r\n\r\n")
            return
        self.send_response(200 if self.path == "/good" else 503)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    SEEN.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_every_request_is_sent_once_and_every_answer_counted(port: int) -> None:
    paths = ["/good", "/chunked", "/bad"]
    load = fire(
        [request(paths[n % 3], str(n).encode(), key="k") for n in range(31)],
        port=port,
        connections=4,
    )
    assert load.statuses == {200: 11, 201: 10, 503: 10}
    assert (load.requests, load.failed) == (31, 10)
    assert load.per_second > 0
    assert sorted(map(int, SEEN)) == list(range(31))


def test_fewer_requests_than_connections_end_too(port: int) -> None:
    assert fire([request("/good", b"1")], port=port, connections=9).requests == 1


def test_time_that_is_up_ends_it(port: int) -> None:
    load = fire([request("/good", b"1")] * 50, port=port, connections=2, seconds=0.0)
    assert load.requests == 0
