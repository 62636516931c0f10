"""Recommendations over REST and on pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from consent.enums import Purpose
from customers.models import Customer, Product
from segmentation.enums import ModelStatus, Task
from segmentation.ml.recommend.wording import Reason
from segmentation.models import (
    ModelVersion,
    Recommendation,
    RecommendationRun,
    SuppressedCategory,
)
from tests.factories.consent import agree
from tests.factories.customers import NOW, CustomerFactory, ProductFactory
from tests.gateway.clients import Api


pytestmark = pytest.mark.django_db


def run(**fields: Any) -> RecommendationRun:
    version = ModelVersion.objects.create(
        task=Task.RECOMMEND, number=1, status=ModelStatus.CHAMPION, trained_at=NOW, as_of=NOW,
        metrics={"ways": {"ours": {"ndcg": 0.3, "recall": 0.2, "hit_rate": 0.8, "coverage": 0.4}}},
    )  # fmt: skip
    return RecommendationRun.objects.create(
        version=version, as_of=NOW, written_at=NOW, is_current=True, **fields
    )


def listed(customer: Customer, product: Product, bought: Product, *, on: RecommendationRun) -> None:
    Recommendation.objects.create(
        run=on, customer=customer, products=[product.pk], scores=[1.5], reasons=[Reason.BECAUSE],
        because=[bought.pk], days=[0],
    )  # fmt: skip
    SuppressedCategory.objects.create(
        run=on, customer=customer, category="Phones", product=bought, days=400, learned=True,
        until=NOW + timedelta(days=40_000),
    )  # fmt: skip


def test_list_comes_with_reasons_and_what_is_closed_to_who_agreed() -> None:
    product, bought = ProductFactory(name="A case"), ProductFactory(name="A phone")
    ours, theirs = CustomerFactory(), CustomerFactory()
    on = run(popular=[bought.pk])
    for customer in (ours, theirs):
        listed(customer, product, bought, on=on)
    for purpose in (Purpose.PROFILING, Purpose.RECOMMENDATIONS):
        agree(ours, purpose)
    agree(theirs, Purpose.PROFILING)
    said = Api().get(f"customers/{ours.pk}/recommendations").json()
    assert said["personal"] is True
    assert said["model"] == "recommend v1"
    (one,) = said["recommendations"]
    assert (one["name"], one["reason"], one["code"]) == (
        "A case", "because you bought A phone", "BECAUSE",
    )  # fmt: skip
    (closed,) = said["suppressed"]
    assert (closed["category"], closed["because"]) == ("Phones", "A phone")
    other = Api().get(f"customers/{theirs.pk}/recommendations").json()
    assert other["personal"] is False
    assert other["suppressed"] == []
    assert [row["name"] for row in other["recommendations"]] == ["A phone"]


def test_before_the_first_run_the_list_is_empty() -> None:
    customer = CustomerFactory()
    said = Api().get(f"customers/{customer.pk}/recommendations").json()
    assert said["recommendations"] == []
    assert said["as_of"] is None


def test_product_that_was_removed_from_the_shop_is_left_out() -> None:
    product, bought = ProductFactory(), ProductFactory()
    customer = CustomerFactory()
    listed(customer, product, bought, on=run())
    for purpose in (Purpose.PROFILING, Purpose.RECOMMENDATIONS):
        agree(customer, purpose)
    Product.objects.filter(pk=product.pk).update(is_product=False)
    assert Api().get(f"customers/{customer.pk}/recommendations").json()["recommendations"] == []


def test_page_of_recommendations_shows_quality_clocks_and_what_is_popular(
    admin_client: Client,
) -> None:
    address = reverse("admin:recommendations_page")
    assert "No recommendations yet" in admin_client.get(address).text
    product = ProductFactory(name="A lamp")
    run(
        popular=[product.pk], products=4, shown=3,
        clocks=[{"category": "Phones", "days_closed": 433, "gaps": 90, "returns": 4, "watched": 600,
                 "median": None}],
    )  # fmt: skip
    text = admin_client.get(address).text
    for words in ("Learned mixture", "433 days", "A lamp", "75"):
        assert words in text


def test_customers_page_shows_recommendations_with_reasons(admin_client: Client) -> None:
    product, bought = ProductFactory(name="A case"), ProductFactory(name="A phone")
    customer = CustomerFactory()
    listed(customer, product, bought, on=run())
    for purpose in (Purpose.PROFILING, Purpose.RECOMMENDATIONS):
        agree(customer, purpose)
    text = admin_client.get(reverse("admin:customer_page", args=[customer.pk])).text
    assert "Because you bought A phone" in text
    assert "Not offered for a while" in text
