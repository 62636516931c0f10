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
from customers.importing import runs
from customers.importing.dialect import detect
from customers.importing.undoing import REASONS, undo
from customers.importing.workspace import BusyError
from customers.models import Import, Source
from customers.reports import IngestReport
from customers.sources import LAYOUTS
from customers.sources.csv_files import load_mapping
from customers.sources.simulated_shop import lay_over
from customers.sources.simulation.parameters import ShopParameters


class Command(BaseCommand):
    help = "Import a file, try an import out, or undo one. The same file again adds nothing."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="CSV or Parquet")
        parser.add_argument("--layout", default="generic", help=" or ".join(LAYOUTS.names()))
        parser.add_argument("--mapping", type=Path, help="JSON: which column is what (generic)")
        parser.add_argument("--source", help="name of the source (default: the file's name)")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would happen and write nothing"
        )
        parser.add_argument("--undo", type=int, metavar="ID", help="take import ID back")
        parser.add_argument(
            "--simulate-outcomes",
            action="store_true",
            help="for demonstrations: make up consents, and let a simulator answer campaigns",
        )
        parser.add_argument("--parameters", default="regulars", help="of the simulator")
        parser.add_argument("--seed", type=int, default=1, help="of the simulator")
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["file"] is None) == (options["undo"] is None):
            raise CommandError("Give a file to import, or --undo ID.", returncode=2)
        started = time.perf_counter()
        screen = Console(stderr=True)
        try:
            if options["undo"] is not None:
                told = self._undo(screen, options["undo"])
            else:
                told = self._import(screen, options, started=started)
        except (
            ValueError,
            UnknownNameError,
            BusyError,
            Import.DoesNotExist,
        ) as error:  # SourceError and ParameterError are ValueErrors
            raise CommandError(str(error), returncode=2) from error
        if options["json"]:
            told["seconds"] = round(time.perf_counter() - started, 2)
            self.stdout.write(json.dumps(told))

    def _import(
        self, screen: Console, options: dict[str, Any], *, started: float
    ) -> dict[str, Any]:
        now, path = clock.now(), options["file"]
        layout = LAYOUTS.load(options["layout"])
        parameters = ShopParameters.load(options["parameters"])
        mapping = load_mapping(options["mapping"]) if options["mapping"] else None
        settings = {"mapping": mapping, "demonstration": options["simulate_outcomes"]}
        layout.reads(detect(path).columns, settings)  # before anything is written
        source, _ = Source.objects.get_or_create(
            name=options["source"] or path.stem[:100],
            defaults={
                "kind": layout.kind,
                "created_at": now,
                "settings": {"mapping": mapping} if mapping else {},
            },
        )
        row = runs.left(source=source, path=path, layout=options["layout"], settings=settings)
        if row is None:
            row = runs.create(
                source=source, path=path, file_name=path.name, layout=options["layout"],
                settings=settings, now=now,
            )  # fmt: skip
        else:
            screen.print(f"Going on with import {row.pk} where it was left.")
        with import_screen.progress(screen, f"reading {path.name}") as tick:
            if options["dry_run"]:
                report = runs.try_out(row, now=now, progress=tick)
            else:
                report = runs.run(row, now=now, progress=tick)
        if options["simulate_outcomes"] and not options["dry_run"]:
            lay_over(source, parameters=parameters, seed=options["seed"])
        import_screen.show(
            screen, report, seconds=time.perf_counter() - started, tried=options["dry_run"]
        )
        return self._account(report, source, options)

    def _account(
        self, report: IngestReport, source: Source, options: dict[str, Any]
    ) -> dict[str, Any]:
        totals = queries.totals(source=source)
        told = {
            "import": report.import_id,
            "lines": report.lines,
            "accepted": report.accepted,
            "rejected": report.rejected,
            "duplicates": report.duplicates,
            "customers": totals["customers"],
            "orders": totals["orders"],
            "sales_total": totals["sales_gross"] / 100,
            "refunded_total": totals["refunded_total"] / 100,
        }
        if options["dry_run"]:
            told["dry_run"] = True
        if source.outcomes_simulated:
            told["starts_at"] = source.settings["starts_at"]
        return told

    def _undo(self, screen: Console, import_id: int) -> dict[str, Any]:
        row = Import.objects.filter(pk=import_id).first()
        if row is None:
            raise CommandError(f"There is no import {import_id}.", returncode=2)
        told = undo(row, now=clock.now())
        screen.print(
            f"Import {import_id}: {told['deleted']:,} rows deleted, {told['restored']:,} given their old"
            f" words back, {told['consents_withdrawn']:,} consents withdrawn, {told['kept']:,} kept"
        )
        for reason, count in told["reasons"].items():
            screen.print(f"  {count:>9,}  {REASONS[reason]}", highlight=False)
        return told
