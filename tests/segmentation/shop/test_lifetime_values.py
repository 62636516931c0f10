from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from feedback import customer_scores
from segmentation import explaining, lifetime_values, mirror, queries, refreshing, scoring, versions
from segmentation.enums import Measure, ModelStatus, Task
from segmentation.ml.tables import FeatureTable
from segmentation.models import ModelVersion, Score
from segmentation.registry import SensitiveField
from tests.segmentation.shop.rounds import STARTS_AT


pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("shop")]


def scored(task: str) -> dict[int, Score]:
    rows = Score.objects.filter(generation__task=task, generation__is_current=True)
    return {row.customer_id: row for row in rows.select_related("customer", "generation__version")}


def test_everybody_who_ordered_is_told_spend_orders_and_the_next_order(
    table: FeatureTable,
) -> None:
    SensitiveField.objects.create(name="country", declared_at=STARTS_AT)
    result = lifetime_values.train(now=STARTS_AT)
    assert result.promoted
    (found,) = result.version.metrics["fairness"]
    assert {one["gap"]["value"] for one in found["groups"]} == {None}  # money is no share
    assert all(one["found"]["value"] is not None for one in found["groups"])
    assert found["proxy"]["value"] < 0.9  # what is made of the country is not looked at
    assert result.version.status == ModelStatus.CHAMPION
    assert result.version.metrics["model"]["spend_gini"] > 0.2
    assert "serves" in result.reason
    refreshing.refresh(now=STARTS_AT)
    spend, orders = scored(Task.LIFETIME), scored(Measure.ORDERS)
    ordered = table.customer_ids[table.column("orders") > 0]
    assert set(spend) == set(orders) == set(ordered.tolist())
    for row in list(spend.values())[:50]:
        assert row.low is not None
        assert row.high is not None
        assert 0 <= row.low <= row.high
        assert row.value > 0
    soon = scored(Measure.NEXT_ORDER)
    assert 0 < len(soon) <= len(spend)
    assert all(row.value > 0 for row in soon.values())
    customer = spend[min(soon)].customer
    shown = {one.task: one for one in customer_scores.of_customer(customer)}
    assert "orders; half of them" in shown[Task.LIFETIME].note
    assert shown[Measure.NEXT_ORDER].value.endswith(tuple("0123456789"))

    (why,) = explaining.of_customer(customer.pk, now=STARTS_AT).values()
    if result.version.metrics["verdict"] == "MODEL":
        assert 1 <= len(why.reasons) <= 4
        assert not any("btyd" in one.words.lower() for one in why.reasons)
    else:  # what proves nothing does not serve, and has no say in the reasons
        assert why.reasons == ()
        assert why.told.endswith("Rhythm and baskets alone were asked.")

    scores_of_some_are_those_of_everybody()
    champion_that_cannot_be_read_leaves_the_last_scores(result.version)


# training takes seconds: these look at what the test above has trained
def scores_of_some_are_those_of_everybody() -> None:
    before = {task: scored(task) for task in (Task.LIFETIME, Measure.ORDERS, Measure.NEXT_ORDER)}
    some = np.array(sorted(before[Task.LIFETIME])[:40])
    part = next(iter(mirror.feature_parts()))
    few = part.rows(np.isin(part.customer_ids, some))
    written = scoring.score_some(few, touched=few.customer_ids, now=STARTS_AT)
    assert written[Task.LIFETIME] == written[Measure.ORDERS] == 0  # none differs
    for task, rows in before.items():
        assert {key: row.value for key, row in rows.items()} == pytest.approx(
            {key: row.value for key, row in scored(task).items()}
        )


def champion_that_cannot_be_read_leaves_the_last_scores(version: ModelVersion) -> None:
    before = len(scored(Task.LIFETIME))
    ModelVersion.objects.filter(pk=version.pk).update(artefact="not-there")
    refreshing.refresh(now=STARTS_AT + timedelta(days=1))
    assert len(scored(Task.LIFETIME)) == len(scored(Measure.ORDERS)) == before


def test_too_short_a_history_is_served_by_pooled_rhythm_and_says_so() -> None:
    with mirror.connect() as database:
        ((first,),) = database.execute("SELECT min(placed_at) FROM orders").fetchall()
    result = lifetime_values.train(now=versions.moment(first) + timedelta(days=20))
    assert result.promoted
    assert result.version.metrics["verdict"] == "REFUSED"
    assert "days of history" in result.reason


def test_without_any_order_it_is_a_recorded_refusal() -> None:
    with mirror.connect() as database:
        ((first,),) = database.execute("SELECT min(placed_at) FROM orders").fetchall()
    result = lifetime_values.train(now=versions.moment(first) - timedelta(days=1))
    assert result.version.status == ModelStatus.REFUSED
    assert queries.champion(Task.LIFETIME) is None
