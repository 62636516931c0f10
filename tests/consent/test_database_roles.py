"""Least privilege, tried with the real roles: the trainer sees nobody, the sender changes no consent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat
from django.db.utils import ProgrammingError

from campaigns import queries, tasks
from campaigns.enums import CampaignState
from consent.accountability import chain
from consent.enums import Purpose, SuppressionReason
from consent.models import SignUp, Suppression
from consent.public import signing_up
from core import clock
from customers.models import Customer
from customers.special import finding
from segmentation import reviews, versions
from segmentation.enums import ModelStatus, Task
from segmentation.mirror import tables
from segmentation.ml import artifacts
from segmentation.models import ModelVersion
from tests.campaigns.conftest import RunningSink, running
from tests.factories.campaigns import running_campaign
from tests.factories.consent import MailableFactory, agree
from tests.factories.customers import NOW, OrderFactory, ReviewFactory
from webhooks import endpoints
from webhooks.enums import Topic
from webhooks.models import Message


pytestmark = pytest.mark.django_db
SQL = Path(chain.__file__).parents[1] / "sql"


@contextmanager
def acting_as(name: str, *, path: str = "public") -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute((SQL / f"{name}_role.sql").read_text())
        cursor.execute(f"SET ROLE coterie_{name}")
        cursor.execute(f"SET search_path = {path}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
            cursor.execute("SET search_path = DEFAULT")


def refused(*statements: str) -> None:
    for statement in statements:
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


TRAINER = {"path": "coterie_pseudonyms, public"}


def test_the_trainer_reads_what_it_learns_from_and_nobodys_name() -> None:
    customer = MailableFactory(
        email="canary@shop.example", first_name="Canary", last_name="Canary", phone="0555 canary",
        external_id="canary@shop.example", traits={"name": "Canary", "plan": "gold"},
    )  # fmt: skip
    agree(customer, Purpose.PROFILING)
    OrderFactory(customer=customer)
    with acting_as("trainer", **TRAINER):
        read: dict[str, list[Any]] = {}
        with connection.cursor() as cursor:
            for name in tables.TABLES:
                cursor.execute(tables.select(name))
                read[name] = cursor.fetchall()
        assert (len(read["people"]), len(read["orders"])) == (1, 1)
        assert "canary" not in repr(read).lower()
        assert {"shop.example", '{"plan": "gold"}'} <= set(read["people"][0])

        row = Customer.objects.get(pk=customer.pk)  # the program's own reads
        assert (row.first_name, row.email, row.phone) == ("", "x@shop.example", "")
        refused(
            "SELECT email FROM public.customers_customer",
            "SELECT first_name FROM public.customers_customer",
            "SELECT * FROM consent_consentevent",
            "SELECT * FROM consent_suppression",
            "SELECT * FROM customers_alias",
            "SELECT * FROM customers_inboundrequest",
            "SELECT * FROM auth_user",
            "UPDATE coterie_pseudonyms.customers_customer SET country = ''",
            "UPDATE consent_consentstate SET is_granted = true",
            "DELETE FROM customers_order",
            "UPDATE campaigns_delivery SET state = 'SENT'",
        )


def test_the_trainer_records_models_and_decisions() -> None:
    with acting_as("trainer", **TRAINER):
        version = versions.record(
            task=Task.CHURN, status=ModelStatus.CHALLENGER, algorithm="rule", reason="tried",
            as_of=NOW, now=NOW, rows=3, positives=1, metrics={},
            files=artifacts.to_files(documents={"rule": {"days": 90}}),
            provenance=artifacts.Provenance(
                task=Task.CHURN, estimator="rule", features=("recency",), data_from=0,
                data_until=int(NOW.timestamp()), rows=3, seed=1, details={},
            ),
        )  # fmt: skip
        versions.promote(version, reason="better", now=NOW)
    assert ModelVersion.objects.get().status == ModelStatus.CHAMPION


def test_the_trainer_reads_reviews_again_and_changes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    ReviewFactory(text="Lovely tea.", language="en")
    assert reviews.score_new(now=NOW) == 1
    monkeypatch.setattr(finding, "VERSION", finding.VERSION + 1)  # other lists than it was read by
    with acting_as("trainer", **TRAINER):
        assert reviews.score_again(now=NOW) == 1
        refused("UPDATE customers_review SET text = ''", "DELETE FROM customers_review")


def test_the_sender_sends_a_campaign_and_changes_no_consent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.set_now(NOW)
    with running(tmp_path / "sink") as sink:
        send_under_the_role(sink, monkeypatch)
    assert len(sink.recipients) == Message.objects.count() == 20


def send_under_the_role(sink: RunningSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", sink.url)
    endpoints.create(
        url="https://shop.example/hook", topics=[Topic.DELIVERY_SENT], description="", now=NOW
    )
    campaign = running_campaign(*(f"c{n}" for n in range(20)), now=NOW)
    with acting_as("sender"):
        assert tasks.dispatch_due(seconds=10) == 20
        campaign.refresh_from_db()
        assert campaign.state == CampaignState.FINISHED
        assert queries.counts_by_state(campaign)["SENT"] == 20
        refused(
            "UPDATE consent_consentstate SET is_granted = true",
            "DELETE FROM consent_consentstate",
            "INSERT INTO consent_consentevent (customer_id) VALUES (1)",
            "SELECT evidence FROM consent_consentevent",
            "DELETE FROM consent_suppression",
            "UPDATE consent_suppression SET lifted_at = now()",
            "UPDATE customers_customer SET email = ''",
            "DELETE FROM customers_event",
            "UPDATE segmentation_modelversion SET status = 'CHAMPION'",
            "SELECT * FROM customers_inboundrequest",
            "SELECT * FROM customers_sourcekey",
            "SELECT sealed_secret FROM webhooks_endpoint",
            "SELECT * FROM auth_user",
        )


def test_the_sender_asks_who_signed_up_and_suppresses_an_address_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.set_now(NOW)
    monkeypatch.setattr(settings, "SERVICE_FROM", "Tea <hello@shop.example>")
    texts = signing_up.texts_of([Purpose.MARKETING], language="en")
    for name in ("ada", "reply-550-5.1.1"):
        signing_up.ask(
            address=f"{name}@example.com", texts=texts, language="en", form="footer", now=NOW
        )
    SignUp.objects.update(token_sha256=Concat(Value("of a former key "), Cast("pk", CharField())))
    with running(tmp_path / "sink") as sink:
        monkeypatch.setattr(settings, "SMTP_URL", sink.url)
        with acting_as("sender"):
            assert tasks.send_service_messages() == 2
            refused(
                "UPDATE consent_suppression SET lifted_at = now()", "DELETE FROM consent_signup"
            )
    assert sink.recipients == ["ada@example.com"]
    assert Suppression.objects.get().reason == SuppressionReason.HARD_BOUNCE
