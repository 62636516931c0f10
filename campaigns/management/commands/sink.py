from __future__ import annotations

import asyncio
import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from campaigns.channels.sink import Sink, serve


class Command(BaseCommand):
    help = "Run a mail server that delivers nothing and keeps everything, for trying out and tests."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=0, help="0: any free one; it is printed")
        parser.add_argument("--folder", type=Path, help="default: COTERIE_HOME/sink")
        parser.add_argument("--keep", type=int, default=200, help="messages to keep whole")
        parser.add_argument("--delay", type=float, default=0.0, help="seconds before an answer")

    def handle(self, *args: Any, **options: Any) -> None:
        home = Path(settings.HOME) / "sink"
        sink = Sink(folder=options["folder"] or home, keep=options["keep"], delay=options["delay"])
        asyncio.run(self._run(sink, options["host"], options["port"], home / "port"))

    async def _run(self, sink: Sink, host: str, port: int, port_file: Path) -> None:
        server = await serve(sink, host=host, port=port)
        taken = server.sockets[0].getsockname()[1]
        self._announce(taken, port_file)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await stop.wait()
        server.close()
        sink.close()

    def _announce(self, port: int, port_file: Path) -> None:
        port_file.parent.mkdir(parents=True, exist_ok=True)
        port_file.write_text(str(port))
        self.stdout.write(str(port))
        self.stdout.flush()
