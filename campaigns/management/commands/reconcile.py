from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from campaigns.channels.sink import JOURNAL
from campaigns.reconcile import read_record, reconcile
from core import clock


class Command(BaseCommand):
    help = "Settle UNKNOWN deliveries by the mail server's record of what it accepted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--file",
            type=Path,
            help="a sink's journal or a list of Message-IDs; default: the sink of COTERIE_HOME",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"] or Path(settings.HOME) / "sink" / JOURNAL
        try:
            with path.open() as file:
                accepted = read_record(file)
        except (OSError, ValueError, KeyError) as error:
            raise CommandError(f"{path} cannot be read as a record: {error}") from error
        result = reconcile(accepted=accepted, now=clock.now())
        if options["json"]:
            self.stdout.write(json.dumps(asdict(result)))
        else:
            self.stdout.write(
                f"{result.delivered} had been delivered, {result.not_delivered} had not."
            )
