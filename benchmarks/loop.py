"""Does it learn? Incremental profit per round of Coterie's targeting beside simple policies and the oracle.

    python benchmarks/loop.py --params regulars --customers 20000 --rounds 6 --seeds 10

The shop is simulated, so the true profit of every mail is known, and only that judges. The learner sees
orders, visits and mails through the front door, as in the product. README.md explains each column.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path


sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
# each world has a process of its own: more threads of linear algebra would only get into each other's way
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from benchmarks.loop_report import render, summarise
from benchmarks.loop_seed import SeedResult, run_seed
from customers.sources.simulation.parameters import ParameterError, ShopParameters


def main(arguments: list[str] | None = None) -> int:
    """Run, print the table, and with --json one line of JSON as the last line of output."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--params", default="regulars", help="'regulars', 'sparse' or a TOML file")
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=10, help="how many worlds: seeds 1, 2, ...")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.customers < 200 or options.rounds < 1 or options.seeds < 1 or options.jobs < 1:
        parser.error("give at least 200 customers, 1 round, 1 seed and 1 job")
    try:
        parameters = ShopParameters.load(options.params)
    except ParameterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    started = time.monotonic()
    results = _run(parameters, options)
    report = summarise(results)
    report |= {
        "params": str(options.params),
        "customers": options.customers,
        "seconds": round(time.monotonic() - started, 1),
    }
    render(report)
    if options.json:
        print(json.dumps(report))
    return 0


def _run(parameters: ShopParameters, options: argparse.Namespace) -> list[SeedResult]:
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    columns = (
        *Progress.get_default_columns()[:-1],
        TimeElapsedColumn(),
        TextColumn("{task.completed}/{task.total} worlds"),
    )
    results = {}
    with (
        Progress(*columns, console=Console(stderr=True)) as progress,
        ProcessPoolExecutor(
            max_workers=min(options.jobs, options.seeds),
            mp_context=multiprocessing.get_context("spawn"),
        ) as pool,
    ):
        task = progress.add_task("turning the ring", total=options.seeds)
        futures = {
            pool.submit(
                run_seed, parameters, customers=options.customers, rounds=options.rounds, seed=seed
            ): seed
            for seed in seeds
        }
        for future in as_completed(futures):
            results[futures[future]] = future.result()
            progress.advance(task)
    return [results[seed] for seed in seeds]


if __name__ == "__main__":
    raise SystemExit(main())
