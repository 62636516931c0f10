"""Few rows go another way in: PostgreSQL gives the verdict that DuckDB gives, and nothing is staged."""

from __future__ import annotations

import json
import random
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import statements
from customers import few, ingest, quality
from customers.models import Customer, Order, OrderLine
from customers.sources.base import SCHEMAS, ShopBatch
from customers.staging import sql_type
from tests.customers.batches import GOOD, MOMENT, table
from tests.customers.test_quality import BAD
from tests.gateway.clients import Api, fields


NUMBERS = [None, 0, 1, 5, 6, -1, 2**31 - 1, 2**31, 10**6, 10**6 + 1, 10**11, 10**11 + 1, -(10**11) - 1,
           2**62, 2**63 - 1, -(2**63), MOMENT, MOMENT * 2, 631_152_000, 631_151_999]  # fmt: skip
TEXTS = [None, "", " ", "x", "EUR", "eur", "PLACED", "CANCELLED", "CLICKED", "REVIEW", "é" * 200, "é" * 201,
         "😀" * 50, "😀" * 51, "x" * 20_000, "x" * 20_001, "x\\u0000", "x'%(now)s", "{}", '{"a": 1}', "[1]", "null",
         "{oops", '{"a": 1}{', ' {"a": 1} ', '{"a": "\\u0000"}', '{"a": 1, "a": 2}', '"x"']  # fmt: skip


def by_postgresql(entity: str, rows: pa.Table, *, now: datetime) -> list[dict[str, Any]]:
    """As quality.check's `refused`, for rows no two of which have one key."""
    broken = quality.first_broken(
        entity, latest=str(quality.latest(now)), dialect=quality.POSTGRESQL
    )
    columns = ", ".join(f'"{field.name}" {sql_type(field.type)}' for field in rows.schema)
    told = [{**row, "row": place} for place, row in enumerate(rows.to_pylist())]
    found = statements.run(
        f"""SELECT * FROM (SELECT few.row, {broken} AS reason
            FROM json_to_recordset(%(rows)s::json) AS few({columns}, "row" bigint)) judged
            WHERE reason IS NOT NULL ORDER BY 1""",
        {"rows": json.dumps(told)},
    )
    return [{"row": row, "reason": reason} for row, reason in found]


@pytest.mark.django_db
def test_both_databases_refuse_the_same_rows_for_the_same_reason(now: datetime) -> None:
    for entity, change, reason in BAD:
        key = quality.key(entity)[0]
        rows = table(entity, {key: "good"}, change)
        if reason == "nul_byte":
            assert not few.suits(ShopBatch(**{entity: rows}))
        else:
            assert by_postgresql(entity, rows, now=now) == [{"row": 1, "reason": reason}], change


@pytest.mark.django_db
@pytest.mark.parametrize("entity", list(GOOD))
def test_both_databases_agree_about_made_up_rows(entity: str, now: datetime) -> None:
    chance = random.Random(entity)
    key = quality.key(entity)
    changes: list[dict[str, Any]] = []
    for number in range(600):
        change: dict[str, Any] = {key[-1]: number if key[-1] == "line_number" else f"n{number}"}
        for name in chance.sample(SCHEMAS[entity].names, chance.randint(1, 3)):
            kind = SCHEMAS[entity].field(name).type
            if name not in key:
                pool: list[Any] = [True, False, None] if kind == pa.bool_() else NUMBERS
                change[name] = chance.choice(TEXTS if kind == pa.string() else pool)
        changes.append(change)
    rows = table(entity, *changes)
    by_duckdb = quality.check(entity, rows, now=now).refused.to_pylist()
    assert by_postgresql(entity, rows, now=now) == by_duckdb
    assert 60 < len(by_duckdb) < 600 or entity == "products"


def test_margins_of_few_are_those_of_many(settings: Any) -> None:
    chance = random.Random(20261122)
    numbers = [None, 0, 1, 7, 700, 12_345, 10**11, 2**62, -5, 2**63 - 1]
    for share in (0.4, 0.333, 1.0, 0.0):
        settings.ASSUMED_MARGIN = share
        orders = table("orders", *(
            {"external_id": f"o{n}", "total_cents": chance.choice(numbers)} for n in range(60)
        ))  # fmt: skip
        lines = table("order_lines", *(
            {
                "order_external_id": f"o{chance.randrange(60)}", "line_number": n,
                "quantity": chance.choice([None, 0, 1, 2, 10**6]),
                "cost_cents": chance.choice(numbers),
            }
            for n in range(90)
        ))  # fmt: skip
        assert few.margins(orders, lines).to_pylist() == ingest._margins(orders, lines).to_pylist()


@pytest.mark.parametrize(
    ("tables", "is_so"),
    [
        ({"orders": [{}], "order_lines": [{"line_number": n} for n in range(99)]}, True),
        ({"orders": [{}], "order_lines": [{"line_number": n} for n in range(100)]}, False),
        ({"orders": [{}, {}]}, False),
        ({"customers": [{"first_name": "A\0"}]}, False),
        ({}, True),
    ],
)
def test_few_suits_few_rows_of_different_keys_that_postgresql_can_read(
    tables: dict[str, list[dict[str, Any]]], is_so: object
) -> None:
    batch = ShopBatch(**{entity: table(entity, *rows) for entity, rows in tables.items()})
    assert few.suits(batch) is is_so


@pytest.mark.django_db
def test_order_of_the_api_is_written_without_a_temporary_table() -> None:
    api = Api()
    api.post("products", {"external_id": "tea"})
    line = {"product": "tea", "quantity": 2, "unit_price_cents": 500}
    order = {"external_id": "o", "placed_at": "2026-06-01T12:00:00Z", "currency": "EUR",
             "total_cents": 1000, "lines": [line, {**line, "cost_cents": 300}]}  # fmt: skip
    with CaptureQueriesContext(connection) as asked:
        assert api.post("orders", order).status_code == 201
    assert not [one["sql"] for one in asked.captured_queries if "TEMP" in one["sql"].upper()]
    assert list(OrderLine.objects.values_list("quantity", flat=True)) == [2, 2]
    # what is refused is named as ever, and none of the rest stays
    wrong = {**order, "external_id": "p", "currency": "XXQ",
             "lines": [line, {**line, "product": "coffee"}]}  # fmt: skip
    assert fields(api.post("orders", wrong)) == {"currency": "unknown_currency"} | {
        "lines.0.order": "unknown_order", "lines.1.order": "unknown_order",
    }  # fmt: skip
    assert fields(api.post("orders", {**wrong, "currency": "EUR"})) == {
        "lines.1.product": "unknown_product"
    }
    assert list(Order.objects.values_list("external_id", flat=True)) == ["o"]


@pytest.mark.django_db
def test_what_came_too_late_changes_nothing_by_the_short_way(now: datetime) -> None:
    api = Api()
    person = {"external_id": "c", "first_name": "Ada", "changed_at": "2026-06-01T12:00:00Z"}
    assert api.post("customers", person).status_code == 201
    late = {**person, "first_name": "Bob", "changed_at": "2026-05-01T12:00:00Z"}
    assert api.post("customers", late).status_code == 200
    assert Customer.objects.get().first_name == "Ada"
