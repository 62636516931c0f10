"""Does any statement of the daily jobs grow with the square of the shop?

    python -m benchmarks.growing --customers 3000

A private PostgreSQL is filled twice, the second time with ten times the customers, and the jobs run on both. Autovacuum is
off and nothing is analysed after the small shop: the planner takes the large one for small, as it does in the
hours between two autovacuums of a shop that has grown. Printed are the statements that took half a second of
PostgreSQL's processor time in the large shop, and marked those that took more than thirty times what they took in the small.
"""

# ruff: noqa: PLC0415 - nothing of Django can be imported before the private servers run
from __future__ import annotations

import argparse
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from benchmarks.features import AS_OF, LINES, _database_cpu, fill
from benchmarks.scores import private_servers


GROWTH = 10
SUSPECT, LONG = 3 * GROWTH, 0.5
LEAST = 0.02  # seconds that can be told from nothing
RULES: tuple[dict[str, Any], ...] = (
    {"all": [{"field": "orders", "is": "at_least", "value": 2}]},
    {"all": [{"field": "country", "is": "is", "value": "GB"}]},
    {"all": [{"did_not": "ORDER", "within_days": 90}]},
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--customers", type=int, default=3_000, help="of the small shop")
    parser.add_argument("--learning", action="store_true", help="recommendations too: minutes more")
    options = parser.parse_args(arguments)
    private_servers()
    from django.db import connection

    small = _seconds(options.customers, learning=options.learning)
    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET autovacuum = off")
        cursor.execute("SELECT pg_reload_conf()")
        cursor.execute("ANALYZE")
    try:
        large = _seconds(GROWTH * options.customers, learning=options.learning, analyse=False)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER SYSTEM RESET autovacuum")
            cursor.execute("SELECT pg_reload_conf()")
    grown = {
        sql: taken / max(small.get(sql, 0.0), LEAST) for sql, taken in large.items() if taken > LONG
    }
    for sql in sorted(grown, key=lambda one: -large[one]):
        mark = "  <--" if grown[sql] > SUSPECT else ""
        print(f"{small.get(sql, 0.0):8.3f} {large[sql]:8.3f} s {sql[:150]}{mark}")
    suspects = [sql for sql, times in grown.items() if times > SUSPECT]
    print(f"{len(large):,} statements, {len(suspects)} grew more than {SUSPECT} times")
    return 1 if suspects else 0


def _seconds(customers: int, *, learning: bool, analyse: bool = True) -> dict[str, float]:
    """Statement to seconds, over all jobs."""
    fill(customers, LINES * customers, analyse=analyse)
    with _recorded() as taken:
        for job in _jobs(learning=learning):
            started = time.perf_counter()
            job()
            print(
                f"{customers:9,} {getattr(job, 'func', job).__name__:16} {time.perf_counter() - started:8.2f} s",
                flush=True,
            )
    return taken


@contextmanager
def _recorded() -> Iterator[dict[str, float]]:
    from django.db import connection

    taken: dict[str, float] = defaultdict(float)

    def record(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 - Django's
        started = _database_cpu()
        try:
            return execute(sql, params, many, context)
        finally:
            # numbers stand for parts, ids and days, which are others in each shop
            taken[re.sub(r"'\{[^}]*\}'|\d+", "?", re.sub(r"\s+", " ", sql))] += (
                _database_cpu() - started
            )

    with connection.execute_wrapper(record):
        yield taken


def _jobs(*, learning: bool) -> tuple[Callable[[], object], ...]:
    from feedback.tasks import forget_gone
    from segmentation.first_purchases import refresh_if_due as first_orders
    from segmentation.recommending.refreshing import refresh_if_due as recommend
    from segmentation.refreshing import refresh, refresh_dirty

    everybody, some = (partial(one, now=AS_OF) for one in (refresh, refresh_dirty))
    return (
        everybody, everybody, _rules, partial(_change, "id % 5 = 3"), everybody,
        partial(_change, "id % 10 = 3"), some, partial(first_orders, now=AS_OF),
        *([partial(recommend, now=AS_OF)] if learning else []), forget_gone,
    )  # fmt: skip


def _rules() -> None:
    from segmentation import dynamic, rule_segments
    from segmentation.rules import parse

    for number, rule in enumerate(RULES):
        saved = rule_segments.save(
            segment=None, name=f"Rule {number}", description="", rule=parse(rule), words="",
            user_id=None, now=AS_OF,
        )  # fmt: skip
    dynamic.compute_due(now=AS_OF)
    rule_segments.freeze(saved, now=AS_OF)


def _change(whose: str) -> None:
    """These have moved, and beside them a fifth withdraws and a fifth has gone."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE consent_consentstate SET is_granted = false WHERE customer_id % 5 = 1"
        )
        cursor.execute("UPDATE customers_customer SET erased_at = now() WHERE id % 5 = 2")
        cursor.execute(f"UPDATE customers_customer SET country = 'IT' WHERE {whose}")


if __name__ == "__main__":
    raise SystemExit(main())
