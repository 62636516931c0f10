"""Soft opt-in: off by itself, never invented, and only under every condition of the law."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from campaigns import audience, handover, lifecycle
from campaigns.models import Campaign, Delivery
from consent import gate, ledger, queries, soft_opt_in, tokens, topics
from consent.accountability import chain
from consent.desk.personal_data import Person
from consent.enums import Act, Basis, Purpose, Refusal, SuppressionReason
from consent.holders import HOLDERS
from consent.models import ConsentEvent, ConsentState
from consent.public import choosing
from customers import identity
from customers.enums import MergeReason, OrderStatus
from customers.models import Customer
from tests.factories.campaigns import CampaignFactory
from tests.factories.consent import agree
from tests.factories.customers import NOW, CustomerFactory, OrderFactory
from tests.factories.segmentation import segment_of
from tests.gateway.clients import Api, fields


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
SALE = {
    "order": "1042", "own_similar_products": True, "opt_out_offered": True,
    "happened_at": "2026-06-01T12:00:00Z",
}  # fmt: skip


@pytest.fixture
def switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SOFT_OPT_IN", True)
    monkeypatch.setattr(settings, "SMTP_URL", settings.SMTP_URL or "smtp://127.0.0.1:1")


def buyer(**more: object) -> Customer:
    customer: Customer = CustomerFactory(**more)
    OrderFactory(customer=customer, external_id="1042")
    return customer


def bought(customer: Customer, *, at: datetime = NOW) -> ConsentEvent:
    return soft_opt_in.record(
        customer=customer, sale="1042", own_similar_products=True, opt_out_offered=True,
        happened_at=at, now=at,
    )  # fmt: skip


def eligible(customer: Customer, **fields: object) -> bool:
    draft: Campaign = CampaignFactory(segment=segment_of([customer]), **fields)
    return audience.preview(draft, now=LATER).eligible == 1


# ---------------------------------------------------------------- the matrix
@pytest.mark.parametrize(
    ("is_recorded", "is_on", "of_similar", "is_newsletter", "has_consent", "has_refused"),
    list(product([False, True], repeat=6)),
)
def test_a_message_has_a_basis_only_where_consent_or_every_condition_is_there(
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_recorded: bool,
    is_on: bool,
    of_similar: bool,
    is_newsletter: bool,
    has_consent: bool,
    has_refused: bool,
) -> None:
    monkeypatch.setattr(settings, "SOFT_OPT_IN", is_on)
    garden = topics.add(slug="garden", title="Garden", now=NOW)
    customer = buyer()
    if is_recorded:
        bought(customer)
    if has_consent:
        agree(customer)
    if has_refused:
        ledger.withdraw(customer=customer, purpose=Purpose.MARKETING, method="form", now=LATER)
    purpose = garden.purpose if is_newsletter else Purpose.MARKETING
    by_consent = has_consent and not has_refused and not is_newsletter
    by_sale = (
        is_recorded and is_on and of_similar
        and not is_newsletter and not has_refused and not has_consent
    )  # fmt: skip
    assert eligible(customer, purpose=purpose, with_soft_opt_ins=of_similar) == (
        by_consent or by_sale
    )


def test_the_gate_asks_again_at_the_hand_over(switched_on: None, monkeypatch) -> None:
    customers = [buyer(email=f"{name}@example.com") for name in "abc"]
    for customer in customers:
        bought(customer)
    campaign: Campaign = CampaignFactory(
        segment=segment_of(customers), with_soft_opt_ins=True, holdout_share=0.0
    )
    lifecycle.launch(campaign, now=NOW)
    audience.freeze(campaign, now=NOW)
    ledger.object_to(customer=customers[0], purpose=Purpose.MARKETING, method="call", now=LATER)

    def handed(limit: int) -> list[str]:
        group = handover.claim(campaign_id=campaign.pk, owner="me", limit=limit)
        rows = handover.intend(campaign_id=campaign.pk, owner="me", group=group, now=LATER)
        return [row.recipient.email for row in rows]

    assert handed(2) == ["b@example.com"]
    monkeypatch.setattr(settings, "SOFT_OPT_IN", False)
    assert handed(2) == []
    reasons = Delivery.objects.order_by("customer__email").values_list("reason", flat=True)
    assert list(reasons) == ["NO_CONSENT", "", "NO_CONSENT"]


# ---------------------------------------------------------------- what it is not
def test_it_is_no_consent_to_anybody_who_asks_for_one(switched_on: None) -> None:
    customer = buyer()
    event = bought(customer)
    assert (event.act, event.basis) == (Act.SOFT_OPT_IN, Basis.SOFT_OPT_IN)
    state = ConsentState.objects.get()
    assert (state.is_granted, state.is_soft_opt_in) == (False, True)
    assert gate.refusal(customer) == Refusal.NO_CONSENT
    assert gate.refusal(customer, soft_opt_in=True) is None
    assert queries.reachable_count() == 0
    assert not any(box.is_granted for box in choosing.options(customer, language="en"))
    assert chain.verify().broken == ""


def test_a_sale_never_outweighs_a_word_of_the_person_whenever_it_came() -> None:
    customer = buyer()
    bought(customer, at=LATER)
    agree(customer)  # earlier by the clock, and it counts for more
    assert ConsentState.objects.get().is_granted
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM consent_consentstate")
    for event in ConsentEvent.objects.order_by("-pk"):
        from consent.statements import FOLD_ONE

        with connection.cursor() as cursor:
            cursor.execute(FOLD_ONE, {"event_id": event.pk})
    assert ConsentState.objects.get().is_granted
    ledger.withdraw(customer=customer, purpose=Purpose.MARKETING, method="form", now=LATER)
    with pytest.raises(soft_opt_in.ConditionError, match="withdrawn or objected"):
        bought(customer, at=LATER + timedelta(days=1))


def test_refusing_is_one_press_for_buyers_too(client, switched_on: None) -> None:
    customer = buyer()
    bought(customer)
    token = tokens.make(customer.pk, 0, 0, purpose=tokens.UNSUBSCRIBE)
    assert client.post(f"/c/u/{token}", {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert gate.refusal(customer, soft_opt_in=True) == Refusal.SUPPRESSED
    state = ConsentState.objects.get(purpose=Purpose.MARKETING)
    assert (state.is_granted, state.is_soft_opt_in) == (False, False)


def test_it_goes_with_an_erasure_and_with_everything_else_that_is_ended(now) -> None:
    customer = buyer()
    bought(customer)
    for holder in HOLDERS:
        holder.erase(Person(customer_ids=frozenset({customer.pk})), LATER)
    assert not ConsentState.objects.filter(is_soft_opt_in=True).exists()
    assert ConsentEvent.objects.get(act=Act.SOFT_OPT_IN).evidence == {}
    assert chain.verify().broken == ""


def test_a_sale_to_one_was_none_to_the_other_who_is_merged_with_them() -> None:
    survivor, absorbed = CustomerFactory(), buyer(email="other@example.com")
    bought(absorbed)
    identity.merge(
        survivor=survivor, absorbed=absorbed, reason=MergeReason.STAFF, source=None, now=LATER
    )
    ledger.absorb(now=LATER)
    assert gate.refusal(survivor, soft_opt_in=True) == Refusal.NO_CONSENT


def test_a_buyer_who_is_merged_with_somebody_who_refused_has_refused() -> None:
    survivor, absorbed = buyer(), CustomerFactory(email="other@example.com")
    bought(survivor)
    ledger.withdraw(customer=absorbed, purpose=Purpose.MARKETING, method="form", now=NOW)
    identity.merge(
        survivor=survivor, absorbed=absorbed, reason=MergeReason.STAFF, source=None, now=LATER
    )
    ledger.absorb(now=LATER)
    assert gate.refusal(survivor, soft_opt_in=True) == Refusal.NO_CONSENT


# ---------------------------------------------------------------- how it is recorded
def test_a_shop_records_it_with_the_sale_and_its_conditions(switched_on: None) -> None:
    customer = buyer()
    said = Api().post(f"customers/{customer.pk}/consent/soft-opt-ins", SALE)
    assert (said.status_code, said.json()["act"]) == (201, "SOFT_OPT_IN")
    evidence = ConsentEvent.objects.get().evidence
    assert (evidence["sale"], evidence["own_similar_products"], evidence["opt_out_offered"]) == (
        "1042", True, True,
    )  # fmt: skip
    assert eligible(customer, with_soft_opt_ins=True)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"own_similar_products": False}, {"own_similar_products": "required"}),
        ({"opt_out_offered": False}, {"opt_out_offered": "required"}),
        ({"order": "7"}, {"order": "unknown_order"}),
        ({"order": "cancelled"}, {"order": "unknown_order"}),
        ({"order": "of another"}, {"order": "unknown_order"}),
    ],
)
def test_a_condition_that_is_missing_is_named_and_nothing_recorded(
    change: dict, named: dict
) -> None:
    customer = buyer()
    OrderFactory(customer=customer, external_id="cancelled", status=OrderStatus.CANCELLED)
    OrderFactory(external_id="of another")
    body = {**SALE, **change}
    assert fields(Api().post(f"customers/{customer.pk}/consent/soft-opt-ins", body)) == named
    assert not ConsentEvent.objects.exists()


def test_who_refused_under_another_number_with_the_address_has_refused() -> None:
    customer = buyer(email="ada@example.com")
    ledger.object_to(
        customer=CustomerFactory(email="ADA@example.com"), purpose=Purpose.MARKETING,
        method="call", now=NOW,
    )  # fmt: skip
    said = Api().post(f"customers/{customer.pk}/consent/soft-opt-ins", SALE)
    assert fields(said) == {"customer": "has_refused"}


def test_a_suppressed_address_stays_so(switched_on: None) -> None:
    customer = buyer()
    for reason in (SuppressionReason.ERASED, SuppressionReason.COMPLAINT):
        ledger.suppress(address_hmac=customer.email_hmac, reason=reason, now=NOW)
    bought(customer, at=LATER)
    assert gate.refusal(customer, soft_opt_in=True) == Refusal.SUPPRESSED


@pytest.mark.parametrize("missing", ["sale", "own_similar_products", "opt_out_offered"])
def test_the_database_takes_none_without_its_conditions(missing: str) -> None:
    customer = buyer()
    whole = {"sale": "1042", "own_similar_products": True, "opt_out_offered": True}
    for wrong in ({**whole, missing: ""}, {key: whole[key] for key in whole if key != missing}):
        with pytest.raises(IntegrityError, match="soft_opt_in"), transaction.atomic():
            ledger.record_sale(
                customer=customer, method="test", now=NOW, happened_at=NOW, evidence=wrong,
                provenance="import",
            )  # fmt: skip
