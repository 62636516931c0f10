from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from segmentation import mirror
from segmentation.ml.features import FEATURES
from tests.factories.customers import ReviewFactory
from tests.segmentation.live import order, profiled


@pytest.mark.django_db(transaction=True)
def test_page_tells_every_feature_and_warns_of_what_cannot_be(admin_client: Client) -> None:
    url = reverse("admin:segment_features")
    assert "not read yet" in admin_client.get(url).content.decode()
    for number in range(12):
        customer = profiled()
        if number < 3:
            order(customer)
        ReviewFactory(customer=customer, rating=5)
    mirror.refresh()
    page = admin_client.get(url)
    text = page.content.decode()
    assert all(f">{name}</th>" in text for name in FEATURES)
    told = {row["name"]: row for theme in page.context["themes"] for row in theme["rows"]}
    assert told["recency_days"]["missing"] == "75.0\u00a0%"
    assert told["orders"]["missing"] == "0"
    assert told["orders"]["cut"] == "–"
    assert told["rating_mean"]["possible"] == "1 to 5"
    assert not page.context["wrong"]
