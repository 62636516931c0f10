"""Products are looked up for a group of recipients right before their messages are made."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import recommended
from campaigns.handover import Intended
from campaigns.rendering import CampaignTemplate, Recipient
from consent.enums import Purpose
from customers.models import Customer
from segmentation.ml.recommend.wording import Reason
from segmentation.models import Recommendation
from tests.factories.campaigns import BODY, CampaignFactory
from tests.factories.consent import agree
from tests.factories.customers import CustomerFactory, ProductFactory
from tests.segmentation.test_recommendations_api import run


pytestmark = pytest.mark.django_db
BLOCK = "{% for product in recommendations %}<p>{{ product.name }}: {{ product.reason }}</p>{% endfor %}"


def intended(customer: Customer) -> Intended:
    recipient = Recipient(
        delivery_id=customer.pk, customer_id=customer.pk, email="ada@example.com", first_name="",
        last_name="", tracks_clicks=False,
    )  # fmt: skip
    return Intended(id=customer.pk, epoch=1, attempt=1, recipient=recipient)


def template(block: str) -> CampaignTemplate:
    body = BODY.replace("</body>", block + "</body>")
    return CampaignTemplate(CampaignFactory.build(id=5, segment=None, body_html=body))


def test_each_recipient_gets_their_own_products_and_a_stranger_what_is_popular() -> None:
    lamp, bulb, tea = (ProductFactory(name=name) for name in ("A lamp", "A bulb", "Tea"))
    known, stranger = CustomerFactory(), CustomerFactory()
    for purpose in (Purpose.PROFILING, Purpose.RECOMMENDATIONS):
        agree(known, purpose)
    Recommendation.objects.create(
        run=run(popular=[tea.pk]), customer=known, products=[lamp.pk], scores=[1.0],
        reasons=[Reason.BECAUSE], because=[bulb.pk], days=[0],
    )  # fmt: skip
    made = template(BLOCK)
    one, other = recommended.with_products(made, [intended(known), intended(stranger)])
    assert "A lamp: because you bought A bulb" in made.render(one.recipient, now=None).html
    assert "Tea: popular at this time" in made.render(other.recipient, now=None).html


def test_message_without_products_costs_no_statement() -> None:
    rows = [intended(CustomerFactory())]
    with CaptureQueriesContext(connection) as captured:
        assert recommended.with_products(template(""), rows) is rows
    assert len(captured) == 0


@pytest.mark.parametrize(("address", "kept"), [
    ("https://shop.example/lamp?a=1&b=2", "https://shop.example/lamp?a=1&b=2"),
    ("https://shop.example/ onclick=alert(1)", ""), ("https://shop.example/\r\nBcc:", ""),
    ("javascript:alert(1)", ""), ("", ""),
])  # fmt: skip
def test_an_address_of_a_product_can_be_nothing_but_an_address(address: str, kept: str) -> None:
    lamp, known = ProductFactory(name="A lamp", url=address), CustomerFactory()
    run(popular=[lamp.pk])
    (row,) = recommended.with_products(template(BLOCK), [intended(known)])
    assert row.recipient.recommendations[0]["url"] == kept
