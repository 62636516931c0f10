"""Files of order lines, written by the tests that read them, and two ways of reading them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from customers.importing import preparing, reading, runs
from customers.importing.dialect import detect, narrowed
from customers.models import Source
from customers.refusals import REFUSED
from customers.reports import IngestReport
from customers.sources import LAYOUTS
from customers.sources.base import SCHEMAS


@dataclass(frozen=True, kw_only=True)
class Translated:
    """What a layout makes of a file, before anything of it is checked or written."""

    tables: Mapping[str, pa.Table]
    refused: pa.Table


def translate(
    path: Path, *, now: datetime, layout: str = "generic", mapping: Any = None
) -> Translated:
    settings = {"mapping": mapping}
    dialect, made = detect(path), LAYOUTS.load(layout)
    dialect = narrowed(dialect, made.reads(dialect.columns, settings))
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        lines = reading.read(db, path, dialect, told=lambda done, total: None)
        preparing.translate(
            db, made, columns=dialect.stored, settings=settings, lines=lines, now=now
        )
        there = preparing.tables(db)
        return Translated(
            tables={
                entity: db.sql(f"FROM {entity} ORDER BY rowid").to_arrow_table()
                if entity in there
                else schema.empty_table()
                for entity, schema in SCHEMAS.items()
            },
            refused=db.sql("FROM refused ORDER BY line_number").to_arrow_table().cast(REFUSED),
        )


def bring_in(
    path: Path, *, source: Source, now: datetime, layout: str = "generic", **settings: Any
) -> IngestReport:
    """The whole import, in the foreground."""
    row = runs.create(
        source=source, path=path, file_name=path.name, layout=layout, settings=settings, now=now
    )
    return runs.run(row, now=now)


HEADER = "order,customer,product,name,quantity,date,price,email"
GOOD = "1001,7,tea,Green tea,2,2026-01-05 10:00,9.90,ada@example.com"

# One line for every kind of bad input; what is expected of it, and the line as bytes.
NASTY: list[tuple[str, bytes]] = [
    ("accepted", b"1001,7,tea,Green tea,2,2026-01-05 10:00,9.90,ada@example.com"),
    ("accepted", "1001,7,cup,Große Tasse,1,2026-01-05 10:00,12.00,ada@example.com".encode()),
    ("duplicate", b"1001,7,tea,Green tea,2,2026-01-05 10:00,9.90,ada@example.com"),
    ("accepted", b"1002,,tea,Green tea,1,2026-01-06 10:00,9.90,"),
    ("accepted", b"1003,7,tea,Green tea,-1,2026-01-07 10:00,9.90,ada@example.com"),
    ("accepted", b'1004,8,mat,"A mat,\nof two lines",1,2026-01-07 10:00,5,'),
    ("bad_date", b"1005,7,tea,Green tea,1,2026-13-45,9.90,"),
    ("bad_date", b"1005,7,tea,Green tea,1,yesterday,9.90,"),
    ("absurd_date", b"1005,7,tea,Green tea,1,1066-10-14 09:00,9.90,"),
    ("absurd_date", b"1005,7,tea,Green tea,1,2999-01-01 00:00,9.90,"),
    ("nul_byte", b"1006,7,tea,Gr\0een tea,1,2026-01-08 10:00,9.90,"),
    ("quantity_too_large", b"1007,7,tea,Green tea,1000000000000,2026-01-08 10:00,9.90,"),
    ("quantity_too_large", b"1007,7,tea,Green tea,1e12,2026-01-08 10:00,9.90,"),
    ("bad_quantity", b"1007,7,tea,Green tea,1.5,2026-01-08 10:00,9.90,"),
    ("bad_quantity", b"1007,7,tea,Green tea,nan,2026-01-08 10:00,9.90,"),
    ("bad_quantity", b"1007,7,tea,Green tea,,2026-01-08 10:00,9.90,"),
    ("bad_price", b"1008,7,tea,Green tea,1,2026-01-08 10:00,free,"),
    ("bad_price", b"1008,7,tea,Green tea,1,2026-01-08 10:00,inf,"),
    ("amount_too_large", b"1008,7,tea,Green tea,1,2026-01-08 10:00,1e300,"),
    ("two_negatives", b"1008,7,tea,Green tea,-1,2026-01-08 10:00,-9.90,"),
    ("missing_id", b",7,tea,Green tea,1,2026-01-08 10:00,9.90,"),
    ("missing_product", b"1009,7,,Green tea,1,2026-01-08 10:00,9.90,"),
    ("text_too_long", b"1009,7,tea," + b"x" * 501 + b",1,2026-01-08 10:00,9.90,"),
    ("text_too_long", b"1009,7,tea," + b"x" * 200_000 + b",1,2026-01-08 10:00,9.90,"),
    ("bad_fields", b"1010,7,tea,Green tea,1,2026-01-08 10:00,9.90,,extra"),
    ("bad_fields", b"1010,7"),
    ("bad_encoding", "1011,7,tea,Grüner Tee,1,2026-01-08 10:00,9.90,".encode("latin-1")),
    ("accepted", "1012,9,tea,Grüner Tee,1,2026-01-08 10:00,9.90,".encode()),
]


def write_nasty(path: Path) -> Path:
    path.write_bytes(b"\n".join([HEADER.encode(), *(line for _, line in NASTY), b""]))
    return path


UCI_ROWS: list[tuple[Any, ...]] = [
    # invoice, code, description, quantity, date, price, customer, country
    ("536365", "85123A", "WHITE HANGING HEART T-LIGHT HOLDER", 6, "2010-12-01 08:26:00", 2.55, 17850, "United Kingdom"),
    ("536365", "85123a", "WHITE HANGING HEART T-LIGHT HOLDER", 1, "2010-12-01 08:26:00", 2.55, 17850, "United Kingdom"),
    ("536365", "85123A", "WHITE HANGING HEART T-LIGHT HOLDER", 6, "2010-12-01 08:26:00", 2.55, 17850, "United Kingdom"),
    ("536365", "POST", "POSTAGE", 1, "2010-12-01 08:26:00", 18.00, 17850, "United Kingdom"),
    ("536370", "22728", "ALARM CLOCK BAKELIKE PINK", 24, "2010-12-01 08:45:00", 3.75, 12583, "France"),
    ("536370", "22728", "ALARM CLOCK BAKELIKE PINK", 4, "2010-12-02 08:45:00", 3.75, 12583, "France"),
    ("536371", "M", "Manual", 1, "2010-12-02 09:00:00", 30.00, None, "United Kingdom"),
    ("C536383", "85123A", "WHITE HANGING HEART T-LIGHT HOLDER", -1, "2010-12-03 09:49:00", 2.55, 17850, "United Kingdom"),
    ("C536384", "22728", "ALARM CLOCK BAKELIKE PINK", -30, "2010-12-03 09:49:00", 3.75, 12583, "France"),
    ("C536385", "D", "Discount", -1, "2010-12-03 09:50:00", 27.50, 14527, "United Kingdom"),
    ("A563186", "B", "Adjust bad debt", 1, "2011-08-12 14:51:00", -11062.06, None, "United Kingdom"),
    ("536589", "21777", None, -10, "2010-12-01 16:50:00", 0.0, None, "United Kingdom"),
    ("536600", "21777", "RECIPE BOX WITH METAL HEART", 1, "2010-12-01 16:51:00", 0.0, 12583, "France"),
    ("550193", "PADS", "PADS TO MATCH ALL CUSHIONS", 1, "2011-04-15 09:27:00", 0.001, 13952, "Unspecified"),
]  # fmt: skip
UCI_SPELLINGS = {
    "Kaggle": ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"),
    "II": ("Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"),
}  # fmt: skip


def write_uci(path: Path, *, spelling: str) -> Path:
    """As Parquet or CSV after the path's suffix; the CSV with customers as 17850.0 and US dates."""
    names = UCI_SPELLINGS[spelling]
    if path.suffix == ".parquet":
        columns = list(zip(*UCI_ROWS, strict=True))
        table = pa.table(dict(zip(names, columns, strict=True)))
        index = table.schema.get_field_index("InvoiceDate")
        table = table.set_column(
            index, "InvoiceDate", table["InvoiceDate"].cast(pa.timestamp("ms"))
        )
        pq.write_table(table, path)
        return path
    lines = [",".join(names)]
    for invoice, code, text, quantity, moment, price, customer, country in UCI_ROWS:
        year, month, rest = moment.split("-")
        day, clock = rest.split(" ")
        when = f"{int(month)}/{int(day)}/{year} {clock[:5]}"
        who = "" if customer is None else f"{customer}.0"
        lines.append(f"{invoice},{code},{text or ''},{quantity},{when},{price},{who},{country}")
    path.write_text("\n".join(lines), encoding="latin-1")
    return path
