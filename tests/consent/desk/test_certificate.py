"""What an erased person is handed: everything that went and stays is counted, and nobody is named."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.enums import Arm, DeliveryState
from campaigns.models import Delivery
from consent.desk import requests
from consent.desk.certificate import certificate
from consent.enums import RequestKind
from consent.models import DataRequest
from tests.factories.campaigns import CampaignFactory
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW, OrderFactory


pytestmark = pytest.mark.django_db


@pytest.fixture
def erased() -> DataRequest:
    customer = MailableFactory(
        email="ada@example.com", last_name="Lovelace", external_id="shop-4711"
    )
    OrderFactory(customer=customer)
    hmac = customer.email_hmac
    for sent_to in (hmac, ""):
        Delivery.objects.create(
            campaign=CampaignFactory(), customer=customer, arm=Arm.EXCLUDED,
            state=DeliveryState.SENT if sent_to else DeliveryState.SKIPPED, address_hmac=sent_to,
            reason="" if sent_to else "NO_CONSENT",
        )  # fmt: skip
    row = requests.ask(kind=RequestKind.ERASURE, customer=customer, requested_by="olga", now=NOW)
    return requests.carry_out(row, now=NOW)


def test_what_stays_is_counted_beside_what_was_emptied(erased: DataRequest) -> None:
    lines = {one.what: one for one in certificate(erased).lines}
    assert (lines["Messages"].emptied, lines["Messages"].stays) == (1, 2)
    assert (lines["Orders"].emptied, lines["Orders"].stays) == (0, 1)
    assert lines["Orders"].why == "The sums, as accounting law asks."
    assert lines["Suppression list"].stays == 1
    assert "keyed hash" in lines["Suppression list"].why
    assert lines["Customer"].emptied == 1


def test_the_certificate_names_nobody(erased: DataRequest, admin_client: Client) -> None:
    link = reverse("admin:data_certificate", args=[erased.pk])
    assert (
        link
        in admin_client.get(reverse("admin:data_request_page", args=[erased.pk])).content.decode()
    )
    page = admin_client.get(link).content.decode()
    file = admin_client.get(reverse("admin:data_certificate_file", args=[erased.pk]))
    assert file["Content-Disposition"].startswith("attachment")
    assert file.json()["request"] == erased.pk
    assert {
        "what": "Orders",
        "emptied": 0,
        "stays": 1,
        "why": "The sums, as accounting law asks.",
    } in (file.json()["lines"])
    for text in (page, file.content.decode()):
        assert "Suppression list" in text
        for personal in ("ada@example", "Lovelace", "shop-4711", erased.address_hmac[:12], "olga"):
            assert personal not in text


def test_only_an_erasure_that_is_through_has_one(admin_client: Client) -> None:
    customer = MailableFactory()
    for kind in (RequestKind.ERASURE, RequestKind.ACCESS):
        row = requests.ask(kind=kind, customer=customer, requested_by="olga", now=NOW)
        for name in ("data_certificate", "data_certificate_file"):
            assert admin_client.get(reverse(f"admin:{name}", args=[row.pk])).status_code == 404
        with pytest.raises(ValueError, match="no erasure"):
            certificate(row)


def test_a_request_older_than_the_count_says_what_it_knows(erased: DataRequest) -> None:
    del erased.result["stays"]
    (line,) = [one for one in certificate(erased).lines if one.what == "Messages"]
    assert (line.emptied, line.stays, bool(line.why)) == (1, None, True)
