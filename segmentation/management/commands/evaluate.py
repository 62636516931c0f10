"""Judge predictions from files: no database, no network."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from segmentation.ml.offline import files, tasks


class Command(BaseCommand):
    help = (
        "Compare a file of predictions with a file of what came true, without database or network."
    )
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        chosen = parser.add_subparsers(
            dest="task", required=True, metavar="TASK", parser_class=CommandParser
        )
        for name, module in tasks.available(tasks.EVALUATE).items():
            one = chosen.add_parser(name, help=module.HELP, description=module.HELP)
            module.add_arguments(one)
            if not getattr(module, "OWN_FILES", False):
                one.add_argument("--pred", required=True, metavar="FILE", help="what was predicted")
                one.add_argument("--truth", required=True, metavar="FILE", help="what came true")
            one.add_argument("--out", metavar="FILE", help="where to write the measures as JSON")
            one.add_argument("--id", metavar="COLUMN", help="the column that names the row")
            one.add_argument("--seed", type=int, default=42, help="of the intervals; default 42")

    def handle(self, *args: Any, **options: Any) -> None:
        given = Namespace(**options)
        try:
            evaluation = tasks.available(tasks.EVALUATE)[given.task].evaluate(given)
            for warning in evaluation.warnings:
                self.stderr.write(f"warning: {warning}")
            if given.out:
                files.write_document(evaluation.metrics, Path(given.out))
        except files.FileError as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(json.dumps(evaluation.metrics, indent=1))
