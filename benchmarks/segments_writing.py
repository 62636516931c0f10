"""Writing a segment's members to PostgreSQL: the set and its difference, and batches of row inserts."""

# ruff: noqa: PLC0415 - nothing of Django can be imported before the private servers run
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pc


BATCH = 300


def prepare(folder: Path, *, customers: int) -> dict[str, Any]:
    """A private database with these customers, their features beside them, and two empty segments."""
    os.environ["COTERIE_HOME"] = str(
        Path(os.environ.get("COTERIE_HOME", ".coterie")).resolve() / "benchmark"
    )
    os.environ.pop("DATABASE_URL", None)
    os.environ.pop("REDIS_URL", None)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from config import embedded

    embedded.ensure()
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from core import clock
    from customers.enums import SourceKind
    from customers.models import Source
    from segmentation import membership
    from segmentation.enums import SegmentKind

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE customers_source, segmentation_segment, segmentation_membershipchange CASCADE"
        )
        source = Source.objects.create(
            kind=SourceKind.CSV, name="Benchmark", created_at=clock.now()
        )
        cursor.execute(
            "INSERT INTO customers_customer (id, source_id, external_id, email, email_hmac, first_name, last_name,"
            " country, language, joined_at, arrived_at) SELECT n, %s, n::text, '', '', '', '', '', '', now(), now()"
            " FROM generate_series(1, %s) n",
            [source.pk, customers],
        )
        cursor.execute("DROP TABLE IF EXISTS benchmark_features")
        # in its favour: what the rule asks about stands in one row, under an index that covers it
        cursor.execute(
            "CREATE TABLE benchmark_features (customer_id bigint PRIMARY KEY, orders float, net_revenue_cents float)"
        )
        with duckdb.connect() as mirror:
            table = mirror.sql(
                "SELECT customer_id, orders, net_revenue_cents"
                f" FROM read_parquet('{folder / 'features.parquet'}')"
            ).to_arrow_table()
        text = pa.BufferOutputStream()
        pc.write_csv(table, text, pc.WriteOptions(include_header=False))
        with cursor.cursor.copy("COPY benchmark_features FROM STDIN (FORMAT csv)") as copy:
            copy.write(text.getvalue().to_pybytes())
        cursor.execute(
            "CREATE INDEX ON benchmark_features (orders, net_revenue_cents) INCLUDE (customer_id)"
        )
        cursor.execute("ANALYZE")
    return {
        name: membership.ensure(
            name=name,
            kind=SegmentKind.SCORE,
            definition={"task": name},
            description="",
            now=clock.now(),
        )
        for name in ("ours", "batches")
    }


def write(segment: Any, ids: npt.NDArray[np.int64]) -> Any:
    from core import clock
    from segmentation import membership

    return membership.write(segment, ids, now=clock.now())


def by_batches(segment: Any) -> int:
    """
    As the best-known open-source rival does: ask for the next 300 who fit and are not yet members, insert them
    row by row in one transaction, ask again. Returns how many there are in the end.
    """
    from django.db import connection, transaction

    members = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT f.customer_id FROM benchmark_features f LEFT JOIN segmentation_membership m"
                " ON m.customer_id = f.customer_id AND m.segment_id = %s"
                " WHERE f.orders >= 6 AND f.net_revenue_cents >= 24700 AND m.id IS NULL"
                " ORDER BY f.customer_id LIMIT %s",
                [segment.pk, BATCH],
            )
            found = cursor.fetchall()
            for (customer,) in found:
                cursor.execute(
                    "INSERT INTO segmentation_membership (segment_id, customer_id, joined_at)"
                    " VALUES (%s, %s, now())",
                    [segment.pk, customer],
                )
        members += len(found)
        if len(found) < BATCH:
            return members
