"""Serve everything on this machine."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError, call_command

from config.processes import ProcessDiedError, running


class Command(BaseCommand):
    help = "Migrate, then serve the web, the worker and beat until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        try:
            with running() as processes:
                processes.will_serve(port=options["port"])
                processes.start_sink()
                processes.start_worker_and_beat()
                address = processes.start_web(port=options["port"])
                self.stdout.write(f"Coterie answers at {address}/admin/ (Ctrl-C stops it)")
                while True:
                    processes.check()
                    time.sleep(1)
        except ProcessDiedError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("stopped")
