"""What is wrong with this installation, in words."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.management import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from campaigns.channels.smtp import SmtpChannel
from config import effective
from config.celery import app
from consent import peppers
from consent.accountability import chain, mass_access
from consent.interlock import logbook
from core import clock


class Command(BaseCommand):
    help = "Check servers, migrations, mail server, secrets and clock; exit code 1 if something is wrong."

    def handle(self, *args: Any, **options: Any) -> None:
        problems = 0
        checks = (
            ("database", self._database),
            ("migrations", self._migrations),
            ("broker", self._broker),
            ("task queue", self._queue),
            ("mail server", self._mail),
            ("folder for artefacts", self._home),
            ("consent ledger", self._ledger),
            ("logbook", self._logbook),
            ("suppression list", self._peppers),
            ("personal data", self._mass_access),
            ("clock", self._clock),
        )
        for name, check in checks:
            try:
                said, fine = check(), True
            except Exception as error:  # noqa: BLE001 - a doctor reports whatever hurts
                said, fine = str(error), False
                problems += 1
            self.stdout.write(f"{'ok ' if fine else 'BAD'} {name}: {said}")
        if problems:
            raise CommandError(f"{problems} of {len(checks)} checks failed", returncode=1)

    def _database(self) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            version = cursor.fetchone()[0]
        return f"PostgreSQL {version}, {'embedded' if settings.EMBEDDED else 'yours'}"

    def _migrations(self) -> str:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if waiting:
            raise RuntimeError(f"{len(waiting)} not applied; run manage.py migrate")
        return "all applied"

    def _broker(self) -> str:
        cache.set("doctor", "1", timeout=5)
        return "answers"

    def _queue(self) -> str:
        if found := effective.problems(app):
            raise RuntimeError("; ".join(found))
        return f"{len(effective.EXPECTED) + 3} settings are what Celery and the broker go by"

    def _mail(self) -> str:
        if not settings.SMTP_URL:
            raise RuntimeError("COTERIE_SMTP_URL is not set; nothing can be launched")
        channel = SmtpChannel(settings.SMTP_URL)
        channel.connect()  # encrypted and with our login, as a campaign does it
        channel.close()
        return f"{channel.host}:{channel.port} lets us in"

    def _home(self) -> str:
        probe = settings.HOME / ".doctor"
        probe.write_text("")
        probe.unlink()
        return f"{settings.HOME} can be written"

    def _clock(self) -> str:
        shift = clock.shift()
        if shift:
            return f"simulated: the shop's time is {clock.now():%Y-%m-%d %H:%M} UTC"
        return "real time"

    def _logbook(self) -> str:
        logbook.must_be_current()
        return f"{logbook.folder()}; the database is as young as it is"

    def _peppers(self) -> str:
        if words := peppers.problem():
            raise RuntimeError(words)
        former = len(settings.SUPPRESSION_PEPPERS_RETIRED)
        return f"one key and {former} former one{'' if former == 1 else 's'}, all given"

    def _ledger(self) -> str:
        found = chain.verify()
        if found.broken:
            raise RuntimeError(f"somebody has changed it; first: {found.broken}")
        return f"{found.acts} acts and {found.seals} seals fit together"

    def _mass_access(self) -> str:
        if found := mass_access.alarms(now=clock.now()):
            worst = found[0]
            raise RuntimeError(
                f"{worst.who} looked at {worst.people:,} customers within an hour on "
                f"{worst.at:%Y-%m-%d %H:%M} UTC; see the access log and manage.py breach"
            )
        if not settings.MASS_ACCESS_PEOPLE:
            return "no alarm is set for mass access"
        return f"nobody looked at more than {settings.MASS_ACCESS_PEOPLE:,} people within an hour"
