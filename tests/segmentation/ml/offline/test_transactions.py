from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segmentation.ml import features
from segmentation.ml.offline import files, transactions


def read(path: Path, text: str, **options: str) -> transactions.Transactions:
    path.write_text(text, encoding="utf-8")
    return transactions.read(path, **options)


def test_rows_that_cannot_be_used_are_counted_by_reason(tmp_path: Path) -> None:
    known = read(
        tmp_path / "t.csv",
        "customer_id;date;amount\n2;2011-01-02;3.5\n2;soon;1\n;2011-01-01;2\n3;2011-01-01\n"
        "10;20110105;-3\n10.0;2011-01-02T10:00:00+02:00;0\n3;2011-01-01;much\n",
    )
    assert known.customers == ("2", "10")
    assert known.column("placed_at").tolist() == [1293926400, 1293955200]
    assert dict(known.rejected) == {
        files.MALFORMED: 1,
        "no customer_id": 1,
        "the date cannot be read": 1,
        "the amount is not a number": 1,
        "the amount or the quantity is below zero (a return)": 1,
    }


def test_years_of_two_digits_and_of_four_are_told_apart(tmp_path: Path) -> None:
    dates = ["12/1/10 8:26", "12/1/2010 8:26", "2010-12-01 08:26", "2010/12/1 08:26:00"]
    odd = ["1/2/1969 0:00", "0012-01-10", "12/1/10", "13/1/10 8:26"]
    known = read(
        tmp_path / "t.csv",
        "customer_id,date,amount\n"
        + "".join(f"{n},{one},1\n" for n, one in enumerate(dates + odd)),
    )
    assert known.column("placed_at").tolist() == [transactions.moment("2010-12-01T08:26")] * 4
    assert dict(known.rejected) == {"the date is before 1970": 2, "the date cannot be read": 2}


def test_a_cut_off_leaves_later_lines_and_later_customers_out(tmp_path: Path) -> None:
    known = read(
        tmp_path / "t.csv",
        "customer_id,date,amount\n1,2011-01-01,1\n1,2011-02-01,2\n2,2011-02-01,3\n",
    )
    part, left_out = known.until(transactions.moment("2011-02-01"))
    assert (part.customers, part.column("amount").tolist(), left_out) == (("1",), [1.0], 2)


def test_csv_and_parquet_in_the_spelling_of_uci_say_the_same(tmp_path: Path) -> None:
    rows = {
        "InvoiceNo": ["1", "C2", "1", "3"], "StockCode": ["a", "a", "b", "b"], "Quantity": [2, -1, 1, 5],
        "InvoiceDate": ["2011-01-01 10:00:00"] * 4, "UnitPrice": [1.5, 1.5, 2.0, 0.0],
        "CustomerID": [7, 7, 7, 8], "Country": ["Spain"] * 4,
    }  # fmt: skip
    table = pa.table(rows)
    pq.write_table(table, tmp_path / "t.parquet")
    files.write(table, tmp_path / "t.csv")
    one, other = (transactions.read(tmp_path / f"t.{kind}") for kind in ("csv", "parquet"))
    assert one.lines.equals(other.lines)
    assert one.column("amount").tolist() == [3.0, 2.0]
    assert dict(one.rejected) == {
        "a cancellation": 1,
        "nothing was paid (a gift or a correction)": 1,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("who,when\n1,2\n", "no column customer_id, date, amount; the file has who, when"),
        ("customer_id,date,amount\n", "no usable row"),
        ("customer_id,date,date\n", "once each"),
    ],
)
def test_files_of_another_kind_are_refused_in_words(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(files.FileError, match=said):
        read(tmp_path / "t.csv", text)


def test_unreadable_files_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(files.FileError, match="no such file"):
        transactions.read(tmp_path / "none.csv")
    (tmp_path / "t.parquet").write_bytes(b"not parquet")
    with pytest.raises(files.FileError, match="cannot be read"):
        transactions.read(tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_bytes(
        "customer_id,date,amount\nJos\xe9,2011-01-01,1\n".encode("latin-1")
    )
    with pytest.raises(files.FileError, match="UTF-8"):
        transactions.read(tmp_path / "t.csv")


def test_another_column_can_name_the_customer(tmp_path: Path) -> None:
    known = read(tmp_path / "t.csv", "who,date,amount\nx,2011-01-01,1\n", id_column="who")
    assert known.customers == ("x",)


def test_the_products_own_features_are_computed_from_a_file(tmp_path: Path) -> None:
    known = read(
        tmp_path / "t.csv",
        "customer_id,date,amount\n5,2011-01-01,10.25\n5,2011-01-03,2\n7,2011-01-02,1\n",
    )
    with known.mirror() as database:
        table = features.compute(database, as_of=transactions.moment("2011-01-04"))
    assert table.column("customer_id").to_pylist() == [0, 1]
    assert table.column("orders").to_pylist() == [2, 1]
    assert table.column("net_revenue_cents").to_pylist() == [1225, 100]


def test_online_retail_is_cleaned_to_the_published_counts(shared_data: Path) -> None:
    path = shared_data / "online-retail" / "online_retail.parquet"
    if not path.exists():
        pytest.skip("no UCI Online Retail")
    known = transactions.read(path)
    assert (known.lines.num_rows, len(known.customers)) == (397_884, 4_338)
