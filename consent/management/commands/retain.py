"""What is older than it may be kept."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from consent.accountability import retention
from core import clock


class Command(BaseCommand):
    help = "Show what is older than COTERIE_RETENTION allows; with --apply, delete it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--apply", action="store_true", help="delete it; else nothing is changed"
        )
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        try:
            due = retention.due(now=now)
        except retention.RetentionError as error:
            raise CommandError(str(error), returncode=2) from None
        deleted = retention.apply(now=now) if options["apply"] else {}
        if options["json"]:
            rows = {one.data_class.code: one.rows for one in due}
            self.stdout.write(json.dumps({"due": rows, "deleted": deleted}))
            return
        for one in due:
            self.stdout.write(f"{one.rows:>9,}  {one.data_class.what}, after {one.days} days")
        if not due:
            self.stdout.write("COTERIE_RETENTION names nothing: nothing is deleted.")
        elif not options["apply"]:
            self.stdout.write("Nothing was deleted; --apply deletes.")
