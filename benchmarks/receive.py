"""How fast are the doors for shop data? Beside a no-op and DRF, on the same server and database, in one run.

    python -m benchmarks.receive
    python -m benchmarks.receive --rounds 5 --requests 4000 --connections 64 --json

Runs on private servers under COTERIE_HOME/benchmark. benchmarks/README.md says how to read the table.
"""

# ruff: noqa: PLC0415 - nothing of Django can be imported before the private servers run
from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.load import fire, request


ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=4_000, help="single events a round")
    parser.add_argument("--batches", type=int, default=40, help="batches a round")
    parser.add_argument("--batch", type=int, default=1_000, help="events in a batch")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--workers", type=int, help="server processes (as `manage.py run`)")
    parser.add_argument("--threads", type=int, help="threads in each (as `manage.py run`)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    _private_servers()
    key = _prepare()
    with _server(options) as (port, pid):
        report = _measure(options, key=key, port=port, web=pid)
    report["reading"] = _read_all()
    _show(report)
    if options.json:
        print(json.dumps(report))
    return 0


# ---------------------------------------------------------------- what is measured
def _measure(options: argparse.Namespace, *, key: str, port: int, web: int) -> dict[str, Any]:
    from django.db import connection

    singles = {
        "bare no-op": lambda n: request("/noop", _segment(n)),
        "no-op view": lambda n: request("/django/noop", _segment(n)),
        "ours": lambda n: request("/v1/track", _segment(n), key=key),
        "DRF": lambda n: request("/drf/event", _row(n)),
    }
    batches = {
        "decode + COPY": lambda n: request("/copy", _batch(n, options.batch)),
        "ours": lambda n: request("/v1/batch", _batch(n, options.batch), key=key),
        "DRF": lambda n: request("/drf/events", _rows(n, options.batch)),
    }
    numbers = iter(range(10**9))
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
        fsync, commit = cursor.fetchone()
    report: dict[str, Any] = {
        "load_average": os.getloadavg()[0], "fsync": fsync, "synchronous_commit": commit,
        "connections": options.connections, "size": options.batch,
    }  # fmt: skip
    answered = 0
    for title, endpoints, size, connections in (
        ("single", singles, options.requests, options.connections),
        ("batch", batches, options.batches, min(8, options.connections)),
    ):
        seen: dict[str, list[tuple[float, float, float]]] = {name: [] for name in endpoints}
        for round_number in range(options.rounds + 1):
            for name, make in endpoints.items():
                # DRF is slow: the same time of it says as much
                count = max(8, size // 5) if name == "DRF" else size
                messages = [make(next(numbers)) for _ in range(count)]
                before = _cpu(web), _cpu(_postmaster())
                load = fire(messages, port=port, connections=connections)
                if load.failed or load.requests != count:
                    raise SystemExit(f"{title} {name}: {load}")
                spent = (_cpu(web) - before[0], _cpu(_postmaster()) - before[1])
                answered += count if name == "ours" else 0
                if round_number:  # the first one only warms up
                    seen[name].append((load.per_second, spent[0] / count, spent[1] / count))
        report[title] = {
            name: {
                "per_second": statistics.median(rate for rate, _, _ in rounds),
                "web_cpu_us": statistics.median(web_cpu for _, web_cpu, _ in rounds) * 1e6,
                "database_cpu_us": statistics.median(data for _, _, data in rounds) * 1e6,
            }
            for name, rounds in seen.items()
        }
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM customers_inboundrequest WHERE source_id IN "
                       "(SELECT id FROM customers_source WHERE name = %s)", [NAME])  # fmt: skip
        (report["stored"],) = cursor.fetchone()
    report["answered"] = answered
    return report


def _read_all() -> dict[str, Any] | None:
    """What follows later, out of the request: reading what was stored into the shop's tables."""
    try:
        from customers.intake import reading
    except ImportError:
        return None
    from core import clock
    from customers.models import InboundRequest

    started = time.perf_counter()
    while reading.read_due(now=clock.now()):
        pass
    seconds = time.perf_counter() - started
    done = InboundRequest.objects.filter(source__name=NAME)
    items = sum(done.values_list("items", flat=True))
    accepted = sum(done.values_list("accepted", flat=True))
    return {
        "requests": done.count(), "items": items, "accepted": accepted, "seconds": seconds,
        "items_per_second": items / seconds,
    }  # fmt: skip


# ---------------------------------------------------------------- messages
NAME = "benchmark"


def _segment(number: int) -> bytes:
    return json.dumps(_event(number)).encode()


def _event(number: int) -> dict[str, Any]:
    return {
        "type": "track", "messageId": f"message-{os.getpid()}-{number}", "userId": f"user-{number % 5000}",
        "event": "Product Viewed", "timestamp": "2026-06-01T12:00:00.000Z",
        "properties": {"product_id": f"p{number % 300}", "price": 12.5, "currency": "EUR"},
    }  # fmt: skip


def _batch(number: int, size: int) -> bytes:
    events = [_event(number * 10_000 + place) for place in range(size)]
    return json.dumps({"batch": events, "sentAt": "2026-06-01T12:00:01.000Z"}).encode()


def _as_row(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "message_id": event["messageId"], "user_id": event["userId"], "event": event["event"],
        "happened_at": event["timestamp"], "properties": event["properties"],
    }  # fmt: skip


def _row(number: int) -> bytes:
    return json.dumps(_as_row(_event(number))).encode()


def _rows(number: int, size: int) -> bytes:
    return json.dumps([_as_row(_event(number * 10_000 + place)) for place in range(size)]).encode()


# ---------------------------------------------------------------- servers
def _private_servers() -> None:
    """A database and a broker of the benchmark's own, as a user's disk makes them: fsync is on."""
    home = Path(os.environ.get("COTERIE_HOME", ".coterie")).resolve() / "benchmark"
    os.environ["COTERIE_HOME"] = str(home)
    os.environ.pop("DATABASE_URL", None)
    os.environ.pop("REDIS_URL", None)
    # the throttle is on, and does not bite
    os.environ["COTERIE_RECEIVE_PER_MINUTE"] = "60000000"
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.receive_reference.settings"
    from config import embedded

    embedded.ensure()
    import django

    django.setup()


def _prepare() -> str:
    """Empty tables, and the key of a fresh source."""
    from django.core.management import call_command
    from django.db import connection

    from benchmarks.receive_reference.models import ReferenceEvent
    from core import clock
    from customers.enums import SourceKind
    from customers.intake import keys

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS receive_reference_copied")
        cursor.execute("DROP TABLE IF EXISTS receive_reference_referenceevent")
        cursor.execute("TRUNCATE customers_source CASCADE")
        cursor.execute(
            "CREATE TABLE receive_reference_copied (id bigserial PRIMARY KEY, message_id text,"
            " user_id text, event text, happened_at timestamptz, properties jsonb)"
        )
    with connection.schema_editor() as editor:
        editor.create_model(ReferenceEvent)
    opened = keys.open_source(kind=SourceKind.SEGMENT, name=NAME, now=clock.now())
    return str(opened.write_key)


@contextmanager
def _server(options: argparse.Namespace) -> Iterator[tuple[int, int]]:
    from config.processes import web_arguments

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = web_arguments(
        host="127.0.0.1", port=port, application="benchmarks.receive_reference.wsgi:application"
    )
    for option, value in (("--workers", options.workers), ("--blocking-threads", options.threads)):
        if value:
            command[command.index(option) + 1] = str(value)
    with subprocess.Popen([sys.executable, *command], cwd=ROOT) as process:  # noqa: S603 - our own command
        try:
            _wait(port)
            yield port, process.pid
        finally:
            process.terminate()


def _wait(port: int, *, path: str = "/noop") -> None:
    data = b"{}" if path == "/noop" else None
    for _ in range(300):
        try:
            message = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data)
            urllib.request.urlopen(message, timeout=5).read()  # noqa: S310
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start")


def _postmaster() -> int:
    file = Path(os.environ["COTERIE_HOME"]) / "postgresql" / "postmaster.pid"
    return int(file.read_text().splitlines()[0])


def _cpu(root: int) -> float:
    """CPU seconds of a process and its living children (Linux)."""
    total = 0.0
    ticks = os.sysconf("SC_CLK_TCK")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(folder.name) == root or int(fields[1]) == root:
            total += (int(fields[11]) + int(fields[12])) / ticks
    return total


# ---------------------------------------------------------------- the table
def _show(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    screen = Console()
    for title, floor, unit in (
        ("single", "no-op view", 1),
        ("batch", "decode + COPY", report["size"]),
    ):
        rows = report[title]
        ours = rows["ours"]["per_second"]
        head = "one event a request" if title == "single" else f"{unit:,} events a request"
        table = Table(title=f"{head}, {report['connections'] if unit == 1 else 8} connections")
        for column in (
            "endpoint",
            "events/s",
            "web CPU µs/event",
            "database CPU µs/event",
            "ours is",
        ):
            table.add_column(column, justify="left" if column == "endpoint" else "right")
        for name, row in rows.items():
            table.add_row(
                name, f"{row['per_second'] * unit:,.0f}", f"{row['web_cpu_us'] / unit:,.1f}",
                f"{row['database_cpu_us'] / unit:,.1f}",
                "" if name == "ours" else f"{ours / row['per_second']:.2f} times",
            )  # fmt: skip
        screen.print(table)
        goal = (0.6, 5) if title == "single" else (0.8, 20)
        of_floor, of_drf = ours / rows[floor]["per_second"], ours / rows["DRF"]["per_second"]
        screen.print(
            f"goals: at least {goal[0]} of {floor}: {'met' if of_floor >= goal[0] else 'MISSED'};"
            f" at least {goal[1]} times DRF: {'met' if of_drf >= goal[1] else 'MISSED'}"
        )
    screen.print(
        f"answered 200 by ours: {report['answered']:,}; rows in the table: {report['stored']:,}."
        f" fsync {report['fsync']}, synchronous_commit {report['synchronous_commit']},"
        f" load average at the start {report['load_average']:.1f}"
    )
    screen.print(
        "Ours stores one durable row a request and answers; taking it apart happens afterwards:"
    )
    reading = report["reading"]
    if reading is None:
        screen.print("  (this version cannot read what was stored)")
        return
    screen.print(
        f"  reading {reading['items']:,} events into the shop's tables: {reading['seconds']:.1f} s,"
        f" {reading['items_per_second']:,.0f} events/s ({reading['accepted']:,} accepted)"
    )


if __name__ == "__main__":
    raise SystemExit(main())
