"""Files of any shop: what is refused whole, what line by line, and what the rest becomes."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customers import quality
from customers.models import Customer, Order, OrderLine, Product, Refund, RejectedRow
from customers.sources import csv_files
from customers.sources.base import SourceError
from tests.customers.files import GOOD, HEADER, NASTY, bring_in, translate, write_nasty
from tests.factories.customers import SourceFactory


@pytest.mark.django_db
def test_every_line_of_a_nasty_file_is_accounted_for(tmp_path: Path, now: datetime) -> None:
    report = bring_in(write_nasty(tmp_path / "nasty.csv"), source=SourceFactory(), now=now)
    expected = Counter(fate for fate, _ in NASTY)
    assert report.lines == len(NASTY)
    assert report.accepted == expected.pop("accepted")
    assert report.duplicates == expected.pop("duplicate")
    assert report.rejected == expected
    assert set(expected) <= set(quality.REASONS)
    assert RejectedRow.objects.count() == expected.total()
    assert Order.objects.get(external_id="1001").total_cents == 3180
    assert Order.objects.get(external_id="1002").customer is None
    refund = Refund.objects.get()
    assert (refund.amount_cents, refund.customer, refund.order) == (
        990, Customer.objects.get(external_id="7"), Order.objects.get(external_id="1001"),
    )  # fmt: skip
    assert Product.objects.get(external_id="mat").name == "A mat,\nof two lines"


@pytest.mark.django_db
def test_refused_lines_keep_their_number_and_text(tmp_path: Path, now: datetime) -> None:
    bring_in(write_nasty(tmp_path / "nasty.csv"), source=SourceFactory(), now=now)
    latin = RejectedRow.objects.get(reason="bad_encoding")
    # 27 lines before it, one of which spans two, and the header
    assert latin.line_number == 29
    assert latin.raw.startswith("1011,7,tea,Gr")
    many = RejectedRow.objects.get(reason="bad_fields", raw__endswith="extra")
    assert (many.line_number, many.raw) == (
        27,
        "1010,7,tea,Green tea,1,2026-01-08 10:00,9.90,,extra",
    )
    early = RejectedRow.objects.get(reason="absurd_date", raw__contains="1066")
    assert json.loads(early.raw)["product"] == "tea"


@pytest.mark.django_db
def test_a_nasty_file_again_adds_nothing(tmp_path: Path, now: datetime) -> None:
    path, source = write_nasty(tmp_path / "nasty.csv"), SourceFactory()
    first, second = [bring_in(path, source=source, now=now) for _ in range(2)]
    assert second.accepted == 0
    assert second.duplicates == first.duplicates + first.accepted
    assert second.rejected == first.rejected


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no file"),
        (b"", "is empty"),
        (HEADER.encode(), "no lines below"),
        (b"just some words\nand more\n", "not a table"),
        (b"\x7fELF\x02\0\0\0\0\0,\0", "binary"),
        (b"PK\x03\x04rest of a workbook", "Save the sheet as CSV"),
        (b"PAR1 and then nonsense", "damaged Parquet"),
        (b"order,order,product\n1,2,3\n", "twice"),
        (b"order,Order,product\n1,2,3\n", "twice"),
        (b"a,b,c\n1,2,3\n", "it has: a, b, c"),
    ],
)
def test_a_file_that_is_no_table_of_orders_gives_one_clear_message(
    content: bytes | None, words: str, tmp_path: Path, now: datetime
) -> None:
    path = tmp_path / "file.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=words) as caught:
        translate(path, now=now)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ([], "JSON object"),
        ({}, "JSON object"),
        ({"columns": {"order": 3}}, "JSON object"),
        ({"columns": {}, "colour": "red"}, "unknown key 'colour'"),
        ({"columns": {"ordr": "Order"}}, "unknown key 'ordr'"),
        ({"columns": {"order": "Nowhere"}}, "'Nowhere'"),
        ({"columns": {"order": "order"}}, "'product'"),
        ({"columns": {"order": "order"}, "currency": "XXX"}, "ISO 4217"),
        ({"columns": {"order": "order"}, "decimal": ";"}, "decimal"),
        (
            {
                "columns": {
                    name: name for name in ("order", "product", "quantity", "date", "price")
                },
                "date_format": "%Q",
            },
            "date_format '%Q' is not understood",
        ),
    ],
)
def test_a_wrong_mapping_gives_one_clear_message(
    mapping: Any, words: str, tmp_path: Path, now: datetime
) -> None:
    path = tmp_path / "good.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n")
    with pytest.raises(SourceError, match=words):
        translate(path, now=now, mapping=mapping)


def test_a_mapping_that_is_no_json_gives_one_clear_message(tmp_path: Path) -> None:
    path = tmp_path / "mapping.json"
    path.write_text("{columns: no}")
    with pytest.raises(SourceError, match="not JSON"):
        csv_files.load_mapping(path)
    with pytest.raises(SourceError, match="cannot be read"):
        csv_files.load_mapping(tmp_path / "none.json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_and_delimiter_are_found_out(
    encoding: str, delimiter: str, tmp_path: Path, now: datetime
) -> None:
    path = tmp_path / "shop.csv"
    text = f"{HEADER}\n{GOOD.replace('Green tea', 'Grüner Tee')}\n".replace(",", delimiter)
    path.write_bytes(text.encode(encoding))
    found = translate(path, now=now)
    assert found.tables["products"]["name"].to_pylist() == ["Grüner Tee"]
    assert found.refused.num_rows == 0


def test_columns_may_be_called_anything(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "odd.csv"
    names = ['No "of" order', "sel'ect", "qty; DROP TABLE file", "line_number", "%s {x}"]
    path.write_text("\t".join(names) + "\n1\ttea\t2\t2026-01-05\t3\n")
    columns = dict(zip(("order", "product", "quantity", "date", "price"), names, strict=True))
    found = translate(path, now=now, mapping={"columns": columns})
    assert found.refused.num_rows == 0
    assert found.tables["orders"]["total_cents"].to_pylist() == [600]


MAPPING = {
    "columns": {"order": "Bestellung", "product": "Artikel", "quantity": "Menge", "date": "Datum",
                "price": "Preis", "email": "E-Mail", "currency": "Währung", "cost": "Einkauf",
                "status": "Status", "category": "Gruppe"},
    "decimal": ",",
}  # fmt: skip


def test_a_mapping_names_columns_decimals_and_dates(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "de.csv"
    path.write_text(
        "Bestellung;Artikel;Menge;Datum;Preis;E-Mail;Währung;Einkauf;Status;Gruppe\n"
        "1;tee;2;03.04.2026 10:15;1.234,50 €;Ada@Example.com;chf;600,25;bezahlt;Tees\n"
        "2;tee;1;04.04.2026 10:15;9,90;ada@example.com;CHF;;Cancelled by customer;Tees\n"
    )
    found = translate(path, now=now, mapping=MAPPING)
    assert found.refused.num_rows == 0
    assert found.tables["orders"].select(["customer_external_id", "currency", "total_cents", "status"]).to_pylist() == [
        {"customer_external_id": "ada@example.com", "currency": "CHF", "total_cents": 246_900, "status": "PLACED"},
        {"customer_external_id": "ada@example.com", "currency": "CHF", "total_cents": 990, "status": "CANCELLED"},
    ]  # fmt: skip
    assert found.tables["order_lines"]["cost_cents"].to_pylist() == [60_025, None]
    assert datetime.fromtimestamp(
        found.tables["orders"]["placed_at"][0].as_py(), tz=now.tzinfo
    ) == datetime(2026, 4, 3, 10, 15, tzinfo=now.tzinfo)
    assert found.tables["products"]["category"].to_pylist() == ["Tees"]


@pytest.mark.django_db
def test_money_is_kept_in_the_smallest_unit_of_its_currency(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "world.csv"
    path.write_text(
        "order,product,quantity,date,price,currency,cost\n"
        "1,tea,2,2026-01-05,1200,JPY,800\n"
        "2,tea,1,2026-01-05,1.2345,KWD,1\n"
        "3,tea,1,2026-01-05,9.99,EUR,\n"
    )
    found = translate(path, now=now, mapping=None)
    assert found.tables["orders"]["total_cents"].to_pylist() == [2400, 1235, 999]
    assert found.tables["order_lines"]["cost_cents"].to_pylist() == [800, 1000, None]
    value = bring_in(path, source=SourceFactory(), now=now).value
    assert value["imported"] == pytest.approx(2400 + 1.235 + 9.99)
    assert value["rounded_off"] == pytest.approx(-0.0005)


def _read(path: Path, date: str, price: str, *, now: datetime, **mapping: str) -> Any:
    """Epoch of the order and price in cents of one line, or the reason why it is refused."""
    path.write_text(f"order;product;quantity;date;price\n1;tea;1;{date};{price}\n")
    told = {"columns": {name: name for name in ("order", "product", "quantity", "date", "price")}}
    found = translate(path, now=now, mapping={**told, **mapping})
    if found.refused.num_rows:
        return found.refused["reason"][0].as_py()
    return found.tables["orders"]["placed_at"][0].as_py(), found.tables["order_lines"][
        "unit_price_cents"
    ][0].as_py()


@pytest.mark.parametrize(
    ("price", "decimal", "cents"),
    [
        ("1234.5", ".", 123_450), ("1,234.50", ".", 123_450), ("1,234,567", ".", 123_456_700),
        ("1.234,50", ",", 123_450), ("12.50", ",", 1250), ("12,50", ",", 1250), ("£ 9.90", ".", 990),
        ("12,50", ".", "bad_price"), ("1,23,4", ".", "bad_price"), ("", ".", "bad_price"),
        ("0x10", ".", "bad_price"),
    ],
)  # fmt: skip
def test_prices_are_read_or_refused_but_never_a_hundredfold(
    price: str, decimal: str, cents: int | str, tmp_path: Path, now: datetime
) -> None:
    read = _read(tmp_path / "f.csv", "2026-01-05", price, now=now, decimal=decimal)
    assert (read if isinstance(read, str) else read[1]) == cents


@pytest.mark.parametrize(
    ("date", "date_format", "expected"),
    [
        ("2026-02-03 10:00:00", "", "2026-02-03T10:00:00+00:00"),
        ("2026-02-03", "", "2026-02-03T00:00:00+00:00"),
        ("2026-02-03T10:00:00Z", "", "2026-02-03T10:00:00+00:00"),
        ("2026-02-03 10:00:00.250+02:00", "", "2026-02-03T08:00:00+00:00"),
        ("2/3/2026 9:05", "", "2026-02-03T09:05:00+00:00"),
        ("2/3/2026", "%d/%m/%Y", "2026-03-02T00:00:00+00:00"),
        ("23/3/2026", "", "2026-03-23T00:00:00+00:00"),
        ("03.02.2026 10:00", "", "2026-02-03T10:00:00+00:00"),
        ("infinity", "", "absurd_date"),
        ("epoch", "", "absurd_date"),
        ("2026-02-30", "", "bad_date"),
        ("46056", "", "bad_date"),
    ],
)
def test_dates_are_read_or_refused(
    date: str, date_format: str, expected: str, tmp_path: Path, now: datetime
) -> None:
    read = _read(tmp_path / "f.csv", date, "1", now=now, date_format=date_format)
    if not isinstance(read, str):
        read = datetime.fromtimestamp(read[0], tz=now.tzinfo).isoformat()
    assert read == expected


def test_a_parquet_file_of_numbers_reads_like_its_csv(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "shop.parquet"
    pq.write_table(
        pa.table({
            "order": [1001.0, None],
            "customer": [7, 8],
            "product": ["tea", "tea"],
            "quantity": [2, 1],
            "date": pa.array([datetime(2026, 1, 5, 10, tzinfo=now.tzinfo)] * 2, pa.timestamp("us")),
            "price": [9.9, 9.9],
        }),
        path,
    )  # fmt: skip
    found = translate(path, now=now)
    assert found.tables["orders"]["external_id"].to_pylist() == ["1001"]
    assert found.tables["orders"]["total_cents"].to_pylist() == [1980]
    assert found.refused["reason"].to_pylist() == ["missing_id"]


@pytest.mark.parametrize(
    ("column", "longest"), [("country", 100), ("channel", 50), ("language", 20)]
)
def test_a_text_too_long_refuses_its_line_and_not_the_customer(
    column: str, longest: int, tmp_path: Path, now: datetime
) -> None:
    path = tmp_path / "shop.csv"
    lines = [f"{GOOD},{'x' * length}" for length in (longest, longest + 1)]
    path.write_text("\n".join([f"{HEADER},{column}", *lines]))
    found = translate(path, now=now)
    assert found.refused["reason"].to_pylist() == ["text_too_long"]
    assert (
        found.tables["customers"].num_rows,
        found.tables["orders"].num_rows,
        found.tables["order_lines"].num_rows,
    ) == (
        1,
        1,
        1,
    )


@pytest.mark.django_db
def test_an_order_too_large_takes_its_lines_with_it(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n2,7,gold,Gold,999999,2026-01-05 10:00,999999999,\n")
    report = bring_in(path, source=SourceFactory(), now=now)
    assert (report.lines, report.accepted, report.rejected) == (2, 1, {"unknown_order": 1})
    assert report.entities["orders"].rejected == {"amount_too_large": 1}
    assert OrderLine.objects.count() == 1
    assert RejectedRow.objects.get(entity="order_lines").line_number == 3
