"""What a mail earns, worked out in parts, is what it was of everybody at once."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from customers.models import Cursor
from segmentation import campaign_training, engines, expectation, mirror, predictors
from segmentation.enums import Task
from segmentation.expectation import READER
from segmentation.ml import policy
from segmentation.ml.tables import FeatureTable
from segmentation.models import ModelVersion
from tests.segmentation.planned import ECONOMICS, planned
from tests.segmentation.shop.rounds import STARTS_AT, logged


pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("shop")]
AS_OF = int(STARTS_AT.timestamp())
STRANGERS = np.arange(10_000_000, 10_000_300)


@pytest.fixture
def version(table: FeatureTable) -> ModelVersion:
    Cursor.objects.create(reader=READER, moved_at=STARTS_AT, position=AS_OF)
    regulars = table.column("orders") > np.median(table.column("orders"))
    rows = logged(table.customer_ids, rounds=1, helped=regulars)
    return campaign_training.train(Task.UPLIFT, rows, now=STARTS_AT + timedelta(days=15)).version


def at_once(version: ModelVersion, table: FeatureTable) -> policy.Expectation:
    """Of everybody in one table, as it used to be worked out."""
    effects = predictors.uplift(version, table)
    margin, value = policy.order_worth(
        orders=table.column("orders"),
        revenue_cents=table.column("revenue_cents"),
        margin_cents=table.column("margin_cents"),
        discount_share=table.column("discount_share"),
        deviation_cents=table.column("order_value_std_cents"),
    )
    return policy.expected_profit(
        uplift=effects.uplift, deviation=effects.deviation, alone=effects.alone,
        margin_cents=margin, value_cents=value,
        unsubscribe=float(version.metrics["unsubscribe_share"]),
        economics=policy.Economics(
            contact_cost_cents=ECONOMICS.contact_cost_cents,
            unsubscribe_cost_cents=ECONOMICS.unsubscribe_cost_cents,
            discount_share=ECONOMICS.discount_percent / 100,
        ),
    )  # fmt: skip


@pytest.mark.parametrize("stored", ["stored", ""])
def test_parts_expect_what_one_table_does_and_assign_the_same_arms(
    stored: str, table: FeatureTable, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    if stored:
        with mirror.connect() as database:
            mirror.write_features(engines.compute_everybody(database, as_of=AS_OF, part=400))
    assert mirror.exists() == bool(stored)
    monkeypatch.setattr(expectation, "PART", 97)
    rng = np.random.default_rng(0)
    asked = rng.permutation(np.concatenate([table.customer_ids[::2], STRANGERS]))
    wanted = at_once(version, table)
    known = np.isin(asked, table.customer_ids)
    at = np.searchsorted(table.customer_ids, asked[known])

    said = expectation.of_mailing(version, asked, ECONOMICS)

    assert said is not None
    for name in ("profit_cents", "deviation_cents"):
        mine, whole = getattr(said, name), getattr(wanted, name)
        assert np.allclose(mine[known], whole[at], rtol=1e-9)
        assert np.allclose(mine[~known], whole.mean(), rtol=1e-9)
    arms = planned(asked).arm
    aligned = np.searchsorted(table.customer_ids, np.where(known, asked, table.customer_ids[0]))
    one_table = policy.Expectation(
        profit_cents=np.where(known, wanted.profit_cents[aligned], wanted.profit_cents.mean()),
        deviation_cents=np.where(
            known, wanted.deviation_cents[aligned], wanted.deviation_cents.mean()
        ),
    )
    monkeypatch.setattr(expectation, "of_mailing", lambda *_: one_table)
    assert (planned(asked).arm == arms).all()
    assert set(arms) == {"TREATED", "HOLDOUT", "NOT_TARGETED"}


def test_who_left_the_mirror_is_expected_to_be_like_everybody(
    table: FeatureTable, version: ModelVersion
) -> None:
    """A customer who ended profiling since the last refresh is not judged by what was stored of them."""
    with mirror.connect() as database:
        mirror.write_features(engines.compute_everybody(database, as_of=AS_OF))
    gone = table.customer_ids[:3].tolist()
    with mirror.of_customers(gone) as database:
        for name in ("features", "customers"):
            mirror.replace(database, name, database.table(name).to_arrow_table().slice(0, 0))
        mirror.write_changes(database, gone)
    said = expectation.of_mailing(version, table.customer_ids, ECONOMICS)
    assert said is not None
    assert np.allclose(said.profit_cents[:3], said.profit_cents[3:].mean())


def test_before_the_first_refresh_nobody_is_known() -> None:
    assert expectation.of_mailing(ModelVersion(), STRANGERS, ECONOMICS) is None
