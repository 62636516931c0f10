from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from segmentation.models import CategoryRule
from tests.factories.customers import ProductFactory


pytestmark = pytest.mark.django_db
ADD = "admin:segmentation_categoryrule_add"


def save(client: Client, category: str) -> str:
    said = {"category": category, "days_closed": "30", "is_recommended": "on"}
    return client.post(reverse(ADD), said, follow=True).content.decode()


def test_rule_is_of_a_category_that_products_have(admin_client: Client) -> None:
    ProductFactory(category="Kettles")
    ProductFactory(category="Postage", is_product=False)
    page = admin_client.get(reverse(ADD)).content.decode()
    assert 'list="list-category"' in page
    assert '<option value="Kettles">' in page
    assert "Postage" not in page
    assert "Did you mean Kettles?" in save(admin_client, "Ketles")
    assert "No product has the category" in save(admin_client, "<b>Phones</b>")
    assert not CategoryRule.objects.exists()
    save(admin_client, "  kettles ")
    assert CategoryRule.objects.get().category == "Kettles"


def test_rule_whose_products_are_gone_can_still_be_changed(admin_client: Client) -> None:
    rule = CategoryRule.objects.create(category="Lamps")
    address = reverse("admin:segmentation_categoryrule_change", args=[rule.pk])
    admin_client.post(address, {"category": "Lamps", "days_closed": "9"})
    rule.refresh_from_db()
    assert (rule.days_closed, rule.is_recommended) == (9, False)
