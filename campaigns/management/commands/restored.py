"""After the database was restored from a backup."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from campaigns import replaying as deliveries
from consent.interlock import logbook
from consent.interlock import replaying as acts
from core import clock


class Command(BaseCommand):
    help = (
        "After a restore: erase, suppress and withdraw again what the backup has forgotten, mark what was "
        "sent since, then let messages go out again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be replayed; change nothing"
        )
        parser.add_argument(
            "--despite-damage", action="store_true", help="go on past lines that cannot be read"
        )
        parser.add_argument(
            "--despite-gap",
            action="store_true",
            help="go on though a file of the logbook is missing",
        )
        parser.add_argument(
            "--without-logbook",
            action="store_true",
            help="the logbook is lost: replay nothing, begin a new one, and send again",
        )
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["without_logbook"]:
            if not logbook.is_lost():
                raise CommandError(
                    f"{logbook.folder()} has a logbook; run this without the option."
                )
            acts.begin_anew()
            self.stdout.write("A new logbook has begun. Nothing was replayed.")
            return
        try:
            missing = acts.find(
                despite_damage=options["despite_damage"], despite_gap=options["despite_gap"]
            )
        except acts.ReplayError as error:
            raise CommandError(str(error)) from error
        if options["dry_run"]:
            self._say({"acts to replay": len(missing.acts)}, options)
            return
        if not missing.tokens:
            logbook.open_again()
            self.stdout.write("Nothing is missing: the database is as young as the logbook.")
            return
        now = clock.now()
        counts = acts.replay(missing, now=now)
        replayed = deliveries.replay(missing.sent, now=now)
        acts.finish(missing)
        if missing.since:
            self.stdout.write(f"The backup is of about {missing.since:%Y-%m-%d %H:%M} UTC.")
        for campaign in replayed.unknown:
            self.stdout.write(
                f"A campaign that the backup does not know ({campaign.salt}): {campaign.messages} messages "
                f"left between {campaign.first_at:%Y-%m-%d %H:%M} and {campaign.last_at:%Y-%m-%d %H:%M} UTC. "
                "Do not send it again."
            )
        self._say({**counts, **replayed.done}, options)
        if not options["json"]:
            self.stdout.write("Messages go out again.")

    def _say(self, counts: dict[str, int], options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(counts))
            return
        for what, count in counts.items():
            self.stdout.write(f"{count:>8}  {what}")
