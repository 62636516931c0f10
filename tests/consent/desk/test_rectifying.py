from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from campaigns import handover
from consent.desk import requests
from consent.enums import RequestKind, RequestStatus
from consent.models import DataRequest, PersonalDataAccess
from customers.models import Customer
from segmentation.models import DirtyCustomer
from tests.factories.campaigns import running_campaign
from tests.factories.customers import NOW, CustomerFactory


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
RIGHT = {"first_name": "Ada", "last_name": "Lovelace", "email": "new@example.com", "country": "GB"}


def request_of(customer: Customer) -> DataRequest:
    return requests.ask(
        kind=RequestKind.RECTIFICATION, customer=customer, requested_by="olga", now=NOW
    )


@pytest.fixture
def officer(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("olga", password="x"))
    return client


def test_a_correction_reaches_the_next_message_and_the_features(
    officer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", "smtp://127.0.0.1:1")
    campaign = running_campaign("old", now=NOW)
    customer = Customer.objects.get()
    DirtyCustomer.objects.all().delete()
    row = request_of(customer)
    page = officer.get(reverse("admin:data_request_page", args=[row.pk])).content.decode()
    assert 'value="old@example.com"' in page
    answer = officer.post(reverse("admin:data_request_carry_out", args=[row.pk]), RIGHT)
    assert answer.status_code == 302
    claimed = handover.claim(campaign_id=campaign.pk, owner="me", limit=10)
    (intended,) = handover.intend(campaign_id=campaign.pk, owner="me", group=claimed, now=LATER)
    assert (intended.recipient.email, intended.recipient.first_name) == ("new@example.com", "Ada")
    assert DirtyCustomer.objects.filter(customer_id=customer.pk).exists()


def test_what_was_corrected_is_proved_without_the_values(officer: Client) -> None:
    customer = CustomerFactory(first_name="Adda", last_name="Lovelace", country="GB")
    row = request_of(customer)
    officer.post(
        reverse("admin:data_request_carry_out", args=[row.pk]), {**RIGHT, "email": customer.email}
    )
    row.refresh_from_db()
    assert (row.status, row.result["corrected"]) == (RequestStatus.DONE, ["first_name"])
    kept = [*DataRequest.objects.values(), *PersonalDataAccess.objects.values()]
    assert "Ada" not in str(kept)
    assert "Adda" not in str(kept)
    shown = officer.get(reverse("admin:data_request_page", args=[row.pk])).content.decode()
    assert "First name" in shown
    look = PersonalDataAccess.objects.filter(action="CHANGE")
    assert [one.customer_number for one in look] == [customer.pk]


def test_a_wrong_address_is_refused_and_changes_nothing(officer: Client) -> None:
    customer = CustomerFactory(email="right@example.com")
    row = request_of(customer)
    act = reverse("admin:data_request_carry_out", args=[row.pk])
    for wrong in ("nobody", "a b@example.com", "a@example.com\r\nBcc: b@example.com"):
        assert officer.post(act, {**RIGHT, "email": wrong}).status_code == 400
    customer.refresh_from_db()
    assert customer.email == "right@example.com"


def test_an_older_word_of_the_shop_does_not_undo_it(officer: Client) -> None:
    customer = CustomerFactory(first_name="Adda")
    requests.rectify(request_of(customer), values={"first_name": "Ada"}, now=LATER)
    customer.refresh_from_db()
    assert (customer.first_name, customer.changed_at) == ("Ada", LATER)
