"""Train now, without waiting for the schedule."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from core import clock
from customers.queries import known_until
from feedback import retraining
from segmentation.enums import Task
from segmentation.training import AlreadyTrainingError


TASKS = {task.lower(): task for task in Task}


class Command(BaseCommand):
    help = "Train models now, those named or all that are due; says what serves and why."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("task", nargs="*", help=f"{', '.join(TASKS)}; none: whatever is due")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        known = known_until(now=now)
        if unknown := set(options["task"]) - set(TASKS):
            raise CommandError(
                f"no model named {', '.join(sorted(unknown))}; known: {', '.join(TASKS)}",
                returncode=2,
            )
        wanted: list[Task] = [TASKS[name] for name in options["task"]]
        needs = (
            [retraining.Need(task=task, trigger="asked for by hand") for task in wanted]
            if wanted
            else retraining.needs(now=known)
        )
        if not needs:
            self.stdout.write("Nothing is due.")
        for need in needs:
            try:
                decision = retraining.retrain(need, now=now, known_until=known)
            except AlreadyTrainingError as error:
                raise CommandError(str(error)) from error
            serves = "serves" if decision.promoted else "does not serve"
            self.stdout.write(f"{decision.challenger or need.task} {serves}: {decision.reason}")
