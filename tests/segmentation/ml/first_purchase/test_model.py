from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from segmentation.ml.first_purchase.behaviour import Segments, behaviour
from segmentation.ml.first_purchase.judging import judge
from segmentation.ml.first_purchase.model import FirstPurchaseModel, Settings
from segmentation.ml.first_purchase.orders import Lines
from tests.segmentation.ml.first_purchase.shops import COMES_BACK, START, table


SETTINGS = Settings(segments=4, groups=2, fine_groups=3, neighbours=100)
DAYS = 365.0


def lines(rows: pa.Table) -> Lines:
    return Lines.from_arrow(rows)


@cache
def fitted() -> FirstPurchaseModel:
    known = lines(table(customers=900, seed=1))
    return FirstPurchaseModel.fit(
        known, days_ahead=np.full(known.customers, DAYS), settings=SETTINGS
    )


@cache
def unseen() -> pa.Table:
    return table(customers=600, seed=2)


def shares(rows: pa.Table) -> np.ndarray:
    asked = lines(rows)
    return fitted().predict(asked, days_ahead=np.full(asked.customers, DAYS)).shares


def first_orders(rows: pa.Table) -> pa.Table:
    return rows.filter(pc.ends_with(rows.column("order_id"), "-0"))


def test_later_orders_change_no_byte_of_a_prediction() -> None:
    absurd = {
        "customer": 0, "order_id": "absurd", "placed_at": START + 300 * 86_400, "amount": 1e9,
        "quantity": 1e6, "unit_price": 1e3, "words": "GOLD BAR", "country": "XX",
    }  # fmt: skip
    more = pa.concat_tables([unseen(), pa.Table.from_pylist([absurd])])
    alone = shares(first_orders(unseen())).tobytes()
    assert shares(unseen()).tobytes() == alone
    assert shares(more).tobytes() == alone


def test_neither_the_order_of_rows_nor_company_changes_a_prediction() -> None:
    rows = unseen()
    mixed = rows.take(np.random.default_rng(3).permutation(rows.num_rows))
    assert shares(mixed).tobytes() == shares(rows).tobytes()
    few = shares(rows.filter(pc.less(rows.column("customer"), 10)))
    assert few == pytest.approx(shares(rows)[:10], abs=1e-9)


def test_the_same_orders_and_seed_give_the_same_model() -> None:
    known = lines(table(customers=300, seed=1))
    days = np.full(known.customers, DAYS)
    first, second = (
        FirstPurchaseModel.fit(known, days_ahead=days, settings=SETTINGS) for _ in range(2)
    )
    assert first.to_files() == second.to_files()


def test_stored_model_says_the_same() -> None:
    again = FirstPurchaseModel.from_files(fitted().to_files())
    asked = lines(unseen())
    days = np.full(asked.customers, DAYS)
    mine, stored = fitted().predict(asked, days_ahead=days), again.predict(asked, days_ahead=days)
    assert mine.shares.tobytes() == stored.shares.tobytes()
    assert mine.spend.tobytes() == stored.spend.tobytes()


def test_shares_agree_with_what_becomes_of_each_kind_of_first_order() -> None:
    asked = lines(unseen())
    first = asked.where(asked.first())
    became = np.eye(SETTINGS.segments)[fitted().became(asked)]
    said = shares(unseen())
    by_goods = []
    for goods in COMES_BACK:
        named = np.array([goods in name for name in first.words])[first.product]
        of_them = np.unique(first.customer[named])
        by_goods.append(said[of_them].mean(axis=0))
        assert by_goods[-1] == pytest.approx(became[of_them].mean(axis=0), abs=0.08)
    assert np.abs(by_goods[0] - by_goods[1]).sum() > 0.5  # and the two kinds differ


def test_shares_are_calibrated_and_better_than_the_shares_of_all() -> None:
    asked = lines(unseen())
    became = fitted().became(asked)
    orders = behaviour(asked, fitted().segments.products).orders.astype(np.int64)
    judged = judge(shares=shares(unseen()), became=became, orders=orders)
    same = judge(shares=np.tile(fitted().prior, (len(became), 1)), became=became, orders=orders)
    assert judged.calibration < 0.06
    assert judged.log_loss < same.log_loss - 0.2
    assert judged.accuracy > same.accuracy


def test_expected_spend_agrees_in_total_and_is_higher_for_those_who_come_back() -> None:
    asked = lines(unseen())
    spend = fitted().predict(asked, days_ahead=np.full(asked.customers, DAYS)).spend
    later = asked.where(~asked.first())
    assert spend.sum() == pytest.approx(later.amount.sum(), rel=0.15)
    first = asked.where(asked.first())
    tea = np.array(["TEA" in name for name in first.words])[first.product]
    tea_drinkers = np.isin(np.arange(asked.customers), first.customer[tea])
    assert spend[tea_drinkers].mean() > 2 * spend[~tea_drinkers].mean()


def test_too_few_customers_are_refused_in_words() -> None:
    known = lines(table(customers=30, seed=1))
    with pytest.raises(ValueError, match="30 customers are too few for 4 segments; 40 are needed"):
        FirstPurchaseModel.fit(known, days_ahead=np.full(30, DAYS), settings=SETTINGS)


# ------------------------------------------------------------------ what segments are called
def test_segments_have_names_of_their_own_without_numbers_behind() -> None:
    for seed in range(4):
        known = lines(table(customers=300, seed=seed))
        for k in (4, 8):
            segments = Segments.fit(known, k=k, groups=2, seed=seed)
            names = segments.names()
            assert len(set(names)) == k
            assert not any("(" in name for name in names)
            assert all(re.match("One order|[0-9]+ orders on average", name) for name in names)


def test_alike_segments_are_told_apart_by_their_baskets() -> None:
    known = lines(table(customers=300, seed=1))
    fitted = Segments.fit(known, k=4, groups=2, seed=1)
    middle = np.zeros_like(fitted.centres)
    middle[:, 0] = (3.2 - fitted.mean[0]) / fitted.scale[0]
    middle[:, 3] = [0.3, -0.4, 0.6, 0.1]
    alike = replace(fitted, centres=middle)
    assert alike.names() == (
        "3 orders on average, third smallest baskets", "3 orders on average, smallest baskets",
        "3 orders on average, largest baskets", "3 orders on average, second smallest baskets",
    )  # fmt: skip


def test_a_refit_keeps_places_and_names() -> None:
    known, later = (lines(table(customers=600, seed=seed)) for seed in (1, 2))
    before = Segments.fit(known, k=4, groups=2, seed=1)
    shuffled = replace(before, centres=before.centres[[2, 0, 3, 1]])
    assert np.array_equal(shuffled.like(before, known).centres, before.centres)
    after = Segments.fit(later, k=4, groups=2, seed=2).like(before, later)
    old = before.assign(behaviour(later, before.products).measures())
    new = after.assign(behaviour(later, after.products).measures())
    assert (old == new).mean() > 0.7
    names = after.names(before.names())
    for name, was, fresh in zip(names, before.names(), after.names(), strict=True):
        orders_as_often = was.split(" of ")[0].split(",")[0] == fresh.split(" of ")[0].split(",")[0]
        assert name == (was if orders_as_often and was not in after.names() else fresh)
    assert set(names) & set(before.names())
    assert len(set(names)) == 4
    assert after.names(["Two hundred orders"] * 4) == after.names()
