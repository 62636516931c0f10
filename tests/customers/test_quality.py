from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customers import quality
from tests.customers.batches import GOOD, MOMENT, table


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("customers", {"external_id": ""}, "missing_id"),
    ("customers", {"external_id": None}, "missing_id"),
    ("customers", {"external_id": "x" * 201}, "text_too_long"),
    ("customers", {"first_name": "A\0da"}, "nul_byte"),
    ("customers", {"joined_at": None}, "bad_date"),
    ("customers", {"joined_at": 0}, "absurd_date"),
    ("customers", {"joined_at": MOMENT + 86_400 * 400}, "absurd_date"),
    ("products", {"price_cents": -1}, "negative_amount"),
    ("products", {"cost_cents": 10**14}, "amount_too_large"),
    ("orders", {"status": "SHIPPED"}, "unknown_status"),
    ("orders", {"currency": "eur"}, "unknown_currency"),
    ("orders", {"currency": None}, "unknown_currency"),
    ("orders", {"total_cents": None}, "missing_amount"),
    ("orders", {"total_cents": -1}, "negative_amount"),
    ("orders", {"total_cents": 2**62}, "amount_too_large"),
    ("orders", {"discount_cents": -(2**63)}, "negative_amount"),
    ("orders", {"customer_external_id": "c\0"}, "nul_byte"),
    ("order_lines", {"line_number": None}, "bad_line_number"),
    ("order_lines", {"product_external_id": ""}, "missing_product"),
    ("order_lines", {"quantity": None}, "bad_quantity"),
    ("order_lines", {"quantity": -1}, "negative_quantity"),
    ("order_lines", {"quantity": 10**12}, "quantity_too_large"),
    ("order_lines", {"unit_price_cents": None}, "missing_amount"),
    ("refunds", {"amount_cents": -5}, "negative_amount"),
    ("refunds", {"refunded_at": None}, "bad_date"),
    ("reviews", {"rating": 0}, "bad_rating"),
    ("reviews", {"rating": 6}, "bad_rating"),
    ("reviews", {"text": "x" * 20_001}, "text_too_long"),
    ("events", {"kind": "TELEPATHY"}, "unknown_kind"),
    ("events", {"name": "x" * 201}, "text_too_long"),
    ("reviews", {"kind": "RUMOUR"}, "unknown_kind"),
    ("reviews", {"origin": "x" * 101}, "text_too_long"),
    ("customers", {"traits": "[1]"}, "bad_properties"),
    ("customers", {"traits": '{"a": "\\u0000"}'}, "bad_properties"),
    ("customers", {"phone": "1" * 51}, "text_too_long"),
    ("customers", {"changed_at": MOMENT * 2}, "absurd_date"),
    ("orders", {"changed_at": 2**62}, "absurd_date"),
    ("products", {"image_url": "x" * 2001}, "text_too_long"),
    ("events", {"properties": "{oops"}, "bad_properties"),
    ("events", {"properties": "[1]"}, "bad_properties"),
    ("events", {"properties": '{"a": "\\u0000"}'}, "bad_properties"),
]


@pytest.mark.parametrize(("entity", "change", "reason"), BAD)
def test_check_refuses_a_bad_row_and_keeps_the_good_one(
    entity: str, change: dict[str, Any], reason: str, now: datetime
) -> None:
    key = "order_external_id" if entity == "order_lines" else "external_id"
    checked = quality.check(entity, table(entity, {key: "good"}, change), now=now)
    assert checked.refused.to_pylist() == [{"row": 1, "reason": reason}]
    assert checked.accepted[key].to_pylist() == ["good"]
    assert reason in quality.REASONS


@pytest.mark.parametrize("entity", list(GOOD))
def test_check_accepts_a_good_row(entity: str, now: datetime) -> None:
    checked = quality.check(entity, table(entity, {}), now=now)
    assert (checked.accepted.num_rows, checked.refused.num_rows, checked.duplicates) == (1, 0, 0)


def test_check_accepts_optional_gaps(now: datetime) -> None:
    checked = quality.check("reviews", table("reviews", {"rating": None, "title": None}), now=now)
    assert checked.refused.num_rows == 0


@pytest.mark.parametrize("many", [0, 1 << 20], ids=["as of a large file", "as of few rows"])
def test_check_tells_a_repetition_from_a_contradiction(
    now: datetime, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(quality, "_MANY", many)
    rows = table("refunds", {}, {}, {"amount_cents": 501}, {"external_id": "r2"})
    checked = quality.check("refunds", rows, now=now)
    assert checked.accepted["row"].to_pylist() == [0, 3]
    assert checked.duplicates == 1
    assert checked.refused.to_pylist() == [{"row": 2, "reason": "duplicate_id"}]


def test_check_lets_a_good_row_in_after_a_bad_one_of_its_key(now: datetime) -> None:
    rows = table("orders", {"total_cents": -1}, {})
    checked = quality.check("orders", rows, now=now)
    assert checked.accepted["row"].to_pylist() == [1]


def test_check_takes_dates_of_tomorrow_for_time_zones(now: datetime) -> None:
    soon = int((now + timedelta(hours=23)).timestamp())
    assert (
        quality.check("orders", table("orders", {"placed_at": soon}), now=now).refused.num_rows == 0
    )


def test_check_opens_a_new_database_after_one_that_broke(now: datetime) -> None:
    rows = table("orders", {}, {"total_cents": -1})
    quality.check("orders", rows, now=now)
    quality._database().close()  # as a fatal error leaves it: every use of it raises
    with pytest.raises(duckdb.ConnectionException):
        quality.check("orders", rows, now=now)
    assert quality.check("orders", rows, now=now).accepted["row"].to_pylist() == [0]


def test_check_keeps_no_rows_after_an_error(now: datetime) -> None:
    kept = quality._database()
    with pytest.raises(duckdb.BinderException):
        quality.check("orders", table("orders", {}).drop_columns(["total_cents"]), now=now)
    assert quality._database() is not kept
    checked = quality.check("orders", table("orders", {}), now=now)
    assert checked.accepted.num_rows == 1
    assert quality._database().execute("SHOW TABLES").fetchall() == []


def test_every_reason_is_in_the_reference() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "import-layouts.md"
    told = dict(
        re.findall(r"^\| `(\w+)` \| (.+) \|$", page.read_text().split("## Why")[1], re.MULTILINE)
    )
    assert told == quality.REASONS
