"""
People withdraw while a real sender works its way towards them: nobody is handed over after that.

The intent locks a person's consent, so a withdrawal commits before it or after it and never during
it; and after it only when the group has left. A trigger writes down the moment of each intent by the
database's clock, behind that lock; the withdrawal notes the same clock before it commits and after; the
mail server writes down when each message came. An intent or a message later than a commit would be a
message to somebody who had withdrawn.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.conf import settings
from django.db import connection, transaction

from campaigns import lifecycle, queries, tasks
from campaigns.channels.sink import JOURNAL
from campaigns.models import Delivery
from consent import ledger
from core import clock
from tests.stories.stage import Stage, check_the_books, is_open, launched, wait_until


pytestmark = [pytest.mark.story, pytest.mark.django_db(transaction=True)]
RACES = int(os.environ.get("COTERIE_CHAOS_RACES", "2000"))
GROUP = 50  # messages that leave together; more groups are more races
NEAR = GROUP + 10
AT_ONCE = 12  # each waits for a group now and then


@pytest.fixture
def moments(transactional_db: None) -> Iterator[None]:
    """The moment of each intent."""
    with connection.cursor() as cursor:
        cursor.execute(
            """CREATE TABLE race_intents (customer_id bigint PRIMARY KEY, at timestamptz);
               CREATE FUNCTION race_intent() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                   INSERT INTO race_intents VALUES (NEW.customer_id, clock_timestamp()); RETURN NULL;
               END $$;
               CREATE TRIGGER race_intent AFTER UPDATE ON campaigns_delivery FOR EACH ROW
                   WHEN (NEW.state = 'SENDING') EXECUTE FUNCTION race_intent()"""
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE race_intents; DROP FUNCTION race_intent CASCADE")


@dataclass
class Withdrawals:
    """By customer: the database's clock before the withdrawal committed and after."""

    people: list[int]
    times: dict[int, tuple[float, float]] = field(default_factory=dict)
    errors: list[BaseException] = field(default_factory=list)
    turn: threading.Lock = field(default_factory=threading.Lock)

    def go_on(self, seed: int) -> None:
        rng = random.Random(seed)
        try:
            while len(self.times) < RACES:
                with self.turn:
                    place = bisect_left(self.people, front()) + rng.randrange(-NEAR, NEAR)
                    free = (key for key in self.people[max(place, 0) :] if key not in self.times)
                    chosen = next(free)
                    self.times[chosen] = (0.0, 0.0)
                self.times[chosen] = self._withdraw(chosen)
        except BaseException as error:  # noqa: BLE001 - told by the test
            self.errors.append(error)
        finally:
            connection.close()

    @staticmethod
    def _withdraw(customer_id: int) -> tuple[float, float]:
        with transaction.atomic():
            assert ledger.unsubscribe(customer_id=customer_id, method="one-click", now=clock.now())
            before = database_clock()
        return before, database_clock()


def front() -> int:
    """The last customer to whom a message is on its way."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(max(customer_id), 0) FROM race_intents")
        return int(cursor.fetchone()[0])


def database_clock() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        return float(cursor.fetchone()[0])


def test_nobody_is_handed_over_after_their_withdrawal_has_committed(
    stage: Stage, moments: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", stage.start_sink("--delay", "0.004"))
    campaign = launched(6 * RACES)  # more than it takes
    start = time.monotonic()
    sender = stage.start("send", dispatch__GROUP=GROUP)
    while is_open(campaign) and not Delivery.objects.exists():
        time.sleep(0.01)
    people = list(Delivery.objects.order_by("customer").values_list("customer_id", flat=True))
    withdrawals = Withdrawals(people)
    threads = [threading.Thread(target=withdrawals.go_on, args=(seed,)) for seed in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert withdrawals.errors == []
    wait_until(lambda: front() > max(withdrawals.times))
    campaign.refresh_from_db()
    lifecycle.cancel(campaign, now=clock.now())
    assert stage.end(sender) == 0
    tasks.dispatch_due()
    states = check_the_books(stage, campaign)
    with connection.cursor() as cursor:
        cursor.execute("SELECT customer_id, extract(epoch FROM at) FROM race_intents")
        intents = {key: float(at) for key, at in cursor.fetchall()}
    withdrawn = withdrawals.times
    too_late = [key for key in withdrawn if intents.get(key, 0.0) > withdrawn[key][1]]
    undecided = [key for key in withdrawn if key in intents and intents[key] > withdrawn[key][0]]
    lags = too_late_at_the_server(stage, withdrawn)
    skipped = queries.skips_by_reason(campaign).get("SUPPRESSED", 0)
    print(
        f"\n{len(withdrawn)} withdrawals while {states['SENT']} messages left in"
        f" {time.monotonic() - start:.0f} s: {skipped} came first, {len(too_late)} messages to people"
        f" whose withdrawal had committed ({len(undecided)} within its commit); {len(lags)} arrived"
        f" after it, the last {max(lags, default=0):.3f} s"
    )
    assert too_late == undecided == lags == []
    assert len(withdrawn) >= RACES
    assert skipped + sum(key in intents for key in withdrawn) == len(withdrawn)
    assert 0.05 < skipped / len(withdrawn) < 0.95  # both ways round


def too_late_at_the_server(stage: Stage, withdrawn: dict[int, tuple[float, float]]) -> list[float]:
    """How long after its recipient's withdrawal had committed messages arrived that came after it."""
    whose = dict(Delivery.objects.values_list("message_id", "customer_id"))
    entries = map(json.loads, (stage.home / "sink" / JOURNAL).read_text().splitlines())
    lags = [
        entry["received_at"] - withdrawn[whose[entry["message_id"]]][1]
        for entry in entries
        if whose[entry["message_id"]] in withdrawn
    ]
    return [lag for lag in lags if lag > 0]
