"""Make sources of live data, and change their keys and secrets."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction
from rich.console import Console
from rich.table import Table

from core import clock
from customers.enums import Power, SourceKind
from customers.intake import keys
from customers.models import Source, SourceKey


KINDS = {
    "segment": SourceKind.SEGMENT,
    "shopify": SourceKind.SHOPIFY,
    "woocommerce": SourceKind.WOOCOMMERCE,
    "csv": SourceKind.CSV,
}


class Command(BaseCommand):
    help = (
        "Sources of shop data: `create` prints the address and the keys, once; `list`; `rotate` makes a "
        "new key in place of the old; `secret` reads a webhook's secret from standard input."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("action", choices=["create", "list", "rotate", "secret"])
        parser.add_argument(
            "what",
            nargs="?",
            help=f"create: {', '.join(KINDS)}; rotate, secret: the source's number",
        )
        parser.add_argument("--name", help="of a new source")
        parser.add_argument(
            "--origin", action="append", default=[],
            help="create segment: a page's origin (https://shop.example) that the browser key is for; "
            "repeatable; without it, any",
        )  # fmt: skip
        parser.add_argument(
            "--power", choices=["server", "browser"], default="server", help="rotate"
        )
        parser.add_argument(
            "--keep-hours", type=int, default=0, help="rotate: the old key works for so long (0)"
        )
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        screen = Console(stderr=options["json"])
        told = getattr(self, f"_{options['action']}")(screen, options)
        if options["json"]:
            self.stdout.write(json.dumps(told))

    def _create(self, screen: Console, options: dict[str, Any]) -> dict[str, Any]:
        kind = KINDS.get(options["what"] or "")
        if kind is None or not options["name"]:
            raise CommandError(
                f"say `source create KIND --name NAME`; kinds: {', '.join(KINDS)}", returncode=2
            )
        try:
            with transaction.atomic():
                opened = keys.open_source(kind=kind, name=options["name"], now=clock.now())
                if options["origin"]:
                    opened.source.settings = {"allowed_origins": options["origin"]}
                    opened.source.save(update_fields=["settings"])
        except IntegrityError:
            raise CommandError(
                f"there is a source named {options['name']!r} already", returncode=2
            ) from None
        told = {
            "id": opened.source.pk,
            "url": keys.address(opened.source),
            "write_key": opened.write_key,
            "browser_key": opened.browser_key,
            "secret": opened.secret,
        }
        told = {name: value for name, value in told.items() if value is not None}
        for name, value in told.items():
            screen.print(f"{name:<12} {value}", soft_wrap=True, highlight=False)
        if len(told) > 2:
            screen.print("Keys and secrets are shown only now: keep them.")
        return told

    def _list(self, screen: Console, options: dict[str, Any]) -> list[dict[str, Any]]:
        now = clock.now()
        table = Table("id", "name", "kind", "address", "keys")
        told = []
        for source in Source.objects.order_by("pk"):
            living = [
                f"{key.prefix}… ({key.power.lower()})"
                for key in SourceKey.objects.filter(source=source).order_by("pk")
                if key.revoked_at is None or key.revoked_at > now
            ]
            told.append({
                "id": source.pk, "name": source.name, "kind": source.kind,
                "url": keys.address(source), "keys": living,
            })  # fmt: skip
            table.add_row(
                str(source.pk), source.name, source.get_kind_display(), keys.address(source) or "",
                "\n".join(living),
            )  # fmt: skip
        screen.print(table)
        return told

    def _rotate(self, screen: Console, options: dict[str, Any]) -> dict[str, Any]:
        source = _source(options["what"])
        if source.kind != SourceKind.SEGMENT:
            raise CommandError(
                f"{source.name} has no keys; `source secret` changes a webhook's secret",
                returncode=2,
            )
        key = keys.rotate(
            source=source, power=Power[options["power"].upper()], now=clock.now(),
            keep_for=timedelta(hours=options["keep_hours"]),
        )  # fmt: skip
        screen.print(f"{key}\nThe key is shown only now: keep it.", soft_wrap=True, highlight=False)
        return {"id": source.pk, "power": options["power"], "key": key}

    def _secret(self, screen: Console, options: dict[str, Any]) -> dict[str, Any]:
        source = _source(options["what"])
        try:
            # not an argument: those are seen in the list of processes and in the shell's history
            keys.set_secret(source=source, secret=sys.stdin.readline())
        except ValueError as error:
            raise CommandError(str(error), returncode=2) from None
        screen.print(f"The secret of {source.name} is set.")
        return {"id": source.pk, "url": keys.address(source)}


def _source(number: str | None) -> Source:
    try:
        return Source.objects.get(pk=int(number or ""))
    except (ValueError, Source.DoesNotExist):
        raise CommandError(
            f"no source has the number {number!r}; see `source list`", returncode=2
        ) from None
