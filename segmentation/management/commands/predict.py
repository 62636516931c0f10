"""Predictions from files: no database, no network."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from time import perf_counter
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from threadpoolctl import threadpool_limits

from segmentation.ml.offline import files, tasks


class Command(BaseCommand):
    help = "Predict from CSV or Parquet files, without database or network; writes predictions and a .meta.json."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        chosen = parser.add_subparsers(
            dest="task", required=True, metavar="TASK", parser_class=CommandParser
        )
        for name, module in tasks.available(tasks.PREDICT).items():
            one = chosen.add_parser(name, help=module.HELP, description=module.HELP)
            module.add_arguments(one)
            tasks.add_common_arguments(one)

    def handle(self, *args: Any, **options: Any) -> None:
        given = Namespace(**options)
        begun = perf_counter()
        try:
            with threadpool_limits(limits=max(1, given.jobs)):
                prediction = tasks.available(tasks.PREDICT)[given.task].predict(given)
            for warning in prediction.warnings:
                self.stderr.write(f"warning: {warning}")
            for path, table in {given.out: prediction.table, **prediction.extra}.items():
                files.write(table, Path(path))
            meta = tasks.meta_of(prediction, given, seconds=perf_counter() - begun)
            files.write_document(meta, Path(f"{given.out}.meta.json"))
        except files.FileError as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(f"{prediction.table.num_rows} rows in {given.out}")
