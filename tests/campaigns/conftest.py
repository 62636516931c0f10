"""A real mail server for the tests of this folder, in a thread."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from campaigns.channels.sink import JOURNAL, Sink, serve


class RunningSink:
    def __init__(self, folder: Path, **options: Any) -> None:
        self.sink = Sink(folder=folder, **options)
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(serve(self.sink, host="127.0.0.1", port=0))
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"smtp://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    @property
    def received(self) -> list[dict[str, Any]]:
        lines = (self.sink.folder / JOURNAL).read_text().splitlines()
        return [json.loads(line) for line in lines]

    @property
    def recipients(self) -> list[str]:
        return [entry["recipient"] for entry in self.received]

    def stop(self) -> None:
        async def close() -> None:
            self.server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        asyncio.run_coroutine_threadsafe(close(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        for transport in list(getattr(self.loop, "_transports", {}).values()):
            transport.abort()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()
        self.sink.close()


@contextmanager
def running(folder: Path, **options: Any) -> Iterator[RunningSink]:
    sink = RunningSink(folder, **options)
    try:
        yield sink
    finally:
        sink.stop()


@pytest.fixture
def sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningSink]:
    with running(tmp_path / "sink") as server:
        monkeypatch.setattr(settings, "SMTP_URL", server.url)
        yield server


@pytest.fixture
def start_sink(tmp_path: Path) -> Callable[..., Any]:
    return lambda **options: running(tmp_path / "other-sink", **options)
