"""Shopify's export of orders: totals on the first line, the others repeat only the name."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from customers.importing import runs
from customers.importing.dialect import detect
from customers.models import Customer, Event, Import, Order, OrderLine, Refund, RejectedRow
from tests.factories.customers import SourceFactory


pytestmark = pytest.mark.django_db

HEADER = (
    "Name,Email,Financial Status,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,Discount Amount,"
    "Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Name,Billing Country,"
    "Cancelled at,Refunded Amount,Vendor,Id,Source\n"
)
FILE = HEADER + (
    "#1001,ada@example.com,paid,yes,EUR,30.00,4.90,5.57,34.90,2.00,2026-02-03 09:01:00 +0100,2,Green tea,10.00,"
    "TEA-1,Ada Lovelace,GB,,0.00,Leafy,'5500000000000000001,web\n"
    '#1001,ada@example.com,,,,,,,,,2026-02-03 09:01:00 +0100,1,"Cup, large",12.00,,,,,,Leafy,,\n'
    "#1002,bob@example.com,pending,no,EUR,5.00,0,0,5.00,0,2026-02-04 10:00:00 +0100,1,Green tea,5.00,TEA-1,,,,0,,"
    "5500000000000000002,web\n"
    "#1003,ada@example.com,refunded,yes,EUR,10,0,0,10.00,0,2026-02-05 10:00:00 +0100,1,Green tea,10.00,TEA-1,,,,"
    "10.00,,5500000000000000003,pos\n"
    "#1004,,voided,no,EUR,10,0,0,10.00,0,2026-02-06 10:00:00 +0100,1,Green tea,10.00,TEA-1,,,"
    "2026-02-06 11:00:00 +0100,0,,5500000000000000004,pos\n"
    "#1005,cleo@example.com,paid,no,EUR,10,0,0,oops,0,2026-02-06 10:00:00 +0100,1,Green tea,10.00,TEA-1,,,,0,,"
    "5500000000000000005,pos\n"
)


def run(tmp_path: Path, now: datetime, text: str = FILE) -> Import:
    path = tmp_path / "orders_export.csv"
    path.write_text(text, encoding="utf-8")
    assert detect(path).layout == "shopify-orders"
    source = SourceFactory(name="Shop")
    row = runs.create(
        source=source, file_name=path.name, path=path, now=now, layout="shopify-orders"
    )
    runs.run(row, now=now)
    row.refresh_from_db()
    assert row.lines == row.accepted + row.duplicates + row.rejected
    return row


def test_orders_have_their_totals_lines_and_states(tmp_path: Path, now: datetime) -> None:
    row = run(tmp_path, now)
    orders = {o.external_id[-1]: o for o in Order.objects.all()}
    assert {key: (o.status, o.total_cents) for key, o in orders.items()} == {
        "1": ("PLACED", 3490), "2": ("PENDING", 500), "3": ("PLACED", 1000), "4": ("CANCELLED", 1000),
    }  # fmt: skip
    first = orders["1"]
    assert first.placed_at == datetime(2026, 2, 3, 8, 1, tzinfo=UTC)
    assert (first.discount_cents, first.channel, first.currency) == (200, "web", "EUR")
    lines = list(
        first.lines.order_by("line_number").values_list("product__external_id", "quantity")
    )
    assert lines == [("TEA-1", 2), ("Cup, large", 1)]
    assert orders["4"].customer is None
    assert (row.lines, row.accepted, row.rejected) == (6, 5, 1)
    assert RejectedRow.objects.get().reason == "missing_amount"


def test_customers_are_known_by_address_and_refunds_belong_to_their_orders(
    tmp_path: Path, now: datetime
) -> None:
    run(tmp_path, now)
    ada = Customer.objects.get(email="ada@example.com")
    assert (ada.first_name, ada.last_name) == ("Ada", "Lovelace")
    assert ada.external_id.startswith("email:")
    assert ada.orders.count() == 2
    refund = Refund.objects.get()
    assert (refund.order.external_id[-1], refund.amount_cents) == ("3", 1000)
    claim = Event.objects.get()
    assert (claim.kind, claim.customer) == ("CONSENT_CLAIMED", ada)


def test_refund_of_a_cancelled_order_is_not_taken_twice(tmp_path: Path, now: datetime) -> None:
    """A cancelled order is no sale; a refund of it would take the money off once more."""
    text = HEADER + (
        "#9,ada@example.com,refunded,no,EUR,10,0,0,10.00,0,2026-02-05 10:00:00 +0100,1,Tea,10.00,T,,,"
        "2026-02-06 10:00:00 +0100,10.00,,9,web\n"
    )
    run(tmp_path, now, text)
    assert Order.objects.get().status == "CANCELLED"
    assert not Refund.objects.exists()


def test_import_twice_adds_nothing(tmp_path: Path, now: datetime) -> None:
    first = run(tmp_path, now)
    counts = (Order.objects.count(), OrderLine.objects.count(), Event.objects.count())
    path = tmp_path / "orders_export.csv"
    again = runs.create(
        source=first.source, file_name=path.name, path=path, now=now, layout="shopify-orders"
    )
    runs.run(again, now=now)
    again.refresh_from_db()
    assert (again.accepted, again.duplicates, again.rejected) == (0, 5, 1)
    assert (Order.objects.count(), OrderLine.objects.count(), Event.objects.count()) == counts


def test_yen_have_no_cents_and_dinars_a_thousand(tmp_path: Path, now: datetime) -> None:
    line = (
        "#{n},ada@example.com,partially_refunded,no,{c},{t},0,0,{t},{d},2026-02-05 10:00:00 +0100,1,Tea,{t},"
        "T-{c},,,,{d},,{n},web\n"
    )
    text = (
        HEADER
        + line.format(n=1, c="JPY", t="1200", d="300")
        + line.format(n=2, c="KWD", t="1.250", d="0.125")
    )
    run(tmp_path, now, text)
    told = {
        o.currency: (o.total_cents, o.discount_cents, o.lines.get().unit_price_cents)
        for o in Order.objects.all()
    }
    assert told == {"JPY": (1200, 300, 1200), "KWD": (1250, 125, 1250)}
    assert set(Refund.objects.values_list("amount_cents", flat=True)) == {300, 125}


def test_two_orders_of_one_name_stay_two(tmp_path: Path, now: datetime) -> None:
    """Exports of two shops, put together: both have a #1001."""
    text = FILE + (
        "#1001,zoe@example.com,paid,no,EUR,7,0,0,7.00,0,2026-03-03 09:01:00 +0100,1,Pot,3.00,POT,,,,0,,77,web\n"
        "#1001,zoe@example.com,,,,,,,,,2026-03-03 09:01:00 +0100,1,Lid,4.00,LID,,,,,,,\n"
    )
    run(tmp_path, now, text)
    zoe = Order.objects.get(external_id="77")
    assert (zoe.total_cents, zoe.customer.email) == (700, "zoe@example.com")
    assert {line.product.external_id for line in zoe.lines.all()} == {"POT", "LID"}
    assert Order.objects.get(external_id="5500000000000000001").lines.count() == 2


def test_an_order_told_twice_has_its_lines_once(tmp_path: Path, now: datetime) -> None:
    row = run(tmp_path, now, FILE + FILE.removeprefix(HEADER))
    # 5 lines are known by then; the order without a total is told twice, and refused twice at most
    assert row.duplicates + row.rejected == 7
    first = Order.objects.get(external_id="5500000000000000001")
    assert sorted(first.lines.values_list("quantity", flat=True)) == [1, 2]
    assert OrderLine.objects.count() == 5


def test_lines_apart_from_their_head_find_it(tmp_path: Path, now: datetime) -> None:
    head, *lines = FILE.removeprefix(HEADER).splitlines(keepends=True)
    run(tmp_path, now, HEADER + "".join([*lines, head]))
    first = Order.objects.get(external_id="5500000000000000001")
    assert (first.total_cents, first.lines.count()) == (3490, 2)


@pytest.mark.parametrize("moment", ["-infinity", "infinity", "", "0001-01-01", "2026-02-30"])
def test_times_that_are_none_are_refused(tmp_path: Path, now: datetime, moment: str) -> None:
    row = run(tmp_path, now, FILE.replace("2026-02-04 10:00:00 +0100", moment))
    assert row.rejected == 2
    assert not Order.objects.filter(external_id="5500000000000000002").exists()


def test_names_keep_their_apostrophe(tmp_path: Path, now: datetime) -> None:
    run(tmp_path, now, FILE.replace("Green tea", "'t Kopje"))
    assert Order.objects.first().lines.filter(product__name="'t Kopje").exists()
