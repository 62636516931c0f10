"""Make a simulated shop and import its past."""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from core import clock
from customers import import_screen, queries
from customers.sources import simulated_shop
from customers.sources.simulation.parameters import ShopParameters


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-06-01") from error


class Command(BaseCommand):
    help = (
        "Make a shop with simulated customers whose truth is known; the same seed, the same shop."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--customers", type=int, default=20_000)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--parameters", default="regulars", help="regulars, sparse, or a TOML file"
        )
        parser.add_argument("--starts-at", type=_day, help="the day mailing begins (today)")
        parser.add_argument("--name", default="Simulated shop")
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        started, now = time.perf_counter(), clock.now()
        screen = Console(stderr=True)
        starts_at = options["starts_at"] or now.replace(hour=0, minute=0, second=0, microsecond=0)
        try:
            with import_screen.progress(screen, "simulating the past") as tick:
                source, report = simulated_shop.create(
                    name=options["name"],
                    parameters=ShopParameters.load(options["parameters"]),
                    customers=options["customers"],
                    seed=options["seed"],
                    starts_at=starts_at,
                    now=max(now, starts_at),
                    progress=tick,
                )
        except ValueError as error:  # ParameterError is one
            raise CommandError(str(error), returncode=2) from error
        seconds = time.perf_counter() - started
        import_screen.show(screen, report, seconds=seconds)
        if options["json"]:
            totals = queries.totals(source=source)
            self.stdout.write(
                json.dumps({
                    "source": source.pk,
                    "starts_at": int(starts_at.timestamp()),
                    "rows": report.lines,
                    "accepted": report.accepted,
                    "rejected": report.rejected,
                    "duplicates": report.duplicates,
                    "customers": totals["customers"],
                    "orders": totals["orders"],
                    "sales_total": totals["sales_gross"] / 100,
                    "seconds": round(seconds, 2),
                })
            )  # fmt: skip
