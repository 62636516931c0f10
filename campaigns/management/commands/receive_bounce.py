from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from campaigns.returns.parsing import MAX_BYTES
from campaigns.returns.receiving import take
from core import clock


TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h: the mail server keeps the mail and comes back


class Command(BaseCommand):
    help = (
        "Take in one mail that came back (a bounce, a complaint), as a mail server pipes it to us."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--recipient", default="", help="the envelope's recipient, ${original_recipient}"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        raw = sys.stdin.buffer.read(MAX_BYTES)
        while sys.stdin.buffer.read(MAX_BYTES):
            pass  # a pipe that closes early is an error to the mail server
        try:
            kind = take(raw, envelope_recipient=options["recipient"], now=clock.now())
        except DatabaseError:
            self.stderr.write("the database does not take it now")
            sys.exit(TRY_AGAIN)
        self.stdout.write(kind)
