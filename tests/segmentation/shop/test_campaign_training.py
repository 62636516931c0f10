"""From logged rounds to a model that decides: trained on an effect that is known."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from customers.models import Cursor
from segmentation import campaign_training, expectation, queries, refreshing
from segmentation.enums import ModelStatus, Task
from segmentation.expectation import READER
from segmentation.ml.tables import FeatureTable
from segmentation.models import ModelVersion, Score
from segmentation.registry import SensitiveField
from segmentation.targeting import Economics
from segmentation.training import Result
from tests.segmentation.planned import ECONOMICS, planned
from tests.segmentation.shop.rounds import STARTS_AT, logged


pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("shop")]
STRANGERS = np.arange(10_000_000, 10_002_000)
"""Ids of customers who may not be profiled."""


def regulars(table: FeatureTable) -> np.ndarray:
    """Who ordered more often than most: the mail helps them and nobody else."""
    orders = table.column("orders")
    return orders > np.median(orders)


def train(table: FeatureTable, task: Task = Task.UPLIFT, *, rounds: int = 3) -> Result:
    Cursor.objects.update_or_create(
        reader=READER, defaults={"moved_at": STARTS_AT, "position": int(STARTS_AT.timestamp())}
    )
    rows = logged(table.customer_ids, rounds=rounds, helped=regulars(table))
    return campaign_training.train(task, rows, now=STARTS_AT + timedelta(days=15))


@pytest.mark.parametrize("task", [Task.UPLIFT, Task.RESPONSE])
@pytest.mark.parametrize("rows", ["none", "strangers", "no choice"])
def test_rounds_that_teach_nothing_are_refused(table: FeatureTable, task: Task, rows: str) -> None:
    given = logged(STRANGERS if rows == "strangers" else table.customer_ids, rounds=1)
    if rows == "none":
        given = given.slice(0, 0)
    if rows == "no choice":
        sure = given.schema.get_field_index("probability")
        given = given.set_column(sure, "probability", pa.array(np.ones(given.num_rows)))
    result = campaign_training.train(task, given, now=STARTS_AT)
    assert not result.promoted
    assert result.version.status == ModelStatus.REFUSED
    assert result.reason.startswith("Not enough data")
    assert queries.champion(task) is None


def test_uplift_model_finds_whom_a_mail_helps_and_what_it_decides_is_what_it_logs(
    table: FeatureTable,
) -> None:
    result = train(table)
    assert result.promoted
    assert result.reason.startswith("The first uplift model.")
    assert result.version.rows == 3 * len(table)
    ids = np.concatenate([STRANGERS, table.customer_ids])
    known = np.arange(len(ids)) >= len(STRANGERS)
    made = planned(ids)
    assert made.model_version_id == result.version.pk
    assert "mailing pays for" in made.note
    # those whom it helps are told from those whom it does not
    helped = regulars(table)
    profit = made.predicted_profit_cents[known]
    assert profit[helped].mean() > 5 * abs(profit[~helped].mean())
    assert made.probability[known][helped].mean() > made.probability[known][~helped].mean() + 0.2
    # who may not be profiled gets the average, and one probability for all
    assert np.allclose(made.predicted_profit_cents[~known], profit.mean())
    assert np.ptp(made.probability[~known]) == 0
    # a coin decides for a fifth, so nobody is certain
    assert made.probability.min() >= 0.9 * (0.2 * 0.5 + 0.8 * 0.05) - 1e-9
    assert made.probability.max() <= 0.9 * (0.2 * 0.5 + 0.8 * 0.95) + 1e-9
    # and the assignment follows the logged probability, high, low or average
    arms = np.stack([planned(ids, salt=f"salt {n}").arm == "TREATED" for n in range(5)])
    for group in (~known, known & (made.probability > 0.6), known & (made.probability <= 0.6)):
        p = made.probability[group]
        spread = np.sqrt(len(arms) * (p * (1 - p)).sum())
        # ids are others each time: of four spreads one run in ten thousand would fail
        assert abs(arms[:, group].sum() - len(arms) * p.sum()) < 6 * spread


def test_plan_for_nobody_says_so(table: FeatureTable) -> None:
    train(table, rounds=1)
    made = planned(np.empty(0, dtype=np.int64))
    assert made.note == "Nobody is eligible."
    assert len(made.arm) == 0


def test_discount_and_contact_cost_lower_what_a_mail_earns(table: FeatureTable) -> None:
    train(table, rounds=1)

    def profit(**changes: int) -> float:
        economics = Economics(**{**vars(ECONOMICS), **changes})
        made = planned(table.customer_ids, economics=economics)
        return float(made.predicted_profit_cents.mean())

    usual = profit()
    assert profit(contact_cost_cents=12) == pytest.approx(usual - 10)
    assert profit(discount_percent=15) < usual
    assert profit(unsubscribe_cost_cents=3000) < usual


def test_model_that_cannot_be_read_leaves_it_to_the_coin(
    table: FeatureTable, caplog: pytest.LogCaptureFixture
) -> None:
    version = train(table, rounds=1).version
    ModelVersion.objects.filter(pk=version.pk).update(artefact="not-there")
    made = planned(table.customer_ids)
    assert made.model_version_id is None
    assert np.allclose(made.probability, 0.45)
    assert np.isnan(made.predicted_profit_cents).all()
    assert made.note.startswith("uplift v1 cannot be used now")
    assert "uplift v1 cannot decide, a coin does" in caplog.text


def test_one_more_round_is_judged_against_the_champion(table: FeatureTable) -> None:
    first = train(table, rounds=2)
    second = train(table, rounds=3)
    assert second.previous == first.version
    assert "R-loss on the newest round" in second.reason
    assert set(second.evidence["r_loss"]) == {"mean", "low", "high"}
    ModelVersion.objects.filter(task=Task.UPLIFT).update(artefact="not-there")
    third = train(table, rounds=3)
    assert third.promoted
    assert third.reason.startswith("The champion cannot be used")


def test_response_model_is_judged_on_the_newest_round_and_scores_everybody(
    table: FeatureTable,
) -> None:
    result = train(table, Task.RESPONSE)
    assert result.promoted
    assert result.version.metrics["model"]["auc"] > result.version.metrics["baseline"]["auc"]
    dear = Economics(**{**vars(ECONOMICS), "contact_cost_cents": 500})
    who = expectation.by_response(table.customer_ids, dear)
    assert who is not None
    # whoever orders after a mail seems worth it, caused by it or not
    assert who[regulars(table)].mean() > who[~regulars(table)].mean()
    train(table)
    done = refreshing.refresh(now=STARTS_AT)
    assert done.scores == {"RESPONSE": len(table), "UPLIFT": len(table)}
    uplift = Score.objects.filter(generation__task=Task.UPLIFT)
    assert not uplift.filter(sd=None).exists()
    again = train(table, Task.RESPONSE)
    assert again.previous == result.version
    assert again.reason


def test_by_response_without_a_model_says_nothing(table: FeatureTable) -> None:
    assert expectation.by_response(table.customer_ids, ECONOMICS) is None


@pytest.mark.parametrize("task", [Task.UPLIFT, Task.RESPONSE])
def test_groups_are_compared_and_a_limit_keeps_a_model_from_serving(
    table: FeatureTable, task: Task
) -> None:
    field = SensitiveField.objects.create(name="country", declared_at=STARTS_AT)
    result = train(table, task)
    (found,) = result.version.metrics["fairness"]
    assert found["field"] == "country"
    groups = {one["name"]: one for one in found["groups"]}
    assert len(groups) > 1
    assert all(one["selected"]["value"] is not None for one in groups.values())
    # of an uplift nobody sees the outcome
    assert {one["found"]["value"] is None for one in groups.values()} == {task == Task.UPLIFT}
    field.lowest_ratio = 1.0
    field.save()
    assert found["ratio"]["value"] < 1
    ModelVersion.objects.all().delete()  # as the first model it would serve
    blocked = train(table, task)
    assert not blocked.promoted
    assert "country" in blocked.reason
