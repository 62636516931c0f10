"""Scores into PostgreSQL as a refresh writes them, beside a bare binary COPY of the same rows.

    python -m benchmarks.scores --rows 1000000 --rounds 3

Bare: one COPY of the ready-made bytes into a table without key or index. Ours: from arrays, into a
generation beside the one that is shown, with its unique index, the pointer moved and the
generation before the last removed; and again with 2 % changed. Both end in a commit. A private PostgreSQL of
COTERIE_HOME is used, with fsync on.
"""

# ruff: noqa: PLC0415
from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


TYPES = ("int8", "int8", "float8", "float8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    private_servers()
    report = measure(options.rows, options.rounds)
    print(
        f"{options.rows:,} scores, median of {options.rounds} rounds, load {os.getloadavg()[0]:.1f}"
    )
    for name in ("bare", "ours", "changed"):
        print(f"  {name:8} {report[name]:8.3f} s")
    print(
        f"  ours by bare {report['ratio']:.2f} (goal 1.5); fastest by fastest {report['best']:.2f}"
    )
    if options.json:
        print(json.dumps(report))
    return 0


def private_servers(*, migrated: bool = False) -> None:
    """A database of the benchmark's own; `migrated`: by the process that started this one."""
    home = Path(os.environ.get("COTERIE_HOME", ".coterie")).resolve() / "benchmark"
    os.environ["COTERIE_HOME"] = str(home)
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    from config import embedded

    embedded.ensure()
    import django
    from django.core.management import call_command

    django.setup()
    if not migrated:
        call_command("migrate", verbosity=0)


def measure(rows: int, rounds: int) -> dict[str, Any]:
    from core import clock
    from segmentation import scoring
    from segmentation.enums import ModelStatus, Task
    from segmentation.models import ModelVersion
    from segmentation.predictors import Predicted
    from segmentation.scoring import write_generation

    customers = make_customers(rows)
    rng = np.random.default_rng(1)
    nothing = np.full(rows, np.nan)
    now = clock.now()
    ModelVersion.objects.all().delete()
    version = ModelVersion.objects.create(
        task=Task.CHURN, number=1, status=ModelStatus.CHAMPION, trained_at=now, as_of=now
    )
    seen: dict[str, list[float]] = {"bare": [], "ours": [], "changed": []}
    for _ in range(rounds):
        values = rng.random(rows)
        blocks = bare_bytes(customers, values)
        seen["bare"].append(timed(lambda blocks=blocks: copy_bare(blocks)))
        seen["ours"].append(
            timed(
                lambda values=values: write_generation(
                    version, customers, values, nothing, as_of=now, now=now
                )
            )
        )
        some = np.sort(rng.choice(rows, rows // 50, replace=False))
        generation = scoring.queries.current_generation(Task.CHURN)
        seen["changed"].append(
            timed(
                lambda some=some, generation=generation: scoring._write_some(
                    generation,
                    customers[some],
                    Predicted(
                        customer_ids=customers[some], columns={"value": rng.random(len(some))}
                    ),
                )
            )
        )
    medians = {name: statistics.median(times) for name, times in seen.items()}
    ratios = [ours / bare for ours, bare in zip(seen["ours"], seen["bare"], strict=True)]
    best = min(seen["ours"]) / min(
        seen["bare"]
    )  # of little use alone, but steadier among neighbours
    return {
        "rows": rows, "rounds": rounds, **medians, "ratio": statistics.median(ratios), "best": best,
    }  # fmt: skip


def timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def make_customers(rows: int) -> np.ndarray:
    """Ids of `rows` customers of an otherwise empty shop."""
    from django.db import connection

    from core import clock
    from customers.enums import SourceKind
    from customers.models import Source

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE customers_source CASCADE")
        cursor.execute("TRUNCATE segmentation_score, segmentation_dirtycustomer")
        source = Source.objects.create(
            name="Benchmark", kind=SourceKind.CSV, created_at=clock.now()
        )
        cursor.execute("SET session_replication_role = replica")  # no triggers
        cursor.execute(
            "INSERT INTO customers_customer (source_id, external_id, email, email_hmac, first_name,"
            " last_name, country, language, joined_at, arrived_at)"
            " SELECT %s, n, '', '', '', '', '', '', now(), now() FROM generate_series(1, %s) n",
            [source.pk, rows],
        )
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("SELECT array_agg(id ORDER BY id) FROM customers_customer")
        return np.array(cursor.fetchone()[0], dtype=np.int64)


def bare_bytes(customers: np.ndarray, values: np.ndarray) -> list[bytes]:
    from segmentation import bulk

    columns = [
        np.ones(len(customers), dtype=np.int64),
        customers,
        values,
        np.full(len(values), np.nan),
    ]
    return list(bulk._blocks(TYPES, columns))


def copy_bare(blocks: list[bytes]) -> None:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS benchmark_bare")
        cursor.execute(
            "CREATE TABLE benchmark_bare (generation_id int8, customer_id int8, value float8, sd float8)"
        )
        with cursor.cursor.copy("COPY benchmark_bare FROM STDIN (FORMAT BINARY)") as copy:
            for block in blocks:
                copy.write(block)


if __name__ == "__main__":
    raise SystemExit(main())
