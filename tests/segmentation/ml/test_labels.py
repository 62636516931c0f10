"""Labels begin at the cut-off, end with the window, and wait until it has closed."""

import numpy as np
import pytest

from segmentation.ml import labels
from segmentation.ml.features import compute
from tests.segmentation.ml.mirrors import DAY, NOON, connect, from_rows, random_tables


END = NOON + 30 * DAY


def mirror(*orders: tuple[int, int, int]):
    """Orders as (customer, placed_at, arrived_at) of customers 1 to 3, who joined long ago."""
    return connect(
        from_rows(
            {
                "customers": [
                    {"customer_id": number, "joined_at": NOON - 9 * DAY} for number in (1, 2, 3)
                ],
                "orders": [
                    {
                        "order_id": number,
                        "customer_id": customer,
                        "placed_at": placed_at,
                        "arrived_at": arrived_at,
                        "total_cents": 700,
                        "discount_cents": 0,
                        "margin_cents": 300,
                        "channel": "web",
                    }
                    for number, (customer, placed_at, arrived_at) in enumerate(orders)
                ],
            }
        )
    )


def purchased(connection, *, known_at: int = END) -> list[bool]:
    return labels.purchased(
        connection,
        as_of=NOON,
        horizon_days=30,
        known_at=known_at,
        customer_ids=np.array([1, 2, 3]),
    ).tolist()


def test_purchased_counts_the_first_second_and_not_the_one_after_the_last() -> None:
    connection = mirror((1, NOON, NOON), (2, END - 1, END - 1), (3, END, END), (3, NOON - 1, NOON))
    assert purchased(connection, known_at=END + DAY) == [True, True, False]


def test_churned_is_the_complement() -> None:
    connection = mirror((2, NOON + DAY, NOON + DAY))
    churned = labels.churned(
        connection, as_of=NOON, horizon_days=30, known_at=END, customer_ids=np.array([1, 2, 3])
    )
    assert churned.tolist() == [True, False, True]


def test_order_that_has_not_arrived_yet_does_not_count() -> None:
    connection = mirror((1, NOON + DAY, END + DAY))
    assert purchased(connection) == [False, False, False]
    assert purchased(connection, known_at=END + 2 * DAY) == [True, False, False]


def test_open_window_is_refused() -> None:
    with pytest.raises(labels.WindowOpenError, match="30-day window"):
        purchased(mirror(), known_at=END - 1)


def test_outcomes_have_the_rows_of_the_features() -> None:
    connection = connect(random_tables(customers=200, seed=1))
    as_of = NOON - 200 * DAY
    outcomes = labels.outcomes(connection, as_of=as_of, horizon_days=30, known_at=NOON)
    table = compute(connection, as_of=as_of)
    assert outcomes["customer_id"].equals(table["customer_id"])
    assert 0 < sum(outcomes["orders_in_window"].to_pylist()) < 6 * 200


def test_outcomes_sum_money_within_the_window() -> None:
    connection = mirror((1, NOON, NOON), (1, NOON + DAY, NOON + DAY), (1, END, END))
    table = labels.outcomes(connection, as_of=NOON, horizon_days=30, known_at=END + DAY)
    assert table.to_pylist()[0] == {
        "customer_id": 1,
        "orders_in_window": 2,
        "revenue_in_window_cents": 1_400,
        "margin_in_window_cents": 600,
    }
