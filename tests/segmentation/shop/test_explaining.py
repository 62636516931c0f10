"""Reasons of real scores: exact, in words, of the customer who is asked about, and refused in words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from consent.enums import Purpose
from consent.models import ConsentState
from core import clock
from customers.models import Customer
from segmentation import explaining, mirror, predictors, queries, scoring, training
from segmentation.enums import ModelStatus, Task
from segmentation.ml import features
from segmentation.ml import training as learning
from segmentation.ml.tables import FeatureTable
from segmentation.models import Score
from segmentation.registry import JudgedCase, SensitiveField
from tests.gateway.clients import Api
from tests.segmentation.shop.rounds import STARTS_AT
from tests.segmentation.versions import rule_champion


pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("shop")]


def scored(task: Task, table: FeatureTable) -> int:
    """Write the scores of the champion; returns a customer with many orders."""
    version = queries.champion(task)
    assert version is not None
    asked = learning.eligible(table)
    buys = predictors.purchase(version, asked, as_of=int(STARTS_AT.timestamp()))
    scoring.write_generation(
        version, asked.customer_ids, buys, np.full(len(buys), np.nan), as_of=STARTS_AT, now=STARTS_AT
    )  # fmt: skip
    return int(asked.customer_ids[np.argmax(asked.column("orders"))])


def test_reasons_are_told_in_words_with_their_direction(table: FeatureTable) -> None:
    SensitiveField.objects.create(name="country", lowest_ratio=0.01, declared_at=STARTS_AT)
    result = training.train_propensity(Task.PURCHASE, now=STARTS_AT)
    assert result.promoted
    # what the manifest and the report say of who and what was left out
    details = result.version.manifest["details"]
    assert details["excluded_features"] == ["country_share", "home_market"]
    assert details["excluded_customers"] + details["profiled_customers"] == 1_500
    assert result.version.metrics["fairness"][0]["field"] == "country"
    assert set(result.version.metrics["rivals"]) == {"decision tree", "logistic regression"}
    assert 4 <= JudgedCase.objects.filter(version=result.version).count() <= 12
    customer = scored(Task.PURCHASE, table)
    told = explaining.of_customer(customer, now=STARTS_AT)
    assert set(told) == {Task.PURCHASE}
    reasons = told[Task.PURCHASE].reasons
    assert 1 <= len(reasons) <= 4
    assert [one.share for one in reasons] == sorted((one.share for one in reasons), reverse=True)
    with mirror.of_customers([customer]) as database:
        row = FeatureTable.from_arrow(
            features.compute(database, as_of=int(STARTS_AT.timestamp()) + 1)
        )
    days = round(row.column("recency_days")[0])
    said = [one.words for one in reasons if one.topic == "rhythm"]
    assert all(words.startswith(f"Last order {days} day") for words in said)
    # the contributions add up to what the trees say, so nothing is made up
    model = predictors.propensity(result.version)
    exact = model.reasons(row)[0]
    assert sum(one.effect for one in reasons) == pytest.approx(exact.sum(), abs=np.abs(exact).sum())


def test_reasons_are_given_over_the_api_and_on_the_page(
    table: FeatureTable, admin_client: Client
) -> None:
    version = rule_champion(Task.CHURN, now=STARTS_AT - timedelta(days=1))
    version.algorithm = "recency rule"
    version.save()
    customer = scored(Task.CHURN, table)
    clock.set_now(STARTS_AT)
    said = Api().get(f"customers/{customer}/scores/reasons").json()
    assert said["customer_id"] == customer
    (churn,) = said["scores"]
    assert (churn["task"], churn["model"], churn["reasons"]) == ("CHURN", str(version), [])
    assert churn["says"].startswith("Last order ")
    page = admin_client.get(reverse("admin:customer_why", args=[customer])).content.decode()
    assert "Why: no order within 90 days" in page
    assert "Back to the customer" in page
    part = admin_client.get(
        reverse("admin:customer_why", args=[customer]), headers={"HX-Request": "true"}
    ).content.decode()
    assert part.lstrip().startswith('<div id="why"')
    assert churn["says"] in page
    assert (
        "Last order"
        not in admin_client.get(reverse("admin:customer_page", args=[customer])).content.decode()
    )
    Score.objects.all().delete()
    assert Api().get(f"customers/{customer}/scores/reasons").json()["scores"] == []
    nothing = admin_client.get(reverse("admin:customer_why", args=[customer])).content.decode()
    assert "Nothing to explain" in nothing
    assert Api().get("customers/999999/scores/reasons").status_code == 404
    assert admin_client.get(reverse("admin:customer_why", args=[999_999])).status_code == 404


def test_rule_tells_the_silence_and_nothing_is_told_of_who_has_no_score(
    table: FeatureTable,
) -> None:
    version = rule_champion(Task.CHURN, now=STARTS_AT - timedelta(days=1))
    version.algorithm = "recency rule"
    version.save()
    customer = scored(Task.CHURN, table)
    told = explaining.of_customer(customer, now=STARTS_AT)[Task.CHURN]
    assert told.reasons == ()
    assert told.told.startswith("Last order ")
    assert told.told.endswith("The recency rule looks at nothing else.")
    Score.objects.filter(customer_id=customer).delete()
    assert explaining.of_customer(customer, now=STARTS_AT) == {}


def test_nothing_is_told_of_who_is_not_profiled_though_scores_are_still_there() -> None:
    agreed = ConsentState.objects.filter(purpose=Purpose.PROFILING, is_granted=True)
    customer = Customer.objects.exclude(pk__in=agreed.values("customer")).order_by("pk")[0].pk
    for task in (Task.CHURN, Task.LIFETIME):
        version = rule_champion(task, now=STARTS_AT - timedelta(days=1))
        scoring.write_generation(
            version, np.array([customer]), np.array([0.5]), np.array([np.nan]), as_of=STARTS_AT, now=STARTS_AT
        )  # fmt: skip
    assert explaining.of_customer(customer, now=STARTS_AT) == {}


def test_harmed_model_says_that_its_reasons_are_not_known(table: FeatureTable, home: Path) -> None:
    version = rule_champion(Task.CHURN, now=STARTS_AT - timedelta(days=1))
    customer = scored(Task.CHURN, table)
    (home / "models" / version.artefact / "rule.json").write_text("{}")
    told = explaining.of_customer(customer, now=STARTS_AT)[Task.CHURN]
    assert told.told == "The model cannot be read, so its reasons are not known."


def test_limit_of_fairness_keeps_a_better_model_from_serving() -> None:
    SensitiveField.objects.create(name="country", lowest_ratio=1.0, declared_at=STARTS_AT)
    result = training.train_propensity(Task.PURCHASE, now=STARTS_AT)
    assert not result.promoted
    assert result.reason.startswith("Not promoted. Selected by country too differently")
    assert result.version.status == ModelStatus.REJECTED
    assert queries.champion(Task.PURCHASE) is None
