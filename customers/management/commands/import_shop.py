"""Bring a shop's file in and say what became of every line."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from core import clock
from core.registry import UnknownNameError
from customers import import_screen, queries
from customers.enums import SourceKind
from customers.ingest import load
from customers.models import Source
from customers.sources import LAYOUTS
from customers.sources.csv_files import load_mapping
from customers.sources.simulated_shop import lay_over
from customers.sources.simulation.parameters import ShopParameters


KINDS = {"uci": SourceKind.UCI}


class Command(BaseCommand):
    help = "Import a file of order lines. Importing the same file again adds nothing."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="CSV or Parquet")
        parser.add_argument("--layout", default="generic", help=" or ".join(LAYOUTS.names()))
        parser.add_argument("--mapping", type=Path, help="JSON: which column is what (generic)")
        parser.add_argument("--source", help="name of the source (default: the file's name)")
        parser.add_argument(
            "--simulate-outcomes",
            action="store_true",
            help="for demonstrations: make up consents, and let a simulator answer campaigns",
        )
        parser.add_argument("--parameters", default="regulars", help="of the simulator")
        parser.add_argument("--seed", type=int, default=1, help="of the simulator")
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        started, now = time.perf_counter(), clock.now()
        screen = Console(stderr=True)
        try:
            read = LAYOUTS.load(options["layout"])
            parameters = ShopParameters.load(options["parameters"])
            mapping = load_mapping(options["mapping"]) if options["mapping"] else None
            with import_screen.progress(screen, f"reading {options['file'].name}") as tick:
                batch, file = read(
                    options["file"],
                    now=now,
                    mapping=mapping,
                    with_consent=options["simulate_outcomes"],
                )
                source, _ = Source.objects.get_or_create(
                    name=options["source"] or options["file"].stem[:100],
                    defaults={
                        "kind": KINDS.get(options["layout"], SourceKind.CSV),
                        "created_at": now,
                        "settings": {"mapping": mapping} if mapping else {},
                    },
                )
                report = load(batch, source=source, now=now, file=file, progress=tick)
                if options["simulate_outcomes"]:
                    lay_over(source, parameters=parameters, seed=options["seed"])
        except (
            ValueError,
            UnknownNameError,
        ) as error:  # SourceError and ParameterError are ValueErrors
            raise CommandError(str(error), returncode=2) from error
        seconds = time.perf_counter() - started
        import_screen.show(screen, report, seconds=seconds)
        if options["json"]:
            totals = queries.totals(source=source)
            self.stdout.write(
                json.dumps({
                    "lines": report.lines,
                    "accepted": report.accepted,
                    "rejected": report.rejected,
                    "duplicates": report.duplicates,
                    "customers": totals["customers"],
                    "orders": totals["orders"],
                    "sales_total": totals["sales_gross_cents"] / 100,
                    "refunded_total": totals["refunded_total_cents"] / 100,
                    "seconds": round(seconds, 2),
                    **({"starts_at": source.settings["starts_at"]} if source.outcomes_simulated else {}),
                })
            )  # fmt: skip
