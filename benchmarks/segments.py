"""How fast are rule segments? Counting a rule over Parquet, and writing who belongs to it.

    python -m benchmarks.segments
    python -m benchmarks.segments --customers 20000

Counting is beside a NumPy mask over arrays in memory; writing beside batches of 300 row inserts, each batch from the
query asked anew, on the same private PostgreSQL under COTERIE_HOME/benchmark. benchmarks/README.md says how to read it.
"""

# ruff: noqa: PLC0415 - nothing of Django can be imported before the private servers run
from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np


sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.segments_shop import NOW, generate, views
from segmentation.rules import compile_rule, cutoffs, next_flip, parse


FAST: dict[str, dict[str, Any]] = {
    "4 of profile, features, score": {"all": [
        {"field": "recency_days", "is": "at_most", "value": 30},
        {"field": "country", "is": "in", "value": ["Germany", "Austria", "France"]},
        {"field": "net_revenue_cents", "is": "at_least", "value": 20_000},
        {"score": "CHURN", "is": "at_least", "value": 0.6},
    ]},
    "2 of features": {"all": [
        {"field": "orders", "is": "at_least", "value": 8},
        {"field": "recency_days", "is": "at_most", "value": 90},
    ]},
    "none of any": {"none": [
        {"field": "rating_last", "is": "at_most", "value": 2}, {"score": "CHURN", "is": "at_most", "value": 0.4},
        {"field": "country", "is": "is", "value": "Spain"},
    ]},
    "profile and consent": {"all": [
        {"field": "joined_days_ago", "is": "at_most", "value": 90},
        {"consent": {"purpose": "MARKETING", "channel": "EMAIL"}, "is": "given"},
    ]},
    "best tenth": {"all": [{"field": "net_revenue_cents", "is": "top_percent", "value": 10}]},
    "segment and random share": {"all": [
        {"segment": 1, "is": "in"}, {"bucket": {"from": 0, "to": 20, "salt": "a"}},
    ]},
}  # fmt: skip
DEEDS: dict[str, dict[str, Any]] = {
    "ordered twice, not lately": {"all": [
        {"did": "ORDER", "count": {"at_least": 2}}, {"did_not": "ORDER", "within_days": 90},
    ]},
    "looked, put in no cart": {"all": [
        {"did": "PRODUCT_VIEW", "count": {"at_least": 2}, "within_days": 30},
        {"did_not": "CART", "within_days": 30},
    ]},
    "bought of a category": {"all": [
        {"did": "ORDER", "within_days": 180, "where": [{"property": "category", "is": "is", "value": "tea"}]},
        {"score": "CHURN", "is": "at_least", "value": 0.5},
    ]},
    "searched for a word": {"all": [
        {"did": "SEARCH", "within_days": 90, "where": [{"property": "query", "is": "contains", "value": "green"}]},
    ]},
    "did not click": {"all": [{"did": "DELIVERED", "count": {"at_least": 3}}, {"did_not": "CLICKED"}]},
}  # fmt: skip
GOALS = {"fast": 300, "deeds": 1_000}
MATERIALISED = {"all": [
    {"field": "orders", "is": "at_least", "value": 6},
    {"field": "net_revenue_cents", "is": "at_least", "value": 24_700},
]}  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7, help="the first one only warms up")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 2)
    parser.add_argument(
        "--folder", type=Path, help="keep the Parquet files here, or use what is there"
    )
    parser.add_argument("--skip-writing", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        generate(folder, customers=options.customers)
        report = {"customers": options.customers, "load_average": os.getloadavg()[0],
                  "rows": _rows(folder), **_counting(folder, options)}  # fmt: skip
        _show_counting(report)
        if not options.skip_writing:
            report["writing"] = _writing(folder, options)
            _show_writing(report["writing"])
    if options.json:
        print(json.dumps(report))
    return 0


# ---------------------------------------------------------------- counting
def _counting(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    report: dict[str, Any] = {}
    for group, rules in (("fast", FAST), ("deeds", DEEDS)):
        report[group] = {}
        for name, definition in rules.items():
            report[group][name] = _timed(
                lambda one=definition: _count(folder, one, options), options
            )
    report["numpy mask"] = _timed(_mask(folder), options)
    count = report["numpy mask"]["members"]
    expected = report["fast"]["4 of profile, features, score"]["members"]
    if count != expected:
        raise SystemExit(f"the mask finds {count} customers, the rule {expected}")
    lapsed = parse(DEEDS["ordered twice, not lately"])
    started = time.perf_counter()
    with _connect(folder, options) as connection:
        flips = next_flip(lapsed, connection, now=NOW).num_rows
    report["next flip"] = {
        "ms": round((time.perf_counter() - started) * 1e3, 1),
        "customers": flips,
    }
    return report


def _connect(folder: Path, options: argparse.Namespace) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": options.threads})
    views(connection, folder)
    return connection


def _count(folder: Path, definition: dict[str, Any], options: argparse.Namespace) -> int:
    """As a preview does: read the rule, open the files, count."""
    with _connect(folder, options) as connection:
        statement = compile_rule(parse(definition), now=NOW)
        found = connection.execute(f"SELECT count(*) FROM ({statement.sql})", statement.parameters)
        return int(found.fetchall()[0][0])


def _mask(folder: Path) -> Callable[[], int]:
    """The first rule over arrays that are in memory already, countries as codes."""
    with duckdb.connect() as connection:
        views(connection, folder)
        table = connection.sql(
            "SELECT may_profile, country, recency_days, net_revenue_cents, value FROM people"
            " LEFT JOIN features USING (customer_id)"
            " LEFT JOIN (SELECT * FROM scores WHERE task = 'CHURN') USING (customer_id)"
        ).fetchnumpy()
    names, codes = np.unique(np.asarray(table["country"], dtype=str), return_inverse=True)
    wanted = np.isin(names, ["Germany", "Austria", "France"])
    plain = {
        name: np.ma.filled(np.ma.asarray(table[name]).astype(float), np.nan)
        for name in ("recency_days", "net_revenue_cents", "value")
    }
    may_profile = np.asarray(table["may_profile"], dtype=bool)

    def count() -> int:
        inside = (
            may_profile & wanted[codes] & (plain["recency_days"] <= 30)
            & (plain["net_revenue_cents"] >= 20_000) & (plain["value"] >= 0.6)
        )  # fmt: skip
        return int(inside.sum())

    return count


def _timed(call: Callable[[], int], options: argparse.Namespace) -> dict[str, Any]:
    """The answer, and medians of all rounds but the first: the clock's, and the processors' over all threads."""
    walls, processors = [], []
    for _ in range(options.rounds):
        started, spent = time.perf_counter(), time.process_time()
        answer = call()
        walls.append(time.perf_counter() - started)
        processors.append(time.process_time() - spent)
    return {
        "ms": round(statistics.median(walls[1:] or walls) * 1e3, 1),
        "cpu_ms": round(statistics.median(processors[1:] or processors) * 1e3, 1),
        "members": answer,
    }


def _rows(folder: Path) -> dict[str, int]:
    with duckdb.connect() as connection:
        views(connection, folder)
        return {
            name: int(connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])
            for name in ("people", "orders", "order_lines", "events")
        }


# ---------------------------------------------------------------- writing
def _writing(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.segments_writing import by_batches, prepare, write

    segments = prepare(folder, customers=options.customers)
    started = time.perf_counter()
    with _connect(folder, options) as connection:
        rule = parse(MATERIALISED)
        statement = compile_rule(rule, now=NOW, cutoffs=cutoffs(rule, connection))
        ids = connection.execute(statement.sql, statement.parameters).fetchnumpy()["customer_id"]
    asked = time.perf_counter() - started
    change = write(segments["ours"], ids)
    ours = time.perf_counter() - started
    started = time.perf_counter()
    write(segments["ours"], ids)
    unchanged = time.perf_counter() - started + asked
    started = time.perf_counter()
    members = by_batches(segments["batches"])
    batches = time.perf_counter() - started
    if members != change.size:
        raise SystemExit(f"batches wrote {members} members, the rule {change.size}")
    return {
        "members": change.size, "ours_s": round(ours, 3), "of_it_asking_s": round(asked, 3),
        "nothing_changed_s": round(unchanged, 3), "batches_s": round(batches, 2),
        "ratio": round(batches / ours, 1),
    }  # fmt: skip


# ---------------------------------------------------------------- what is shown
def _show_counting(report: dict[str, Any]) -> None:
    rows = ", ".join(f"{count:,} {name}" for name, count in report["rows"].items())
    print(f"{rows}; load average {report['load_average']:.1f}\n")
    for group, goal in GOALS.items():
        print(f"Counting, goal {goal} ms at 1,000,000 customers:")
        for name, one in report[group].items():
            print(
                f"  {name:32}{one['ms']:9,.1f} ms {one['cpu_ms']:9,.1f} ms CPU {one['members']:10,} members",
                flush=True,
            )
    mask, flip = report["numpy mask"], report["next flip"]
    print(
        f"NumPy mask of the first rule      {mask['ms']:9,.1f} ms {mask['cpu_ms']:9,.1f} ms CPU {mask['members']:10,} members"
    )
    print(
        f"Next flip of “not lately”         {flip['ms']:9,.1f} ms {flip['customers']:10,} customers\n"
    )


def _show_writing(report: dict[str, Any]) -> None:
    print(f"Writing {report['members']:,} members:")
    print(
        f"  ours                  {report['ours_s']:9.2f} s, of it asking {report['of_it_asking_s']:.2f} s"
    )
    print(f"  ours, nothing changed {report['nothing_changed_s']:9.2f} s")
    print(
        f"  batches of 300        {report['batches_s']:9.2f} s: {report['ratio']:.0f} times ours (goal 50)"
    )


if __name__ == "__main__":
    raise SystemExit(main())
