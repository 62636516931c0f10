"""Who logs in with a second factor, and the way out for who has lost it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management import BaseCommand, CommandError

from config.second_factor import devices, log_name
from consent.accountability import audit


class Command(BaseCommand):
    help = "List who logs in with a second factor and who must; take one away from who has lost it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--reset", metavar="LOGIN", help="Take the device and the recovery codes away."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["reset"] is not None:
            self._reset(options["reset"])
            return
        for user in User.objects.filter(is_active=True).order_by("username"):
            state = devices.state_of(user)
            if state is not None:
                says = f"since {state.since:%Y-%m-%d}, {state.codes_left} recovery codes left"
            elif devices.is_required(user):
                says = "none, and the role needs one: it is asked for at the next login"
            else:
                says = "none"
            self.stdout.write(f"{user.username:20} {says}")

    def _reset(self, login: str) -> None:
        user = User.objects.filter(username=login).first()
        if user is None:
            raise CommandError(f"Nobody logs in as {login!r}.")
        if not devices.take_away(user):
            raise CommandError(f"{login} has no second factor.")
        audit.by_command(
            what=log_name("reset", user), action="CHANGE", numbers=[], with_addresses=False
        )
        self.stdout.write(
            f"{login} logs in with the password alone now, and was logged out everywhere."
        )
