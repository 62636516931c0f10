"""Everything that is held about somebody, as a file."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from consent import whose
from consent.accountability import audit
from consent.desk import requests
from consent.enums import RequestKind
from core import clock, watermarks


class Command(BaseCommand):
    help = "Write everything that is held about a customer to a JSON file that only you can read."

    def add_arguments(self, parser: ArgumentParser) -> None:
        whose.add_arguments(parser)
        parser.add_argument("--out", type=Path, required=True, metavar="FILE.json")
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        person = whose.of_options(options)
        request = requests.ask(
            kind=RequestKind.ACCESS, customer=person.customer, source=person.source,
            address_hmac=person.address_hmac, requested_by="command line", now=now,
        )  # fmt: skip
        whom = requests.person_of(request)
        mark = watermarks.new()
        stamp = watermarks.stamp(mark, who="command line", at=now)
        exported = {watermarks.COLUMN: stamp, **requests.export(whom, now=now)}
        path: Path = options["out"]
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            requests.refuse(request, why="The file could not be written.", now=now)
            raise CommandError(f"{path}: {error.strerror}", returncode=2) from error
        with os.fdopen(handle, "w") as file:
            file.write(requests.as_json(exported))
        requests.mark_delivered(request, now=now)
        audit.by_command(
            what="export_customer", action=audit.EXPORT, numbers=whom.customer_ids,
            with_addresses=True, mark=mark,
        )  # fmt: skip
        rows = {entry["what"]: len(entry["rows"]) for entry in exported["data"]}
        if options["json"]:
            self.stdout.write(json.dumps({"request": request.pk, "rows": rows}))
            return
        for what, count in rows.items():
            self.stdout.write(f"{what:40} {count:>8}")
