"""What holds data about people is declared: nothing with a customer's key is forgotten."""

from __future__ import annotations

from collections import Counter

import pytest
from django.apps import apps

from consent.desk.personal_data import Person, holders
from customers.models import Customer


OURS = (
    "gateway", "customers", "consent", "segmentation", "campaigns", "webhooks", "feedback", "config",
)  # fmt: skip


def with_a_customers_key() -> set[str]:
    return {
        model._meta.label
        for model in apps.get_models()
        if model._meta.app_label in OURS
        for field in model._meta.fields
        if field.is_relation and field.related_model is Customer
    }


def test_every_model_with_a_customers_key_has_a_holder() -> None:
    declared = {holder.model._meta.label for holder in holders()}
    assert len(with_a_customers_key()) > 10
    assert with_a_customers_key() - declared == set()


def test_holders_are_told_apart_by_name_and_model() -> None:
    names = Counter(holder.what for holder in holders())
    models = Counter(holder.model for holder in holders())
    assert max(names.values()) == max(models.values()) == 1


@pytest.mark.django_db
def test_nobody_holds_anything_about_nobody(now) -> None:
    for holder in holders():
        assert list(holder.export(Person())) == [], holder.what
        assert holder.erase(Person(), now) == 0, holder.what
        assert holder.waits(Person()) == 0, holder.what
