"""The same table in full and in part, and the same today and for yesterday: nothing looks ahead."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.ml.features import SHOP_TABLES, compute, compute_in_parts
from tests.segmentation.ml.mirrors import DAY, EVENT_TIMES, NOON, SCHEMAS, connect, random_tables


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return random_tables(customers=300, seed=7)


@pytest.fixture(scope="module")
def whole(tables: dict[str, pa.Table]) -> pa.Table:
    return compute(connect(tables), as_of=NOON)


def as_bytes(table: pa.Table) -> bytes:
    """Every value, bit by bit; NULL becomes the one NaN that Arrow gives to numpy."""
    columns = [column.to_numpy().tobytes() for column in table.columns]
    return b"".join([",".join(table.column_names).encode(), *columns])


# ------------------------------------------------------------------ in full and in part


@pytest.mark.parametrize("ids", [[5], list(range(0, 300, 7)), list(range(300))])
def test_part_is_the_same_as_that_part_of_the_whole(
    tables: dict[str, pa.Table], whole: pa.Table, ids: list[int]
) -> None:
    part = compute(connect(tables, threads=4), as_of=NOON, customer_ids=ids)
    rows = whole.filter(pc.is_in(whole["customer_id"], pa.array(ids)))
    assert as_bytes(part) == as_bytes(rows)
    assert part.num_rows > 0


def test_compute_leaves_the_connection_as_it_was(tables: dict[str, pa.Table]) -> None:
    connection = connect(tables)
    before = connection.sql("SHOW TABLES").fetchall()
    compute(connection, as_of=NOON, customer_ids=[1])
    assert connection.sql("SHOW TABLES").fetchall() == before


def test_unknown_and_empty_ids_give_no_rows(tables: dict[str, pa.Table]) -> None:
    assert compute(connect(tables), as_of=NOON, customer_ids=[10**9]).num_rows == 0
    assert compute(connect(tables), as_of=NOON, customer_ids=[]).num_rows == 0


def test_row_order_of_the_mirror_does_not_matter(
    tables: dict[str, pa.Table], whole: pa.Table
) -> None:
    rng = np.random.default_rng(3)
    shuffled = {
        name: table.take(pa.array(rng.permutation(table.num_rows)))
        for name, table in tables.items()
    }
    assert as_bytes(compute(connect(shuffled), as_of=NOON)) == as_bytes(whole)


@pytest.mark.parametrize("parts", [1, 7, 1_000])
def test_parts_are_the_whole_in_order(
    tables: dict[str, pa.Table], whole: pa.Table, parts: int
) -> None:
    some = {**tables, "customers": tables["customers"].slice(0, 4)} if parts > 10 else tables
    found = list(compute_in_parts(connect(some), as_of=NOON, parts=parts))
    assert len(found) == min(parts, some["customers"].num_rows)
    if some is tables:
        assert as_bytes(pa.concat_tables(found)) == as_bytes(whole)


def test_no_parts_are_refused(tables: dict[str, pa.Table]) -> None:
    with pytest.raises(ValueError, match="parts must be at least 1"):
        next(compute_in_parts(connect(tables), as_of=NOON, parts=0))


def test_some_customers_are_measured_against_the_whole_shop(
    tables: dict[str, pa.Table], whole: pa.Table
) -> None:
    """A connection with only some customers brings the shop as a whole, and gives the same rows."""
    everybody = connect(tables)
    shop = {name: everybody.sql(select).to_arrow_table() for name, select in SHOP_TABLES.items()}
    ids = pa.array(range(0, 300, 11))
    some = connect(
        {name: table.filter(pc.is_in(table["customer_id"], ids)) for name, table in tables.items()}
    )
    for name, table in shop.items():
        some.register(name, table)
    rows = whole.filter(pc.is_in(whole["customer_id"], ids))
    assert as_bytes(compute(some, as_of=NOON)) == as_bytes(rows)
    assert pc.count(rows["country_share"]).as_py() > 0


# ------------------------------------------------------------------ no look ahead


def absurd(table: pa.Table, *, time: str, as_of: int, by: str) -> pa.Table:
    """Every row again, a thousandfold in its numbers, from the future by event time or by arrival."""
    future = {}
    for name in table.column_names:
        column = table[name]
        if name.endswith("_id") or pa.types.is_string(column.type):
            future[name] = column
        elif name in {time, "arrived_at"}:
            late = by in {name, "both"}
            moment = as_of if late else as_of - 1
            future[name] = pa.array([moment] * table.num_rows, pa.int64())
        else:
            future[name] = pc.multiply(column, pa.scalar(1_000, column.type))
    return pa.concat_tables([table, pa.table(future, schema=table.schema)])


@pytest.mark.parametrize("by", ["event", "arrived_at", "both"])
@pytest.mark.parametrize("name", SCHEMAS)
def test_rows_from_the_future_change_no_byte(
    tables: dict[str, pa.Table], whole: pa.Table, name: str, by: str
) -> None:
    time = EVENT_TIMES[name]
    future = absurd(tables[name], time=time, as_of=NOON, by=time if by == "event" else by)
    assert as_bytes(compute(connect({**tables, name: future}), as_of=NOON)) == as_bytes(whole)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**16),
    hours=st.integers(0, 600 * 24),
    ahead=st.lists(
        st.tuples(st.sampled_from(list(SCHEMAS)), st.booleans(), st.integers(0, 900 * DAY)),
        min_size=1,
        max_size=4,
    ),
)
def test_no_moment_knows_what_comes_after_it(
    seed: int, hours: int, ahead: list[tuple[str, bool, int]]
) -> None:
    """Of any shop at any moment: what is known then gives the table, and so does what is known later."""
    as_of = NOON - hours * 3_600
    tables = random_tables(customers=40, seed=seed)
    then = {
        name: table.filter(pc.less(table["arrived_at"], as_of)) for name, table in tables.items()
    }
    later = dict(tables)
    for name, happened, seconds in ahead:
        by = EVENT_TIMES[name] if happened else "arrived_at"
        later[name] = absurd(later[name], time=EVENT_TIMES[name], as_of=as_of + seconds, by=by)
    # the other time of an absurd row may lie after as_of too: it is of the future either way
    assert as_bytes(compute(connect(later), as_of=as_of)) == as_bytes(
        compute(connect(then), as_of=as_of)
    )


def test_rows_of_the_last_second_do_count(tables: dict[str, pa.Table], whole: pa.Table) -> None:
    """The leak test above can fail: the same rows one second earlier change the table."""
    future = absurd(tables["orders"], time="placed_at", as_of=NOON - 1, by="both")
    assert as_bytes(compute(connect({**tables, "orders": future}), as_of=NOON)) != as_bytes(whole)


@pytest.mark.parametrize("days", [1, 40, 400])
def test_yesterday_computed_today_is_yesterdays_table(
    tables: dict[str, pa.Table], days: int
) -> None:
    as_of = NOON - days * DAY
    then = {
        name: table.filter(pc.less(table["arrived_at"], as_of)) for name, table in tables.items()
    }
    table = compute(connect(then), as_of=as_of)
    assert as_bytes(compute(connect(tables), as_of=as_of)) == as_bytes(table)
    assert table.num_rows > 0
