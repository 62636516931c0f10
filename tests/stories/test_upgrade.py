"""
An upgrade under way: the next version's migration runs while senders of this one send.

What is promised for migrations that only add: tables, indexes, columns that may be empty or have a
default in the database. Those are made and taken back here, by Django's own executor, against running
senders; both the version before and the one after find the schema they can work with.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection, migrations, models
from django.db.migrations.executor import MigrationExecutor

from tests.stories.storm import BLOWS, Storm


pytestmark = [pytest.mark.story, pytest.mark.django_db(transaction=True)]


class NextOfCampaigns(migrations.Migration):
    operations = [
        migrations.AddField("campaign", "extra_flag", models.BooleanField(db_default=False)),
    ]


class NextOfDeliveries(migrations.Migration):
    operations = [
        migrations.AddField("delivery", "extra_note", models.TextField(null=True)),
        migrations.AddField("delivery", "extra_rank", models.IntegerField(db_default=0)),
        migrations.AddIndex("delivery", models.Index("extra_rank", name="extra_rank")),
        migrations.CreateModel(
            "Extra", [("id", models.BigAutoField(primary_key=True)),
                      ("delivery", models.ForeignKey("campaigns.Delivery", models.CASCADE))],
        ),
    ]  # fmt: skip


class Upgrade:
    """
    Each migration is a transaction, as `manage.py migrate` runs it.

    None locks two tables that senders lock: who does so in another order than they may be the one that
    the database stops, and then has to be run again.
    """

    def __init__(self) -> None:
        self.state = MigrationExecutor(connection).loader.project_state()
        kinds = (NextOfCampaigns, NextOfDeliveries)
        self.migrations = [kind(f"9999_{kind.__name__}", "campaigns") for kind in kinds]
        self.done = 0
        self.is_on = False

    def turn(self) -> None:
        """Apply them, or take them back."""
        for migration in self.migrations:
            with connection.schema_editor(atomic=True) as editor:
                if self.is_on:
                    migration.unapply(self.state.clone(), editor)
                else:
                    migration.apply(self.state.clone(), editor)
            self.done += 1
        self.is_on = not self.is_on


@pytest.fixture
def upgrade(transactional_db: None) -> Iterator[Upgrade]:
    upgrade = Upgrade()
    yield upgrade
    if upgrade.is_on:
        upgrade.turn()


def test_migrations_that_only_add_stop_no_sender(storm: Storm, upgrade: Upgrade) -> None:
    states = storm.rage(upgrade.turn)
    print(f"\n{upgrade.done} migrations while senders sent: {states}")
    assert states == {"SENT": storm.campaign.audience}
    assert upgrade.done == 2 * BLOWS
    assert set(storm.ended) == {0}
