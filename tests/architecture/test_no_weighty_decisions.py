"""
Article 22: nothing here decides about anybody alone and with weight. Whatever a score may lead to stands
in the lists below; a new kind of action fails until somebody has written it here with a reason.
"""

from __future__ import annotations

import re

import pytest
from django.apps import apps

from campaigns.enums import Arm, SkipReason, Targeting
from campaigns.models import Campaign, Delivery
from gateway.scopes import SCOPES
from segmentation import explaining, inferring
from segmentation.enums import Measure, SegmentKind, Task
from segmentation.ml import cards
from webhooks.enums import Topic


MAY_LEAD_TO = {
    Targeting: {"PROFIT", "EVERYONE"},  # a message, or none
    Arm: {"TREATED", "HOLDOUT", "NOT_TARGETED", "EXCLUDED"},
    SkipReason: {
        "ERASED", "NO_ADDRESS", "SUPPRESSED", "NO_CONSENT", "PAUSED", "JUST_MERGED",
        "DUPLICATE_ADDRESS", "BAD_EXPERIENCE", "FREQUENCY", "HOLDOUT", "NOT_TARGETED", "CANCELLED",
        "RENDER_ERROR", "RESTRICTED", "UNDER_AGE", "NOT_COMPARED",
    },
    SegmentKind: {"EVERYONE", "RFM", "CLUSTER", "SCORE", "RULE", "STATIC"},  # a list of people
    Task: {
        "CHURN", "PURCHASE", "RESPONSE", "UPLIFT", "LIFETIME", "CLUSTERS", "SENTIMENT", "FIRST",
        "RECOMMEND",  # which products are shown, never at which price
    },
    Topic: {
        "segment.entered", "segment.left", "delivery.sent", "delivery.clicked", "delivery.bounced",
        "delivery.complained", "delivery.unsubscribed", "consent.changed", "customer.erased",
        "customer.restricted", "customer.unrestricted", "webhook.test",
    },
}  # fmt: skip
OF_WEIGHT = re.compile(
    "price|credit|loan|insur|payment_term|surcharge|solvenc|rating_of|blacklist|blocklist|fraud|"
    "job|hire|rent_|eligib|deny|denied|creditworth"
)
OF_THINGS = {
    "customers.product.price_cents": "of a product, the same for everybody",
    "customers.orderline.unit_price_cents": "what was paid, as the shop told it",
}


@pytest.mark.parametrize("vocabulary", MAY_LEAD_TO, ids=lambda one: one.__name__)
def test_kinds_of_action_stay_in_the_list(vocabulary: type) -> None:
    assert set(vocabulary.values) <= MAY_LEAD_TO[vocabulary]


def test_no_column_and_no_scope_is_about_a_price_or_a_refusal_for_somebody() -> None:
    found = {
        f"{field.model._meta.label_lower}.{field.name}"
        for app in ("customers", "consent", "segmentation", "campaigns", "feedback", "webhooks")
        for model in apps.get_app_config(app).get_models()
        for field in model._meta.concrete_fields
        if OF_WEIGHT.search(field.name)
    }
    assert found == set(OF_THINGS)
    assert not [scope for scope in SCOPES if OF_WEIGHT.search(scope)]


def test_a_discount_is_the_campaigns_and_nobodys_own() -> None:
    assert "discount_percent" in {one.name for one in Campaign._meta.concrete_fields}
    assert not [one.name for one in Delivery._meta.concrete_fields if "discount" in one.name]


def test_the_rule_for_weighty_names_finds_some() -> None:
    assert all(map(OF_WEIGHT.search, ("credit_limit", "price_cents", "payment_terms", "denied_at")))
    assert not any(map(OF_WEIGHT.search, ("total_cents", "discount_percent", "first_name")))


@pytest.mark.parametrize("task", Task.values)
def test_every_model_says_what_it_is_for_and_what_not(task: str) -> None:
    purpose = cards.PURPOSES[task]
    assert purpose.use
    assert purpose.not_for
    assert purpose.limits
    assert purpose is not cards.UNSAID
    assert any("must not decide" in words or "agreed" in words for words in purpose.ethics)


OF_NOBODY = {
    Task.CLUSTERS: "a segment, which the person's page names with its meaning",
    Task.SENTIMENT: "of a text, not of a person",
    Task.RECOMMEND: "a list of products, each with its own reason beside it",
    Task.FIRST_PURCHASE: "not among the scores: one row a new customer, and the segment it leads to",
}


@pytest.mark.parametrize("score", [*Task, *Measure])
def test_every_score_is_told_to_its_person_in_their_language(score: str) -> None:
    if score in OF_NOBODY:
        return
    assert set(inferring._SCORES[score]) == {"en", "de", "es"}


def test_every_score_of_orders_gives_its_reasons() -> None:
    """Response and uplift are about a campaign: its own page says how they were judged."""
    reasons = {inferring._MODEL_OF.get(one, one) for one in inferring._SCORES}
    assert reasons - set(explaining.TASKS) == {Task.RESPONSE, Task.UPLIFT}
