"""Shops and providers that come all at once and more than once, to the real web server: one effect each."""

from __future__ import annotations

import base64
import http.client
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from campaigns import audience
from campaigns.channels.base import ACCEPTED_AS
from campaigns.enums import DeliveryState
from campaigns.models import Campaign, Delivery, DeliveryReport
from campaigns.returns import recording
from config.processes import Processes
from consent.enums import Act
from consent.models import ConsentEvent, Suppression
from core import clock, ids
from customers.models import Customer, Event, Order
from tests.gateway.clients import make_key
from tests.stories.stage import PATIENCE, launched


pytestmark = [pytest.mark.story, pytest.mark.xdist_group("receive")]
WRITES = int(os.environ.get("COTERIE_CHAOS_WRITES", "100"))
REPORTS = int(os.environ.get("COTERIE_CHAOS_REPORTS", "300"))
KILLS_THE_SERVER = WRITES >= 1000
COPIES = 2
SHOPS = 4  # writes of one shop wait for each other
CLIENTS = 24


@dataclass(frozen=True)
class Asked:
    name: str
    path: str
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    to: str
    status: int
    body: bytes
    is_repeated: bool


def all_at_once(port: int, requests: Iterable[Asked]) -> list[Answer]:
    """The last answer to each: who is told to come back, or to whom nobody answers, asks again."""
    lock, left = threading.Lock(), iter(requests)

    def client() -> list[Answer]:
        answers = []
        wire = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        while True:
            with lock:
                asked = next(left, None)
            if asked is None:
                wire.close()
                return answers
            answers.append(ask(wire, asked))

    with ThreadPoolExecutor(CLIENTS) as pool:
        return [
            one
            for future in [pool.submit(client) for _ in range(CLIENTS)]
            for one in future.result()
        ]


def ask(wire: http.client.HTTPConnection, asked: Asked) -> Answer:
    deadline = time.monotonic() + 2 * PATIENCE
    while True:
        assert time.monotonic() < deadline
        try:
            wire.request(
                "POST", asked.path, json.dumps(asked.body),
                {"Content-Type": "application/json", **asked.headers},
            )  # fmt: skip
            answer = wire.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            wire.close()
            time.sleep(0.1)
            continue
        if answer.status not in {409, 503}:
            repeated = answer.getheader("Idempotency-Replayed") == "true"
            return Answer(asked.name, answer.status, body, repeated)
        time.sleep(0.2)


# ---------------------------------------------------------------- a shop
def test_writes_that_race_with_themselves_have_one_effect_each(
    web: Callable[[], int], processes: Processes
) -> None:
    secrets = [make_key(per_minute=10_000_000)[1] for _ in range(SHOPS)]
    order = {"placed_at": "2026-06-01T12:00:00Z", "currency": "EUR", "total_cents": 100}
    writes = [
        Asked(
            name, "/api/v1/orders", {**order, "external_id": name},
            {"Authorization": f"Bearer {secrets[number % SHOPS]}", "Idempotency-Key": name},
        )
        for number, name in enumerate(f"o{number}" for number in range(WRITES))
    ]  # fmt: skip
    port = web()

    def strike() -> None:
        """In the middle of it, between a commit and its answer for some."""
        while Order.objects.count() < WRITES / 2:
            time.sleep(0.01)
        connection.close()
        os.killpg(processes.children["web"].pid, signal.SIGKILL)
        processes.children.pop("web").wait()
        processes.start_web(port=port)

    striking = threading.Thread(target=strike)
    if KILLS_THE_SERVER:
        striking.start()
    start = time.monotonic()
    answers = all_at_once(port, (write for write in writes for _ in range(COPIES)))
    seconds = time.monotonic() - start
    if KILLS_THE_SERVER:
        striking.join()
    # an order that is written a second time would be answered 200
    assert Counter(answer.status for answer in answers) == {201: COPIES * WRITES}
    assert len({(answer.to, answer.body) for answer in answers}) == WRITES
    first = Counter(answer.to for answer in answers if not answer.is_repeated)
    assert set(first.values()) == {1}
    assert len(first) == WRITES or KILLS_THE_SERVER  # nobody heard the first answer to some
    assert Order.objects.count() == WRITES
    print(
        f"\n{WRITES} writes, {COPIES} times each by {CLIENTS} clients at once"
        f"{', the server killed in the middle' if KILLS_THE_SERVER else ''}: one effect each"
        f" ({len(answers) / seconds:.0f}/s)"
    )


# ---------------------------------------------------------------- a provider
def test_reports_that_come_all_at_once_end_in_the_state_of_any_order(
    web: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each twice, and half of them before the message they are about was marked."""
    monkeypatch.setattr(settings, "SMTP_URL", "smtp://127.0.0.1:1")
    monkeypatch.setenv("COTERIE_SMTP_URL", "anymail+postmark://")
    keys = {"POSTMARK_SERVER_TOKEN": "t", "WEBHOOK_SECRET": "hook:long-random-text"}
    monkeypatch.setenv("COTERIE_ANYMAIL", json.dumps(keys))
    campaign = launched(REPORTS // 6)  # three facts about each, each of them twice
    people = list(Customer.objects.all())
    for one in people:  # the addresses that a provider names are known by these
        one.email_hmac = ids.address_hmac(one.email, pepper=settings.SUPPRESSION_PEPPER)
    Customer.objects.bulk_update(people, ["email_hmac"])
    assert audience.freeze(campaign, now=clock.now())
    accept(campaign, every=2)
    rows = list(Delivery.objects.select_related("customer").order_by("pk"))
    port = web()

    facts = [
        fact
        for place, row in enumerate(rows)
        for fact in facts_about(row, is_dead=place % 3 == 0, complains=place % 3 == 1)
    ]
    random.Random(20261122).shuffle(twice := facts * 2)
    start = time.monotonic()
    answers = all_at_once(port, twice)
    seconds = time.monotonic() - start
    assert Counter(answer.status for answer in answers) == {200: len(twice)}
    accept(campaign, every=1)
    while recording.match_waiting(now=clock.now()):
        pass

    reports = DeliveryReport.objects.values_list("kind", "delivery_id", "provider_number")
    assert len(reports) == len(facts)
    assert all(number == f"number-{key}" for _, key, number in reports)
    dead, angry = rows[::3], rows[1::3]
    stopped = dict(Suppression.objects.filter(lifted_at=None).values_list("address_hmac", "reason"))
    assert stopped == {
        **{row.customer.email_hmac: "HARD_BOUNCE" for row in dead},
        **{row.customer.email_hmac: "COMPLAINT" for row in angry},
    }
    objections = ConsentEvent.objects.filter(act=Act.OBJECTED).values_list("customer", flat=True)
    assert sorted(objections) == sorted(row.customer_id for row in angry)
    # full is told once of a message, however often it was
    told = Counter(Event.objects.values_list("kind", flat=True))
    assert told == {"BOUNCED": len(dead) + len(rows), "COMPLAINED": len(angry)}
    print(
        f"\n{len(twice)} reports by {CLIENTS} clients at once, half of them copies:"
        f" {len(reports)} facts, the state of any order ({len(answers) / seconds:.0f}/s)"
    )


def accept(campaign: Campaign, *, every: int) -> None:
    """Mark messages as the provider's."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE campaigns_delivery delivery
                SET state = '{DeliveryState.SENT}', reply = %s || delivery.id, intent_at = %s,
                    address_hmac = customer.email_hmac
                FROM customers_customer customer
                WHERE customer.id = delivery.customer_id AND campaign_id = %s
                  AND delivery.id %% %s = 0""",
            [f"{ACCEPTED_AS}number-", clock.now(), campaign.pk, every],
        )


def facts_about(row: Delivery, *, is_dead: bool, complains: bool) -> list[Asked]:
    """Three: it was full twice; or full and then gone; or full, and a complaint."""
    told = {"MessageID": f"number-{row.pk}", "Email": row.customer.email}
    full = {"RecordType": "Bounce", "Type": "SoftBounce", "Details": "smtp;452 4.2.2 full", **told}
    last = {**full, "BouncedAt": "2026-06-02T12:00:00Z"}
    if is_dead:
        last |= {"Type": "HardBounce", "Details": "smtp;550 5.1.1 unknown user"}
    if complains:
        last |= {"RecordType": "SpamComplaint", "Type": "SpamComplaint"}
    arrived = {"RecordType": "Delivery", "Recipient": row.customer.email, **told}
    facts = [
        {**full, "BouncedAt": "2026-06-01T12:00:00Z"}, last,
        {**arrived, "DeliveredAt": "2026-06-01T11:00:00Z"},
    ]  # fmt: skip
    secret = base64.b64encode(b"hook:long-random-text").decode()
    return [
        Asked(
            f"{row.pk}-{number}", "/m/returns/postmark", {**fact, "ID": f"{row.pk}-{number}"},
            {"Authorization": f"Basic {secret}"},
        )
        for number, fact in enumerate(facts)
    ]  # fmt: skip
