"""An import of the UCI file at ten times its size, beside a bare DuckDB read and COPY of the same rows.

    python -m benchmarks.import_file ../shared/data/online-retail/online_retail.parquet --copies 10

Both write to the PostgreSQL of DATABASE_URL (or the private one of COTERIE_HOME); what they write is
removed at the end. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv as pc


COLUMNS = "InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="UCI Online Retail, CSV or Parquet")
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=1, help="of both, in turn")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "retail.csv"
        rows = multiply(options.file, path, copies=options.copies)
        print(f"{rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB", file=sys.stderr)
        _database()
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], check=True)
        results = []
        for number in range(options.rounds):
            bare = copy_bare(path)
            ours = import_ours(path, name=f"benchmark {os.getpid()} {number}")
            results.append({
                "rows": rows,
                "bare_rows_per_s": round(rows / bare),
                "ours_rows_per_s": round(rows / ours["seconds"]),
                "ratio": round(bare / ours["seconds"], 3),
                "peak_rss_mb": ours["peak_rss_mb"],
            })  # fmt: skip
            print(json.dumps(results[-1]))


def multiply(file: Path, path: Path, *, copies: int) -> int:
    """The file's rows `copies` times, each copy with invoices and customers of its own; returns the rows."""
    reader = "read_parquet" if file.suffix == ".parquet" else "read_csv"
    with duckdb.connect() as db:
        db.execute("SET preserve_insertion_order = true")
        shifted = " UNION ALL ".join(
            f"""SELECT CASE WHEN regexp_full_match(InvoiceNo::VARCHAR, '[0-9]+')
                       THEN (InvoiceNo::BIGINT + {copy} * 1000000)::VARCHAR
                       ELSE left(InvoiceNo::VARCHAR, 1) || ({copy} + 1) || substr(InvoiceNo::VARCHAR, 2) END AS InvoiceNo,
                   StockCode, Description, Quantity, strftime(InvoiceDate, '%-m/%-d/%Y %H:%M') AS InvoiceDate,
                   UnitPrice, try_cast(CustomerID AS BIGINT) + {copy} * 100000 AS CustomerID, Country
            FROM {reader}('{file}')"""
            for copy in range(copies)
        )
        db.execute(f"COPY (SELECT {COLUMNS} FROM ({shifted})) TO '{path}' (HEADER, DELIMITER ',')")
        return int(db.execute(f"SELECT count(*) FROM ({shifted})").fetchall()[0][0])


def _database() -> str:
    from config import embedded  # noqa: PLC0415 - starts a private server where none is given

    embedded.ensure()
    return os.environ["DATABASE_URL"]


def copy_bare(path: Path) -> float:
    """Seconds for DuckDB's own CSV reader and COPY into one plain table without index or constraint."""
    import psycopg  # noqa: PLC0415

    with psycopg.connect(_database()) as connection:
        connection.execute(
            "DROP TABLE IF EXISTS benchmark_bare; CREATE TABLE benchmark_bare (invoice text, code text,"
            " description text, quantity bigint, moment timestamp, price double precision, customer bigint,"
            " country text)"
        )
        connection.commit()
        started = time.perf_counter()
        options = pc.WriteOptions(include_header=False, quoting_style="needed")
        with duckdb.connect() as db, connection.cursor() as cursor:
            reader = db.sql(
                f"SELECT InvoiceNo::VARCHAR, StockCode::VARCHAR, Description::VARCHAR, Quantity::BIGINT,"
                f" InvoiceDate::TIMESTAMP, UnitPrice::DOUBLE, CustomerID::BIGINT, Country::VARCHAR"
                f" FROM read_csv('{path}', types={{'InvoiceNo': 'VARCHAR', 'StockCode': 'VARCHAR'}},"
                f" timestampformat='%m/%d/%Y %H:%M')"
            ).to_arrow_reader(100_000)
            with cursor.copy("COPY benchmark_bare FROM STDIN (FORMAT csv)") as copy:
                for batch in reader:
                    text = pa.BufferOutputStream()
                    pc.write_csv(batch, text, options)
                    copy.write(text.getvalue().to_pybytes())
            connection.commit()
        seconds = time.perf_counter() - started
        connection.execute("DROP TABLE benchmark_bare")
        connection.commit()
    return seconds


def import_ours(path: Path, *, name: str) -> dict[str, Any]:
    """`manage.py import_shop` in a process of its own, with the seconds it tells and its peak memory."""
    _database()
    process = subprocess.Popen(  # noqa: S603 - our own command, no shell
        [sys.executable, "manage.py", "import_shop", str(path), "--layout", "uci", "--source", name, "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL if not os.environ.get("SHOW") else None, text=True,
    )  # fmt: skip
    peak = _Peak(process.pid)
    peak.start()
    out, _ = process.communicate()
    peak.join()
    if process.returncode:
        raise SystemExit(f"import_shop ended with {process.returncode}")
    told = json.loads(out.splitlines()[-1])
    return {**told, "peak_rss_mb": peak.mb}


class _Peak(threading.Thread):
    """The kernel's own high-water mark of a process, read until it is gone."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.status = Path(f"/proc/{pid}/status")
        self.mb = 0

    def run(self) -> None:
        while True:
            try:
                lines = self.status.read_text().splitlines()
            except OSError:
                return
            found = [line for line in lines if line.startswith("VmHWM")]
            if not found:
                return
            self.mb = int(found[0].split()[1]) // 1024
            time.sleep(0.05)


if __name__ == "__main__":
    main()
