"""What follows from a report, on real rows."""

from __future__ import annotations

import io
import sys
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from campaigns import dispatch, handover, lifecycle
from campaigns.channels.base import Verdict
from campaigns.enums import BounceClass, CampaignState, DeliveryState, ReportKind
from campaigns.handover import Outcome
from campaigns.journal import Reply
from campaigns.models import Campaign, Delivery, DeliveryReport
from campaigns.returns import budget, receiving, recording, verp
from campaigns.returns.recording import Incoming
from campaigns.tracking import message_id
from consent import gate, ledger
from consent.desk.personal_data import Person, holders
from consent.enums import Act, Refusal, SuppressionReason
from consent.models import ConsentEvent, Suppression
from core import ids
from customers.models import Customer, Event
from tests.campaigns.returns.corpus import mail
from tests.factories.campaigns import running_campaign
from tests.factories.customers import NOW, EventFactory


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def mail_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", "smtp://127.0.0.1:1")


def sent(*local_parts: str) -> list[Delivery]:
    """Deliveries of a running campaign that a mail server has accepted."""
    campaign = running_campaign(*local_parts, now=NOW)
    group = handover.claim(campaign_id=campaign.pk, owner="me", limit=100)
    handover.intend(campaign_id=campaign.pk, owner="me", group=group, now=LATER)
    Delivery.objects.update(
        state=DeliveryState.SENT, accepted_at=LATER, owner="", leased_until=None
    )
    return list(Delivery.objects.order_by("pk").select_related("customer"))


def came_back(name: str, delivery: Delivery, *, now: datetime = LATER) -> ReportKind:
    raw = mail(
        name, verp=verp.return_path(delivery.pk, address="b@bounces.shop.example"),
        message_id=message_id(delivery.pk), unsubscribe_url="",
    )  # fmt: skip
    return receiving.take(raw, now=now)


def reasons() -> dict[str, str]:
    return dict(Suppression.objects.filter(lifted_at=None).values_list("address_hmac", "reason"))


def test_a_hard_bounce_suppresses_its_address_at_once_and_no_other() -> None:
    gone, other = sent("gone", "other")
    came_back("01-postfix-user-unknown", gone)
    came_back("01-postfix-user-unknown", gone)
    assert reasons() == {gone.customer.email_hmac: SuppressionReason.HARD_BOUNCE}
    assert gate.refusal(gone.customer) == Refusal.SUPPRESSED
    assert gate.refusal(other.customer) is None
    event = Event.objects.get(kind="BOUNCED")
    assert (event.delivery_id, event.properties["class"]) == (gone.pk, "hard")
    report = DeliveryReport.objects.get()
    assert (report.delivery, report.bounce, report.status) == (gone, BounceClass.HARD, "5.1.1")


def test_a_complaint_suppresses_and_is_an_objection_at_once() -> None:
    (delivery,) = sent("angry")
    came_back("40-arf-abuse", delivery)
    assert reasons() == {delivery.customer.email_hmac: SuppressionReason.COMPLAINT}
    assert ConsentEvent.objects.filter(customer=delivery.customer, act=Act.OBJECTED).count() == 1
    event = Event.objects.get(kind="COMPLAINED")
    assert (event.campaign_id, event.delivery_id) == (delivery.campaign_id, delivery.pk)


def test_reputation_never_suppresses_and_pauses_the_campaign() -> None:
    deliveries = sent(*(f"c{n}" for n in range(20)))
    for delivery in deliveries[:19]:
        came_back("14-gmail-unauthenticated", delivery)
    assert Campaign.objects.get().state == CampaignState.RUNNING
    came_back("17-spamhaus-as-5-1-1", deliveries[19])
    campaign = Campaign.objects.get()
    assert (campaign.state, campaign.reputation_errors) == (CampaignState.PAUSED, 20)
    assert "SPF" in campaign.note
    assert reasons() == {}
    assert not Event.objects.filter(kind="BOUNCED").exists()


@pytest.mark.parametrize(
    "name", ["45-vacation-rfc3834", "43-arf-not-spam", "11-postfix-delayed", "50-a-person-writes-back"]
)  # fmt: skip
def test_what_is_no_bounce_is_kept_and_changes_nothing(name: str) -> None:
    (delivery,) = sent("there")
    kind = came_back(name, delivery)
    assert DeliveryReport.objects.get().kind == kind
    assert gate.refusal(delivery.customer) is None
    assert set(Event.objects.values_list("kind", flat=True)) <= {"CONSENT_GIVEN"}


@pytest.mark.parametrize(
    ("name", "reason", "refusal"),
    [
        ("01-postfix-user-unknown", SuppressionReason.HARD_BOUNCE, None),
        ("40-arf-abuse", SuppressionReason.COMPLAINT, Refusal.NO_CONSENT),  # the person objects
    ],
)
def test_what_is_about_a_former_address_does_not_suppress_the_new_one(
    name: str, reason: SuppressionReason, refusal: Refusal | None
) -> None:
    (delivery,) = sent("old")
    old = delivery.customer.email_hmac
    new = ids.address_hmac("new@example.com", pepper=b"x")
    Customer.objects.update(email="new@example.com", email_hmac=new)
    came_back(name, delivery)
    ledger.absorb(now=LATER)
    assert reasons() == {old: reason}
    assert gate.refusal(Customer.objects.get()) == refusal


def test_a_hard_bounce_does_not_suppress_an_address_entered_before_the_ledger_is_read() -> None:
    (delivery,) = sent("old")
    old = delivery.customer.email_hmac
    came_back("01-postfix-user-unknown", delivery)
    new = ids.address_hmac("new@example.com", pepper=settings.SUPPRESSION_PEPPER)
    Customer.objects.update(email="new@example.com", email_hmac=new)
    ledger.absorb(now=LATER)
    assert reasons() == {old: SuppressionReason.HARD_BOUNCE}
    EventFactory(  # a source tells of the address that it has, whatever delivery it names
        customer=delivery.customer, kind="BOUNCED", delivery_id=delivery.pk, happened_at=LATER
    )
    ledger.absorb(now=LATER)
    assert reasons() == dict.fromkeys((old, new), SuppressionReason.HARD_BOUNCE)


def test_a_report_of_nothing_we_know_is_kept_and_matched_when_we_do() -> None:
    early, other = sent("early", "other")
    incoming = Incoming(
        source="postmark", identity="e1", kind=ReportKind.COMPLAINED, provider_number="abc",
        address="early@example.com", happened_at=LATER,
    )  # fmt: skip
    assert recording.record(incoming, now=LATER)
    assert DeliveryReport.objects.get().delivery is None
    Delivery.objects.filter(pk=other.pk).update(reply="accepted as abc")  # somebody else's number
    assert recording.match_waiting(now=LATER) == 0
    Delivery.objects.filter(pk=early.pk).update(reply="accepted as abc")
    assert recording.match_waiting(now=LATER) == 1
    assert recording.match_waiting(now=LATER) == 0
    assert reasons() == {early.customer.email_hmac: SuppressionReason.COMPLAINT}


def test_a_bounce_that_overtakes_our_own_mark_counts_and_leaves_it_alone() -> None:
    campaign = running_campaign("fast", now=NOW)
    group = handover.claim(campaign_id=campaign.pk, owner="me", limit=1)
    (row,) = handover.intend(campaign_id=campaign.pk, owner="me", group=group, now=LATER)
    came_back("01-postfix-user-unknown", Delivery.objects.get())
    reply = Reply(
        delivery_id=row.id, epoch=row.epoch, verdict="", reply="250 ok", enhanced="", at=LATER
    )
    outcome = Outcome(id=row.id, epoch=row.epoch, attempt=1, reply=reply)
    assert handover.mark(owner="me", outcomes=[outcome], now=LATER) == 1
    assert Delivery.objects.get().state == DeliveryState.SENT
    assert set(reasons().values()) == {SuppressionReason.HARD_BOUNCE}


def test_a_refusal_because_of_us_counts_once_an_attempt() -> None:
    campaign = running_campaign("a", now=NOW)
    for attempt in range(1, 6):
        group = handover.claim(campaign_id=campaign.pk, owner="me", limit=1)
        (row,) = handover.intend(campaign_id=campaign.pk, owner="me", group=group, now=LATER)
        reply = Reply(
            delivery_id=row.id, epoch=row.epoch, verdict=Verdict.REPUTATION, reply="550 5.7.1 no",
            enhanced="5.7.1", at=LATER,
        )  # fmt: skip
        outcome = Outcome(id=row.id, epoch=row.epoch, attempt=attempt, reply=reply)
        handover.mark(owner="me", outcomes=[outcome], now=LATER)
        Delivery.objects.update(next_attempt_at=None)
    campaign.refresh_from_db()
    assert (Delivery.objects.get().state, campaign.reputation_errors) == (DeliveryState.FAILED, 5)
    assert DeliveryReport.objects.get().bounce == BounceClass.REPUTATION
    assert reasons() == {}


def test_a_report_that_names_two_deliveries_counts_for_neither() -> None:
    one, two = sent("one", "two")
    raw = mail(
        "01-postfix-user-unknown", verp=verp.return_path(one.pk, address="b@x.example"),
        message_id=message_id(two.pk), unsubscribe_url="",
    )  # fmt: skip
    receiving.take(raw, now=LATER)
    assert DeliveryReport.objects.get().delivery is None
    assert reasons() == {}


def test_what_comes_back_settles_an_unknown_delivery() -> None:
    (delivery,) = sent("maybe")
    Delivery.objects.update(state=DeliveryState.UNKNOWN, accepted_at=None)
    came_back("12-delivered-as-asked", delivery)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.accepted_at) == (DeliveryState.SENT, delivery.intent_at)
    assert Event.objects.filter(kind="DELIVERED", delivery_id=delivery.pk).count() == 1


def test_a_moment_in_the_future_is_now() -> None:
    (delivery,) = sent("a")
    came_back("01-postfix-user-unknown", delivery, now=NOW - timedelta(days=4000))
    assert DeliveryReport.objects.get().happened_at == NOW - timedelta(days=4000)


def test_an_erasure_leaves_the_count_and_nothing_that_names_the_person() -> None:
    gone, stays = sent("gone", "stays")
    for delivery in (gone, stays):
        came_back("01-postfix-user-unknown", delivery)
    early = Incoming(
        source="postmark", identity="e", kind=ReportKind.BOUNCED, bounce=BounceClass.SOFT,
        detail="gone@example.com is full", provider_number="n", address="gone@example.com",
    )  # fmt: skip
    recording.record(early, now=LATER)
    person = Person(
        customer_ids=(gone.customer_id,), address_hmacs=frozenset({gone.customer.email_hmac})
    )
    (holder,) = [one for one in holders() if one.model is DeliveryReport]
    assert len(holder.export(person)) == 2
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL coterie.erasing = 'on'")
        assert holder.erase(person, LATER) == 2
        assert holder.erase(person, LATER) == 0
        cursor.execute("SET LOCAL coterie.erasing = 'off'")
    kept = DeliveryReport.objects.exclude(delivery=stays)
    assert set(kept.values_list("detail", "address_hmac")) == {("", "")}
    assert DeliveryReport.objects.get(delivery=stays).detail != ""
    assert budget.returns_of(gone.campaign).hard == 2


def test_reports_are_added_and_never_changed() -> None:
    (delivery,) = sent("a")
    came_back("01-postfix-user-unknown", delivery)
    for change in (lambda rows: rows.update(status="9"), lambda rows: rows.delete()):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change(DeliveryReport.objects.all())


def test_a_mail_server_pipes_a_bounce_to_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (delivery,) = sent("gone")
    raw = mail("25-action-missing", verp="news@shop.example", message_id="", unsubscribe_url="")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(raw)))
    call_command(
        "receive_bounce", recipient=verp.return_path(delivery.pk, address="b@bounces.example")
    )
    assert capsys.readouterr().out.strip() == "BOUNCED"
    assert gate.refusal(delivery.customer) == Refusal.SUPPRESSED


# ---------------------------------------------------------------- the error budget
@pytest.mark.parametrize(
    ("messages", "hard", "complaints", "stops"),
    [
        (99, 50, 0, False), (100, 4, 0, False), (100, 5, 0, True),
        (499, 0, 10, False), (500, 0, 1, False), (500, 0, 2, True), (1000, 49, 2, False),
    ],
)  # fmt: skip
def test_the_budget(*, messages: int, hard: int, complaints: int, stops: bool) -> None:
    note = budget.Returns(messages=messages, hard=hard, complaints=complaints).note
    assert (note is not None) == stops


def test_a_campaign_over_its_budget_is_paused_in_words_and_resuming_gives_a_new_one(
    sink: Any,
) -> None:
    deliveries = sent(*(f"c{n}" for n in range(100)))
    for delivery in deliveries[:5]:
        came_back("06-null-mx", delivery)
    campaign = Campaign.objects.get()
    assert dispatch.run(
        now=lambda: LATER, seconds=1, channel_url=sink.url, journals=sink.sink.folder / "journals"
    ) == 0  # fmt: skip
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.PAUSED
    assert "5 of 100 addresses do not exist (5.0\u00a0%" in campaign.note
    lifecycle.resume(campaign, now=LATER)
    assert budget.is_spent(campaign) is None
    assert budget.returns_of(campaign).hard == 5


# ---------------------------------------------------------------- any order, any number of copies
def _facts(deliveries: list[Delivery]) -> list[Incoming]:
    facts = []
    for number, delivery in enumerate(deliveries):
        facts += [
            _fact(delivery, f"s{day}", ReportKind.BOUNCED, BounceClass.SOFT, day)
            for day in range(5 if number == 0 else 2)
        ]
        facts.append(_fact(delivery, "d", ReportKind.DELIVERED, None, 0))
        if number == 1:
            facts.append(_fact(delivery, "h", ReportKind.BOUNCED, BounceClass.HARD, 1))
            facts.append(_fact(delivery, "r", ReportKind.BOUNCED, BounceClass.REPUTATION, 1))
        if number == 2:
            facts.append(_fact(delivery, "h", ReportKind.BOUNCED, BounceClass.HARD, 1))
            facts.append(_fact(delivery, "c", ReportKind.COMPLAINED, None, 2))
    return facts


def _fact(
    delivery: Delivery, name: str, kind: ReportKind, bounce: BounceClass | None, day: int
) -> Incoming:
    return Incoming(
        source="postmark", identity=f"{delivery.pk} {name}", kind=kind, bounce=bounce,
        provider_number=f"number-{delivery.pk}", happened_at=NOW + timedelta(days=day),
    )  # fmt: skip


def _state() -> dict[str, Any]:
    return {
        "suppressed": reasons(),
        "reports": set(DeliveryReport.objects.values_list("key", "delivery_id", "campaign_id")),
        "events": set(Event.objects.values_list("kind", "customer_id", "external_id")),
        "objections": set(ConsentEvent.objects.filter(act="OBJECTED").values_list("customer_id")),
        "deliveries": set(Delivery.objects.values_list("pk", "state", "reply")),
        "errors": Campaign.objects.get().reputation_errors,
    }


def test_any_order_and_any_number_of_copies_end_in_the_same_state() -> None:
    deliveries = sent("a", "b", "c")
    facts = _facts(deliveries)

    def after(order: list[Incoming | None]) -> dict[str, Any]:
        """None stands for the moment when our own marks of acceptance are written."""
        with transaction.atomic():
            for one in order:
                if one is not None:
                    recording.record(one, now=LATER + timedelta(days=9))
                else:
                    for delivery in deliveries:
                        Delivery.objects.filter(pk=delivery.pk).update(
                            reply=f"accepted as number-{delivery.pk}"
                        )
                recording.match_waiting(now=LATER + timedelta(days=9))
            state = _state()
            transaction.set_rollback(True)
        return state

    expected = after([None, *facts])
    assert set(expected["suppressed"].values()) == {"SOFT_BOUNCES", "HARD_BOUNCE", "COMPLAINT"}
    assert expected["errors"] == 1

    @hypothesis_settings(max_examples=8, deadline=None)
    @given(st.data())
    def same(data: st.DataObject) -> None:
        copies = data.draw(st.lists(st.sampled_from(facts), max_size=10))
        assert after(data.draw(st.permutations([None, *facts, *copies]))) == expected

    same()


def test_soft_bounces_of_an_address_are_found_by_its_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT 1 FROM campaigns_delivery delivery WHERE delivery.reply LIKE 'accepted as %'"
            " AND delivery.reply = 'accepted as x'"
        )
        assert "delivery_provider_number" in str(cursor.fetchall())
