"""Make, list and revoke keys of the REST API."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import clock
from customers.models import Source
from gateway import keys
from gateway.models import ApiKey
from gateway.scopes import SCOPES


class Command(BaseCommand):
    help = "Make (the key is printed once), list or revoke keys of the REST API."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=["create", "list", "revoke"])
        parser.add_argument("--name", help="of the key; needed to create and to revoke")
        parser.add_argument(
            "--scopes",
            default="",
            help="separated by commas, such as orders:read,orders:write; or all",
        )
        parser.add_argument(
            "--source",
            action="append",
            default=[],
            metavar="NAME",
            help="only this source; may be given again. Without: all sources",
        )
        parser.add_argument("--per-minute", type=int, default=600, help="requests a minute")
        parser.add_argument("--json", action="store_true", help="one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["act"] != "list" and not options["name"]:
            raise CommandError("say which: --name")
        act = {"create": self._create, "list": self._list, "revoke": self._revoke}[options["act"]]
        self._print(act(options), as_json=options["json"])

    def _create(self, options: dict[str, Any]) -> dict[str, Any]:
        if ApiKey.objects.filter(name=options["name"]).exists():
            raise CommandError(f"there is a key named {options['name']!r} already")
        asked = [scope for scope in options["scopes"].split(",") if scope]
        sources = list(Source.objects.filter(name__in=options["source"]))
        if missing := set(options["source"]) - {source.name for source in sources}:
            raise CommandError(f"no source named {', '.join(sorted(missing))}")
        try:
            key, secret = keys.create(
                name=options["name"],
                scopes=list(SCOPES) if asked == ["all"] else asked,
                source_ids=[source.pk for source in sources],
                per_minute=options["per_minute"],
                now=clock.now(),
            )
        except keys.UnknownScopeError as error:
            raise CommandError(str(error)) from None
        return {**_said(key), "key": secret}

    def _list(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"keys": [_said(key) for key in ApiKey.objects.order_by("pk")]}

    def _revoke(self, options: dict[str, Any]) -> dict[str, Any]:
        key = ApiKey.objects.filter(name=options["name"]).first()
        if key is None:
            raise CommandError(f"no key named {options['name']!r}")
        keys.revoke(key, now=clock.now())
        key.refresh_from_db()
        return _said(key)

    def _print(self, said: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(said, default=str))
            return
        for entry in said.get("keys", [said]):
            for name, value in entry.items():
                self.stdout.write(f"{name}: {value}")
            self.stdout.write("")


def _said(key: ApiKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "prefix": key.prefix,
        "scopes": key.scopes,
        "source_ids": key.source_ids,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }
