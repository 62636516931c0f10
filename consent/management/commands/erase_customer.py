"""Forget somebody, from the command line."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from consent import whose
from consent.desk import requests
from consent.enums import RequestKind
from core import clock


class Command(BaseCommand):
    help = (
        "Erase a customer everywhere; orders stay as sums, a keyed hash keeps the address unmailed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        whose.add_arguments(parser)
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        person = whose.of_options(options)
        request = requests.ask(
            kind=RequestKind.ERASURE, customer=person.customer, source=person.source,
            address_hmac=person.address_hmac, requested_by="command line", now=now,
        )  # fmt: skip
        request = requests.carry_out(request, now=now)
        result = {
            "request": request.pk,
            "status": request.status,
            "customers": len(request.result["known_by"]["customers"]),
            "rows": request.result["rows"],
            "waits": request.result["waits"],
        }
        if options["json"]:
            self.stdout.write(json.dumps(result))
            return
        self.stdout.write(f"Request {request.pk}: {request.get_status_display().lower()}.")
        for what, count in request.result["rows"].items():
            self.stdout.write(f"{what:40} {count:>8}")
        for what, count in request.result["waits"].items():
            self.stdout.write(f"{what}: {count} cannot be emptied yet; the worker goes on with it.")
