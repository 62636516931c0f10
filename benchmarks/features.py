"""Features of a shop of any size: ours beside plain DuckDB, and what a change costs.

    python -m benchmarks.features --customers 10000 100000 1000000

For each size a private PostgreSQL is filled (ten order lines a customer), and each step runs in a process of
its own, which tells its seconds and its peak memory: the mirror from PostgreSQL; one plain query by hand
over the same Parquet, of the same columns (benchmarks/features_plain.sql); ours, as a refresh computes them; a whole
refresh (mirror, features, scores, segments); the same for 2 % of the customers, for one order, and for nobody.
A worker lives long: of a whole refresh, of 2 % and of one order the first turn is not counted, in which the process
reads libraries and models (about a second, whatever the shop).
`--check` compares every column of the two.
"""

# ruff: noqa: PLC0415
from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks.scores import private_servers


AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
LINES = 10


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--customers", type=int, nargs="+", default=[10_000])
    parser.add_argument("--lines", type=int, help="default: ten a customer; for one size")
    parser.add_argument("--rounds", type=int, default=3, help="of plain and ours, in turn")
    parser.add_argument("--step", choices=STEPS, help="internal: one step, in this process")
    parser.add_argument(
        "--check", action="store_true", help="compare every column of the two first"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    private_servers(migrated=options.step is not None)
    if options.step:
        print(json.dumps(_measured(STEPS[options.step])))
        return 0
    reports = []
    for customers in options.customers:
        fill(customers, options.lines or LINES * customers)
        reports.append(report(customers, rounds=options.rounds, check=options.check))
        show(reports[-1])
        if options.json:
            print(json.dumps(reports[-1]))
    return 0


def report(customers: int, *, rounds: int, check: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {"customers": customers, "load_average": os.getloadavg()[0]}
    found["mirror"] = _in_a_process("mirror")
    if check:
        found["check"] = _in_a_process("check")
    pairs = [(_in_a_process("plain"), _in_a_process("ours")) for _ in range(rounds)]
    middle = rounds // 2
    found["plain"] = sorted((one for one, _ in pairs), key=lambda one: one["seconds"])[middle]
    found["ours"] = sorted((one for _, one in pairs), key=lambda one: one["seconds"])[middle]
    found["whole"] = _in_a_process("whole")
    found["dirty"] = _in_a_process("dirty")
    found["one"] = _in_a_process("one")
    found["nothing"] = _in_a_process("nothing")
    seconds = {name: step["seconds"] for name, step in found.items() if isinstance(step, dict)}
    cpu = {
        name: step["cpu"] + step["database_cpu"]
        for name, step in found.items()
        if isinstance(step, dict)
    }
    found["ratios"] = {
        "ours by plain (goal 1.0)": seconds["ours"] / seconds["plain"],
        "mirror and ours by plain (goal 2.0)": (seconds["mirror"] + seconds["ours"])
        / seconds["plain"],
        "2 % changed by whole (goal 0.05)": seconds["dirty"] / seconds["whole"],
        # steadier where others use the machine
        "ours by plain, in CPU": cpu["ours"] / cpu["plain"],
        "mirror and ours by plain, in CPU": (cpu["mirror"] + cpu["ours"]) / cpu["plain"],
        "2 % changed by whole, in CPU": cpu["dirty"] / cpu["whole"],
    }
    return found


def show(found: dict[str, Any]) -> None:
    print(f"{found['customers']:,} customers, load {found['load_average']:.1f}")
    for name, step in found.items():
        if isinstance(step, dict) and "seconds" in step:
            print(
                f"  {name:8} {step['seconds']:9.3f} s, CPU {step['cpu']:8.3f} + PostgreSQL"
                f" {step['database_cpu']:7.2f} s {step['peak_mb']:7.0f} MB  {step['said']}"
            )
    for name, ratio in found["ratios"].items():
        print(f"  {name}: {ratio:.3f}")


def _in_a_process(step: str) -> dict[str, Any]:
    home = Path(
        os.environ["COTERIE_HOME"]
    ).parent  # `private_servers` goes into the same folder again
    done = subprocess.run(  # noqa: S603 - this very file
        [sys.executable, "-m", "benchmarks.features", "--step", step],
        env={**os.environ, "COTERIE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{step}: {done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


# ---------------------------------------------------------------- the steps
class Taken(NamedTuple):
    """Seconds by the clock, and of processor: of this process, and of PostgreSQL's."""

    seconds: float
    cpu: float
    database_cpu: float


def _clock() -> Taken:
    database = _database_cpu()  # looking takes a moment, which is not the step's
    return Taken(time.perf_counter(), time.process_time(), database)


def _since(started: Taken) -> Taken:
    now = (time.perf_counter(), time.process_time(), _database_cpu())
    return Taken(*(round(end - start, 4) for end, start in zip(now, started, strict=True)))


def _database_cpu() -> float:
    """What the private PostgreSQL has used until now, its ended processes and its running ones."""
    home = Path(os.environ["COTERIE_HOME"])
    master = (home / "postgresql" / "postmaster.pid").read_text().split()[0]
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", maxsplit=1)[1].split()
        except OSError:  # it has just ended
            continue
        if path.parent.name == master:
            ticks += int(fields[13]) + int(fields[14])
        elif fields[1] == master:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _measured(step: Callable[[], tuple[Taken, str]]) -> dict[str, Any]:
    taken, said = step()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**taken._asdict(), "peak_mb": round(peak), "said": said}


def _mirror() -> tuple[Taken, str]:
    from segmentation import mirror

    shutil.rmtree(mirror.folder(), ignore_errors=True)
    started = _clock()
    rows = mirror.refresh()
    return _since(started), f"{rows['order_lines']:,} lines"


def _compute(computed: Callable[[Any], pa.Table]) -> tuple[Taken, str]:
    from segmentation import mirror

    with mirror.connect() as database:
        database.execute("SET threads = 2")  # the same for both
        started = _clock()
        rows, columns = computed(database)
        return _since(started), f"{rows:,} x {columns - 1}"


def _ours() -> tuple[Taken, str]:
    from segmentation import engines

    def computed(database: Any) -> tuple[int, int]:
        rows = columns = 0
        for part in engines.compute_everybody(database, as_of=int(AS_OF.timestamp())):
            rows, columns = rows + part.num_rows, part.num_columns
        return rows, columns

    return _compute(computed)


def _plain() -> tuple[Taken, str]:
    def computed(database: Any) -> tuple[int, int]:
        table = _plain_table(database)
        return table.num_rows, table.num_columns

    return _compute(computed)


def _plain_table(database: Any) -> pa.Table:
    query = (Path(__file__).parent / "features_plain.sql").read_text(encoding="utf-8")
    return database.sql(query, params={"as_of": int(AS_OF.timestamp())}).to_arrow_table()


def _check() -> tuple[Taken, str]:
    """
    Every column of the plain query against ours. Favourites that tie are the analyst's to choose, and our
    price levels are whole hundredths of a cent.
    """
    from segmentation import engines, mirror

    started = _clock()
    with mirror.connect() as database:
        plain = _plain_table(database)
        parts = engines.compute_everybody(database, as_of=int(AS_OF.timestamp()))
        ours = pa.concat_tables(parts)
    if plain.column_names != ours.column_names:
        raise SystemExit("the plain query has other columns than ours")
    different = []
    for name in set(ours.column_names) - {"favourite_hour", "favourite_weekday"}:
        theirs, mine = (one.column(name).cast(pa.float64()).to_numpy() for one in (plain, ours))
        near = 1e-5 if name == "price_tier" else 1e-6
        if not np.allclose(theirs, mine, rtol=near, atol=1e-9, equal_nan=True):
            different.append(name)
    if different:
        raise SystemExit(f"other than the plain query: {', '.join(sorted(different))}")
    return _since(started), f"{len(ours.column_names) - 1} columns agree"


def _whole() -> tuple[Taken, str]:
    from segmentation import refreshing

    refreshing.refresh(now=AS_OF)  # clusters are fitted once in four weeks: not a day's work
    started = _clock()
    done = refreshing.refresh(now=AS_OF)
    return _since(started), f"scores {done.scores}"


def _dirty() -> tuple[Taken, str]:
    from django.db import connection

    from segmentation import refreshing

    def mark(remainder: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO segmentation_dirtycustomer (customer_id, marked_at)"
                " SELECT id, now() FROM customers_customer WHERE id %% 50 = %s",
                [remainder],
            )

    mark(8)
    refreshing.refresh_dirty(
        now=AS_OF
    )  # libraries and models; without a mark it would return at once
    mark(7)
    started = _clock()
    done = refreshing.refresh_dirty(now=AS_OF)
    if done is None:
        raise SystemExit("nothing was marked")
    return _since(started), f"{done.customers:,} customers, scores {done.scores}"


def _one() -> tuple[Taken, str]:
    """From an order that is committed to that customer's features, scores and segments; not the wait for a tick."""
    from customers.enums import OrderStatus
    from customers.models import Customer, Order
    from segmentation import refreshing

    seen = []
    people = Customer.objects.order_by("pk")[:21]
    for number, customer in enumerate(people):
        Order.objects.create(
            source_id=customer.source_id, customer=customer, external_id=f"one {time.time_ns()}",
            status=OrderStatus.PLACED, placed_at=AS_OF, arrived_at=AS_OF, currency="GBP",
            total_cents=1000 + number, margin_cents=100,
        )  # fmt: skip
        started = _clock()
        if refreshing.refresh_dirty(now=AS_OF) is None:
            raise SystemExit("nothing was marked")
        seen.append(_since(started))
    seen = sorted(seen[1:])
    return seen[len(seen) // 2], f"median of {len(seen)} orders, longest {seen[-1].seconds:.3f} s"


def _nothing() -> tuple[Taken, str]:
    from segmentation import refreshing

    refreshing.refresh_dirty(now=AS_OF)
    started = _clock()
    done = refreshing.refresh_dirty(now=AS_OF)
    return _since(started), f"{done}"


STEPS = {
    "mirror": _mirror, "plain": _plain, "ours": _ours, "whole": _whole, "dirty": _dirty,
    "one": _one,
    "nothing": _nothing,
    "check": _check,
}  # fmt: skip


# ---------------------------------------------------------------- the shop
def fill(customers: int, lines: int, *, analyse: bool = True) -> None:
    """A shop of that size, as the tables would be after an import; two champions that can score."""
    from django.db import connection

    from customers.enums import SourceKind
    from customers.models import Cursor, Source

    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE customers_source, segmentation_segment, segmentation_modelversion CASCADE"
        )
        cursor.execute(
            "TRUNCATE segmentation_score, segmentation_dirtycustomer, segmentation_membershipchange"
        )
        Cursor.objects.all().delete()
        source = Source.objects.create(name="Benchmark", kind=SourceKind.CSV, created_at=AS_OF)
        cursor.execute(
            "SET session_replication_role = replica"
        )  # an import's triggers are not the matter
        for statement in (Path(__file__).parent / "features_shop.sql").read_text().split(";\n"):
            if statement.strip():
                cursor.execute(
                    statement,
                    {"source": source.pk, "customers": customers, "orders": lines * 2 // 5,
                     "lines": lines, "now": AS_OF},
                )  # fmt: skip
        cursor.execute("SET session_replication_role = origin")
        if analyse:
            cursor.execute("ANALYZE")
    _make_champions()


def _make_champions() -> None:
    from segmentation import versions
    from segmentation.enums import ModelStatus, Task
    from segmentation.ml import artifacts

    rule = {"rule": {"days": [10.0, 100.0], "probability": [0.6, 0.1]}}
    for task in (Task.CHURN, Task.PURCHASE):
        version = versions.record(
            task=task, status=ModelStatus.CHALLENGER, algorithm="rule of recency", reason="",
            as_of=AS_OF, now=AS_OF, rows=10, positives=2, metrics={},
            files=artifacts.to_files(documents=rule),
            provenance=artifacts.Provenance(
                task=task, estimator="rule", features=("recency_days",), data_from=0,
                data_until=86400, rows=10, seed=1, details={},
            ),
        )  # fmt: skip
        versions.promote(version, reason="", now=AS_OF)


if __name__ == "__main__":
    raise SystemExit(main())
