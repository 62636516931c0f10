"""What does the restore interlock cost a message? Groups with it and without, in turn, in one run.

    python -m benchmarks.logbook

A group of 50: a transaction that commits, with its token or without, then the two lines of the logbook, on a
private database whose fsync is on.
"""

# ruff: noqa: PLC0415 - nothing of Django can be imported before the private servers run
from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path


sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import sending


GROUP = 50


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--groups", type=int, default=200, help="a round")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    sending._private_servers(dkim=False)
    from consent.interlock import logbook

    group(has_logbook=True)
    kept = sum(path.stat().st_size for path in logbook.folder().glob("sent-*"))
    differences = []
    for _ in range(options.rounds):
        (cpu, wall), (bare_cpu, bare_wall) = (
            measured(options.groups, has_logbook=has_logbook) for has_logbook in (True, False)
        )
        differences.append((cpu - bare_cpu, wall - bare_wall))
    messages = options.rounds * options.groups * GROUP
    size = sum(path.stat().st_size for path in logbook.folder().glob("sent-*")) - kept
    cpu, wall = (statistics.median(one[place] for one in differences) for place in (0, 1))
    print(
        f"median of {options.rounds} rounds, load {os.getloadavg()[0]:.1f}: {cpu:.1f} us of CPU and "
        f"{wall:.1f} us a message, {size / messages:.0f} bytes"
    )
    return 0


def measured(groups: int, *, has_logbook: bool) -> tuple[float, float]:
    """Microseconds of this process's CPU, and of time, a message."""
    cpu, start = time.process_time(), time.perf_counter()
    for _ in range(groups):
        group(has_logbook=has_logbook)
    each = 1e6 / (groups * GROUP)
    return (time.process_time() - cpu) * each, (time.perf_counter() - start) * each


def group(*, has_logbook: bool) -> None:
    from django.db import connection, transaction

    from consent.interlock import logbook
    from core import clock

    now = clock.now()
    with transaction.atomic(), connection.cursor() as cursor:
        # something to commit, as an intent has
        cursor.execute(
            "INSERT INTO campaigns_sendgrant (key, granted_at, messages) VALUES ('', %s, 1)", [now]
        )
        token = logbook.step(now=now) if has_logbook else ""
    if has_logbook:
        numbers = range(10_000_000, 10_000_000 + GROUP)
        rows = [(number, number + 7, f"{number:064x}"[::-1]) for number in numbers]
        logbook.handed(token, salt="0123456789abcdef", campaign_id=1, rows=rows, now=now)
        logbook.answered({"0123456789abcdef": {"SENT": list(numbers)}}, now=now)


if __name__ == "__main__":
    sys.exit(main())
