"""Who is affected, and until when the authority has to know."""

from __future__ import annotations

import csv
import json
import os
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from consent.accountability import audit, breaches
from consent.models import Breach
from core import clock, watermarks
from customers.exporting import cell


class Command(BaseCommand):
    help = (
        "Say who is affected by a stolen key, login or file, or by whatever happened in a span of time, "
        "start the clock of 72 hours, and write a file of the customers."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--key", default="", help="name of an API key, or how it starts")
        parser.add_argument("--user", default="", help="login of a staff member")
        parser.add_argument("--file", default="", help="the mark in an export, or a line of it")
        parser.add_argument("--since", type=_moment, metavar="TIME", help="2026-06-01T12:00, UTC")
        parser.add_argument("--until", type=_moment, metavar="TIME")
        parser.add_argument(
            "--everybody", action="store_true", help="the database itself got out, not only what was looked at"
        )  # fmt: skip
        parser.add_argument("--noticed", type=_moment, metavar="TIME", help="default: now")
        parser.add_argument("--drill", action="store_true", help="only look; start no clock")
        parser.add_argument("--out", type=Path, metavar="FILE.csv", help="the customers")
        parser.add_argument("--addresses", action="store_true", help="with e-mail, to tell them")
        parser.add_argument("--told", type=int, metavar="BREACH", help="the authority knows of it")
        parser.add_argument("--note", default="", help="with --told: to whom, or why not")
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["told"] is not None:
            self._told(options["told"], options["note"])
            return
        mark = watermarks.mark_in(options["file"])
        if options["file"] and not mark:
            raise CommandError(
                "--file: no mark in it; a mark is ctr- and 16 digits of 0-9 and a-f, without a gap",
                returncode=2,
            )
        selection = breaches.Selection(
            key=options["key"], user=options["user"], mark=mark, since=options["since"],
            until=options["until"], everybody=options["everybody"],
        )  # fmt: skip
        try:
            found = breaches.find(selection)
        except breaches.UnknownSelectionError as error:
            raise CommandError(str(error), returncode=2) from error
        if options["out"]:
            self._write(options["out"], found, with_addresses=options["addresses"])
        self._say(selection, found, options)

    def _say(
        self, selection: breaches.Selection, found: breaches.Found, options: dict[str, Any]
    ) -> None:
        noticed = options["noticed"] or clock.now()
        case = None
        if found.people and not options["drill"]:
            case = breaches.open_case(selection, found, noticed_at=noticed)
        due = noticed + breaches.TELL_WITHIN
        self.stdout.write(f"customers affected      {len(found.people):>10,}")
        self.stdout.write(f"  with names, addresses {found.with_names:>10,}")
        self.stdout.write(f"looks in the access log {found.looks:>10,}")
        self.stdout.write(f"  files taken away      {found.exports:>10,}")
        if found.could_read is not None:
            self.stdout.write(f"the key could read      {found.could_read:>10,}")
        self.stdout.write(_what_now(case, is_drill=options["drill"]))
        if options["json"]:
            said = {
                "breach": case.pk if case else None, "people": len(found.people),
                "with_names": found.with_names, "looks": found.looks, "exports": found.exports,
                "could_read": found.could_read, "due_at": due.isoformat() if found.people else None,
            }  # fmt: skip
            self.stdout.write(json.dumps(said))

    def _write(self, path: Path, found: breaches.Found, *, with_addresses: bool) -> None:
        mark = watermarks.new()
        stamp = watermarks.stamp(mark, who="command line", at=clock.now())
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}", returncode=2) from error
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            lines = breaches.lines(found, with_addresses=with_addresses)
            writer.writerow([*next(lines), watermarks.COLUMN])
            writer.writerows([*(cell(value) for value in line), stamp] for line in lines)
        audit.by_command(
            what="breach", action=audit.EXPORT, numbers=list(found.people),
            with_addresses=with_addresses, mark=mark,
        )  # fmt: skip

    def _told(self, number: int, note: str) -> None:
        case = Breach.objects.filter(pk=number).first()
        if case is None:
            raise CommandError(f"There is no breach {number}.", returncode=2)
        if not note:
            raise CommandError("--note: say to whom, or why nobody has to be told.", returncode=2)
        breaches.told(case, note=note, now=clock.now())
        self.stdout.write(f"{case}: written down.")


def _what_now(case: Breach | None, *, is_drill: bool) -> str:
    if is_drill:
        return "This is a drill: no clock was started, and nobody has to be told."
    if case is None:
        return (
            "Nobody is affected as far as the access log knows, and no clock was started. "
            "Where the database itself or a backup got out: --everybody."
        )
    left = (case.due_at - clock.now()).total_seconds() / 3600
    hours = f"{left:.0f} hours left" if left > 0 else f"{-left:.0f} hours too late"
    return (
        f"tell the authority until {case.due_at:%Y-%m-%d %H:%M} UTC ({hours})\n"
        f"{case}: when it is done, manage.py breach --told {case.pk}"
    )


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
