"""Files of very many columns: the same comes of them as of narrow ones, in the same memory."""

from __future__ import annotations

import csv
from datetime import datetime
from io import StringIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customers.enums import ImportStatus
from customers.importing import runs, workspace
from customers.models import Customer, Import, RejectedRow
from customers.sources.layouts import WHOLE
from tests.customers.files import HEADER, NASTY, Translated, bring_in, translate, write_uci
from tests.customers.sources.test_people_files import KLAVIYO, MAILCHIMP
from tests.customers.sources.test_people_files import SHOPIFY as SHOPIFY_CUSTOMERS
from tests.customers.sources.test_shopify_exports import FILE as SHOPIFY_ORDERS
from tests.factories.customers import SourceFactory


MORE = [f"Höhe {n}" for n in range(120)]


def widened(text: str) -> str:
    """The same with 120 columns more, some before and some after."""
    header, *rows = csv.reader(StringIO(text))
    out = StringIO()
    write = csv.writer(out)
    write.writerow([*MORE[:50], *header, *MORE[50:]])
    for row in rows:
        write.writerow([*(f"ä{n}" for n in range(50)), *row, *("" for _ in MORE[50:])])
    return out.getvalue()


def same(one: Translated, other: Translated) -> None:
    def rows(made: Translated) -> dict[str, list[str]]:
        return {name: sorted(map(str, rows.to_pylist())) for name, rows in made.tables.items()}

    assert rows(one) == rows(other)
    of = ("line_number", "reason")
    assert one.refused.select(of).to_pylist() == other.refused.select(of).to_pylist()


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("people", KLAVIYO),
        ("people", MAILCHIMP),
        ("shopify-customers", SHOPIFY_CUSTOMERS),
        ("shopify-orders", SHOPIFY_ORDERS),
    ],
    ids=["Klaviyo", "Mailchimp", "Shopify's customers", "Shopify's orders"],
)
def test_columns_that_nobody_reads_change_nothing(
    tmp_path: Path, now: datetime, layout: str, text: str
) -> None:
    narrow, wide = tmp_path / "narrow.csv", tmp_path / "wide.csv"
    narrow.write_text(text)
    wide.write_text(widened(text))
    same(translate(narrow, now=now, layout=layout), translate(wide, now=now, layout=layout))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_order_lines_of_uci_with_many_columns(tmp_path: Path, now: datetime, suffix: str) -> None:
    narrow = write_uci(tmp_path / f"narrow{suffix}", spelling="II")
    wide = tmp_path / f"wide{suffix}"
    if suffix == ".csv":
        wide.write_text(widened(narrow.read_text(encoding="latin-1")), encoding="latin-1")
    else:
        table = pq.read_table(narrow)
        for name in MORE:
            table = table.append_column(name, pa.array([[{"a": 1}]] * table.num_rows))
        pq.write_table(table, wide)
    one, other = (translate(path, now=now, layout="uci") for path in (narrow, wide))
    same(one, other)
    assert one.tables["order_lines"].num_rows == 8


def test_lines_that_are_no_rows_are_refused_as_in_a_narrow_file(
    tmp_path: Path, now: datetime
) -> None:
    before = ",".join(MORE)
    lines = [
        b",".join([b"x" * (n % 3) for n in range(len(MORE))]) + b"," + line for _, line in NASTY
    ]
    narrow, wide = tmp_path / "narrow.csv", tmp_path / "wide.csv"
    narrow.write_bytes(b"\n".join([HEADER.encode(), *(line for _, line in NASTY)]))
    wide.write_bytes(b"\n".join([f"{before},{HEADER}".encode(), *lines]))
    one, other = translate(narrow, now=now), translate(wide, now=now)
    same(one, other)
    assert one.refused.num_rows > 15


def test_a_line_differs_by_what_nobody_reads(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "wide.csv"
    good = "1001,7,tea,Green tea,2,2026-01-05 10:00,9.90,ada@example.com"
    rest = ("," + "x" * 30) * (len(MORE) - 1)  # the difference comes late
    path.write_text(
        "\n".join([f"{HEADER},{','.join(MORE)}", *(f"{good}{rest},{n}" for n in (1, 2, 2))])
    )
    made = translate(path, now=now)
    assert made.tables["order_lines"].num_rows == 2


@pytest.mark.django_db
def test_a_refused_line_is_kept_whole(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(f"name,email,{','.join(MORE)}\nAda,nowhere,{','.join(map(str, range(120)))}\n")
    bring_in(path, source=SourceFactory(), now=now, layout="people")
    kept = RejectedRow.objects.get()
    assert (kept.reason, kept.line_number) == ("bad_address", 2)
    assert f'"{WHOLE}":"Ada,nowhere,0,1,2,' in kept.raw
    assert "118,119" in kept.raw


@pytest.mark.django_db
def test_other_columns_of_the_same_file_can_be_mapped_afterwards(
    tmp_path: Path, now: datetime
) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(
        f"mail,Rufname,Vorname,{','.join(MORE)}\nada@example.com,Ady,Ada{',' * len(MORE)}\n"
    )
    row = runs.create(
        source=SourceFactory(), path=path, file_name="wide.csv", layout="people", now=now,
        settings={"mapping": {"columns": {"email": "mail", "first_name": "Rufname"}}},
    )  # fmt: skip
    assert runs.dry_run(row, now=now)["accepted"] == 1
    wanted = {"mapping": {"columns": {"email": "mail", "first_name": "Vorname"}}}
    runs.configure(row, layout="people", settings=wanted)
    assert runs.run(row, now=now).accepted == 1
    assert Customer.objects.get().first_name == "Ada"


@pytest.mark.django_db
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_nine_hundred_columns_fit_into_half_of_the_memory(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(workspace, "MEMORY", "48MB")
    path = tmp_path / f"wide{suffix}"
    names = ["email", *(f"extra {n}" for n in range(900))]
    rows = [
        [f"person{n}@example.com" if n % 10 else "nowhere", *["a word or two"] * 900]
        for n in range(2_500)
    ]
    if suffix == ".csv":
        path.write_text("\n".join(map(",".join, [names, *rows])))
    else:
        pq.write_table(pa.table([pa.array(c) for c in zip(*rows, strict=True)], names=names), path)
    told = bring_in(path, source=SourceFactory(), now=now, layout="people")
    assert (told.lines, told.accepted, told.rejected) == (2_500, 2_250, {"bad_address": 250})
    assert Import.objects.get().status == ImportStatus.FINISHED
