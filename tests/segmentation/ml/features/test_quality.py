"""What is missing, cut and outlying is told by the rules of the catalogue."""

import numpy as np
import pyarrow as pa

from segmentation.ml.features import FEATURES, compute
from segmentation.ml.features.quality import Quality, of_table, report
from tests.segmentation.ml.mirrors import DAY, NOON, connect, from_rows, random_tables


def bad_shop() -> dict[str, pa.Table]:
    """Ten customers with an order each; one list price is negative, one rating is seven stars."""
    people = range(10)
    return from_rows(
        {
            "customers": [{"customer_id": one, "joined_at": NOON - 90 * DAY} for one in people],
            "orders": [
                {
                    "order_id": one,
                    "customer_id": one,
                    "placed_at": NOON - DAY,
                    "total_cents": 1_000,
                    "discount_cents": -2_000 if one == 3 else 0,
                    "margin_cents": 100,
                    "channel": "web",
                }
                for one in people
            ],
            "reviews": [
                {
                    "customer_id": one,
                    "product_id": 1,
                    "written_at": NOON - DAY,
                    "rating": 7 if one == 4 else 3,
                }
                for one in (4, 5)
            ],
        }
    )


def by_name(found: tuple[Quality, ...]) -> dict[str, Quality]:
    assert [one.name for one in found] == list(FEATURES)
    return {one.name: one for one in found}


def test_what_cannot_be_is_cut_and_told() -> None:
    connection = connect(bad_shop())
    told = by_name(report(connection, as_of=NOON))
    table = compute(connection, as_of=NOON)
    assert table["discount_share"].to_pylist() == [1.0 if one == 3 else 0.0 for one in range(10)]
    assert table["rating_mean"].to_pylist()[4:6] == [5.0, 3.0]
    assert (told["discount_share"].cut, told["rating_mean"].cut) == (0.1, 0.1)
    assert told["rating_mean"].missing == 0.8
    assert (told["orders"].missing, told["orders"].cut) == (0, 0)


def test_values_within_what_can_be_are_not_touched() -> None:
    connection = connect(random_tables(customers=200, seed=3))
    assert compute(connection, as_of=NOON).equals(compute(connection, as_of=NOON, cut=False))


def test_outlying_is_what_lies_beyond_the_outer_fence() -> None:
    spread = np.exp(np.random.default_rng(1).normal(8, 0.5, 1_000))
    spread[:5] = 1e9
    columns = {name: np.zeros(1_000) for name in FEATURES} | {"revenue_cents": spread}
    told = by_name(of_table(pa.table(columns)))
    assert told["revenue_cents"].outlying == 0.005
    assert told["orders"].outlying == 0  # one value only: nothing to measure by


def test_report_looks_at_about_as_many_customers_as_asked_and_says_the_same_again() -> None:
    connection = connect(random_tables(customers=300, seed=7))
    assert report(connection, as_of=NOON, customers=50) == report(
        connection, as_of=NOON, customers=50
    )


def test_shop_without_customers_has_nothing_to_tell() -> None:
    told = report(connect({}), as_of=NOON)
    assert {(one.missing, one.cut, one.outlying) for one in told} == {(0, 0, 0)}
