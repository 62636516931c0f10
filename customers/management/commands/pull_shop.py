"""Fetch from a WooCommerce shop's REST API what webhooks do not bring."""

from __future__ import annotations

import getpass
import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core import clock
from customers.models import Source
from customers.sources.egress import EgressError
from customers.sources.woocommerce import pull


class Command(BaseCommand):
    help = (
        "Fetch from a WooCommerce shop's REST API: reviews, and what fell into a gap. With --url, keep the"
        " shop's address and its REST key first; the key's two parts are asked for, or read as two lines"
        " from standard input. From then on it is fetched every 15 minutes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", help="the source's name")
        parser.add_argument("--url", help="the shop's address, https://shop.example")
        parser.add_argument("--json", action="store_true", help="one line of JSON at the end")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            source = Source.objects.get(name=options["source"])
        except Source.DoesNotExist:
            raise CommandError(f"there is no source named {options['source']!r}") from None
        if options["url"]:
            try:
                pull.connect(
                    source,
                    url=options["url"],
                    consumer_key=_ask("Consumer key (ck_…): "),
                    consumer_secret=_ask("Consumer secret (cs_…): "),
                    allow_private=settings.ALLOW_PRIVATE_TARGETS,
                )
            except (ValueError, EgressError) as error:
                raise CommandError(str(error)) from error
        if "pull" not in source.settings:
            raise CommandError("give the shop's address with --url")
        landed, pulled = 0, pull.Pulled(landed=0, finished=False)
        while not pulled.finished:
            pulled = pull.pull(
                source, now=clock.now(), allow_private=settings.ALLOW_PRIVATE_TARGETS, seconds=60
            )
            landed += pulled.landed
            if pulled.error:
                raise CommandError(pulled.error)
            if pulled.busy:
                raise CommandError("another process is fetching from this shop")
            self.stdout.write(f"{landed:,} objects that are new or changed")
        if options["json"]:
            self.stdout.write(json.dumps({"landed": landed}))


def _ask(question: str) -> str:
    return getpass.getpass(question) if sys.stdin.isatty() else sys.stdin.readline().strip()
