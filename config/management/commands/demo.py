"""Turn the whole ring on one machine and show what it earned."""

from __future__ import annotations

import os
import secrets
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.management import BaseCommand, CommandError, call_command
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from config import rounds
from config.processes import ProcessDiedError, Processes, running
from config.ring import Economics, Ring, TooSlowError
from core import clock
from customers.models import Source
from customers.sources import simulated_shop
from segmentation.enums import Task


SIMULATED = "Simulated shop"
BETWEEN_ROUNDS_DAYS = 28
STARTS_AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
USER = "demo"


class Command(BaseCommand):
    help = (
        "Load a shop, turn the whole ring for some rounds, print what it earned, serve the admin."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--data", type=Path, help="a UCI Online Retail file instead of a simulated shop"
        )
        parser.add_argument(
            "--customers", type=int, default=5_000, help="size of the simulated shop"
        )
        parser.add_argument("--rounds", type=int, default=5)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--no-serve", action="store_true", help="end after the table")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        screen = Console()
        # a table in a log file is as wide as it needs to be
        self.console = screen if screen.is_terminal else Console(width=150)
        if (
            options["data"] is not None
        ):  # the file's amounts are pounds; the screens' processes inherit it
            os.environ["COTERIE_CURRENCY"] = settings.CURRENCY = "GBP"
        # a search of settings costs the demonstration more than it shows; its processes inherit this
        os.environ.setdefault("COTERIE_TRAIN_TRIALS", "0")
        user, password = self._prepare()
        try:
            with running() as processes:
                if not options["no_serve"]:
                    processes.will_serve(port=options["port"])
                processes.start_sink()
                done = self._turn(processes, user, options)
                self._show(done, options)
                self.console.print(
                    f"{time.monotonic() - started:.0f} seconds. Everything this run left is in {settings.HOME}."
                )
                if options["no_serve"]:
                    return
                if not processes.children.get("worker"):
                    processes.start_worker_and_beat()
                address = processes.start_web(port=options["port"])
                self.console.print(
                    f"\nThe admin is at [bold]{address}/admin/[/]  login [bold]{USER}[/]  "
                    f"password [bold]{password}[/]   (Ctrl-C stops everything)"
                )
                while True:
                    processes.check()
                    time.sleep(1)
        except (ProcessDiedError, TooSlowError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.console.print("stopped")

    def _prepare(self) -> tuple[AbstractBaseUser, str]:
        """Migrate and make a login with a fresh random password."""
        call_command("migrate", verbosity=0)
        password = secrets.token_urlsafe(9)
        user, _ = get_user_model().objects.get_or_create(
            username=USER, defaults={"is_staff": True, "is_superuser": True}
        )
        user.set_password(password)
        user.save()
        return user, password

    def _turn(
        self, processes: Processes, user: AbstractBaseUser, options: dict[str, Any]
    ) -> list[rounds.Round]:
        done = rounds.load()
        source = self._shop(options)
        if len(done) >= options["rounds"]:
            self.console.print(
                f"{source} has turned {len(done)} rounds already; nothing is repeated."
            )
            return done
        processes.start_worker_and_beat()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30),
                   MofNCompleteColumn(), TimeElapsedColumn())  # fmt: skip
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            ring = Ring(
                source=source,
                economics=economics(source),
                processes=processes,
                progress=progress,
                user=user,
            )
            ring.wait_until_trained(Task.CHURN, Task.PURCHASE)
            total = progress.add_task("rounds", total=options["rounds"], completed=len(done))
            for number in range(len(done) + 1, options["rounds"] + 1):
                done.append(self._round(ring, number))
                rounds.save(done)
                progress.advance(total)
        return done

    def _round(self, ring: Ring, number: int) -> rounds.Round:
        ring.wait_until_scored()
        campaign = ring.launch(number)
        ring.wait_until_frozen(campaign)
        row = rounds.measure(
            number=number,
            campaign=campaign,
            true_profit=simulated_shop.true_profit(
                ring.source, at=campaign.frozen_at or clock.now()
            ),
            responders=rounds.responders(campaign),
        )
        ring.wait_until_sent(campaign)
        ring.let_time_pass(days=BETWEEN_ROUNDS_DAYS)
        ring.wait_until_closed(campaign)
        ring.wait_until_learned(rounds=number)
        rounds.complete(row)
        return row

    def _shop(self, options: dict[str, Any]) -> Source:
        """The shop of this COTERIE_HOME; loaded when there is none yet."""
        if options["data"] is not None:
            return self._real_shop(options["data"])
        if not Source.objects.filter(name=SIMULATED).exists():
            clock.set_now(STARTS_AT)
            call_command(
                "simulate_shop", "--customers", str(options["customers"]), "--seed", str(options["seed"]),
                "--name", SIMULATED, "--starts-at", f"{STARTS_AT:%Y-%m-%d}",
            )  # fmt: skip
        return Source.objects.get(name=SIMULATED)

    def _real_shop(self, path: Path) -> Source:
        if not Source.objects.filter(name=path.stem).exists():
            call_command(
                "import_shop",
                str(path),
                "--layout",
                "uci",
                "--source",
                path.stem,
                "--simulate-outcomes",
            )
        source = Source.objects.get(name=path.stem)
        if not clock.shift():
            clock.set_now(datetime.fromtimestamp(source.settings["starts_at"], tz=UTC))
        return source

    def _show(self, done: list[rounds.Round], options: dict[str, Any]) -> None:
        real = options["data"] is not None
        simulated_on = (
            "Real customers and orders; what follows a campaign is drawn from the simulator's response model."
            if real
            else "Simulated customers whose truth is known."
        )
        self.console.print(
            rounds.as_table(done, currency=settings.CURRENCY, simulated_on=simulated_on)
        )


def economics(source: Source) -> Economics:
    """What a mail costs in this shop, from the parameters it was made with."""
    mail = simulated_shop.parameters(source).mail
    return Economics(
        discount_percent=round(mail.discount_share * 100),
        contact_cost_cents=round(mail.contact_cost_cents),
        unsubscribe_cost_cents=round(mail.unsubscribe_cost_cents),
        outcome_days=mail.window_days,
    )
