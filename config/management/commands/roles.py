"""Roles as they are in the code, and who has which."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.management import BaseCommand, CommandError

from config.roles import ROLES, install


class Command(BaseCommand):
    help = "List the roles and who has which; give one to somebody, or take it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--give", nargs=2, metavar=("ROLE", "LOGIN"))
        parser.add_argument("--take", nargs=2, metavar=("ROLE", "LOGIN"))

    def handle(self, *args: Any, **options: Any) -> None:
        install()
        for change, pair in (("add", options["give"]), ("remove", options["take"])):
            if pair is not None:
                user, group = self._found(*pair)
                getattr(user.groups, change)(group)
                if change == "add" and not user.is_staff:
                    user.is_staff = True
                    user.save(update_fields=["is_staff"])
                done = "now has" if change == "add" else "no longer has"
                self.stdout.write(f"{user.username} {done} the role {group.name}.\n\n")
        for role in ROLES:
            holders = User.objects.filter(groups__name=role.name, is_active=True)
            names = ", ".join(holders.order_by("username").values_list("username", flat=True))
            self.stdout.write(f"{role.name:16} {role.does}\n{'':16} held by: {names or 'nobody'}")
        everything = User.objects.filter(is_superuser=True, is_active=True).order_by("username")
        names = ", ".join(everything.values_list("username", flat=True))
        self.stdout.write(f"{'(superuser)':16} Whatever they like.\n{'':16} {names or 'nobody'}")

    def _found(self, role: str, login: str) -> tuple[User, Group]:
        known = {one.name.lower(): one.name for one in ROLES}
        if role.lower() not in known:
            raise CommandError(f"No role {role!r}; there are: {', '.join(known.values())}.")
        user = User.objects.filter(username=login).first()
        if user is None:
            raise CommandError(f"Nobody logs in as {login!r}; make them under Staff first.")
        return user, Group.objects.get(name=known[role.lower()])
