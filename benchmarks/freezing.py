"""What does freezing an audience cost? Peak memory and time by the number of recipients, side by side.

    python -m benchmarks.freezing
    python -m benchmarks.freezing --recipients 10000 100000 1000000 --mailed

Each size in a process of its own, on a private database, after a campaign to a hundred has loaded what
every freeze needs. The growth is what the process's peak rises above the peak of that small campaign.
"""

# ruff: noqa: PLC0415 - nothing of Django can be imported before the private servers run
from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path


sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SMALL = 100
Row = dict[str, float]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--recipients", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument(
        "--mailed", action="store_true", help="half of them got another campaign a minute ago"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        _private_servers()
        print(json.dumps(measured(options.one, mailed=options.mailed)))
        return 0
    rows = [_apart(count, mailed=options.mailed) for count in options.recipients]
    if options.json:
        print(json.dumps({"load": os.getloadavg()[0], "rows": rows}))
        return 0
    for row in rows:
        print(_in_words(row))
    least, most = rows[0], rows[-1]
    times, peaks = most["recipients"] / least["recipients"], most["peak_mb"] / least["peak_mb"]
    print(
        f"{times:,.0f} times the recipients: {peaks:.2f} times the peak; load {os.getloadavg()[0]:.1f}"
    )
    return 0


def _in_words(row: Row) -> str:
    return (
        f"{row['recipients']:>9,.0f} recipients: peak {row['peak_mb']:.0f} MB, "
        f"{row['bytes_each']:.0f} bytes a recipient above a campaign to {SMALL}; "
        f"preview {row['preview_seconds']:.1f} s, freeze {row['freeze_seconds']:.1f} s "
        f"({row['cpu_seconds']:.1f} s of this process)"
    )


def measured(recipients: int, *, mailed: bool) -> Row:
    """Preview and freeze one campaign to so many in this process. Bytes above a campaign to SMALL."""
    freeze(SMALL, mailed=mailed)  # what it loads is not forgotten
    before, _ = _peak_of(lambda: freeze(SMALL, mailed=mailed))
    after, row = _peak_of(lambda: freeze(recipients, mailed=mailed))
    return {
        "recipients": recipients, "peak_mb": after / 2**20, **row,
        "bytes_each": (after - before) / recipients,
    }  # fmt: skip


def freeze(recipients: int, *, mailed: bool) -> Row:
    """Seconds of preview and freeze of a new campaign, and of this process's processor for both."""
    from django.conf import settings

    from campaigns import audience, lifecycle
    from campaigns.models import Delivery
    from core import clock
    from tests.factories.campaigns import CampaignFactory, segment_in_bulk
    from tests.factories.customers import SourceFactory
    from tests.factories.segmentation import SegmentFactory

    settings.SMTP_URL = "smtp://127.0.0.1:25"  # named, and never opened
    for factory in (SegmentFactory, SourceFactory, CampaignFactory):
        factory.reset_sequence(time.time_ns(), force=True)
    segment = segment_in_bulk(recipients)
    made = CampaignFactory(
        name=f"Benchmark {time.time()}", segment=segment, min_days_between=7 if mailed else 0
    )
    if mailed:
        _mail_half(CampaignFactory(name=f"Before {time.time()}", segment=segment).pk)
    lifecycle.launch(made, now=clock.now())
    spent = time.process_time()
    previewing = _seconds(lambda: audience.preview(made, now=clock.now()))
    freezing = _seconds(lambda: audience.freeze(made, now=clock.now()))
    assert Delivery.objects.filter(campaign=made).count() == recipients  # noqa: S101 - else there is nothing to tell
    return {
        "preview_seconds": previewing,
        "freeze_seconds": freezing,
        "cpu_seconds": time.process_time() - spent,
    }


def _mail_half(campaign_id: int) -> None:
    """Every second member of the segment got this campaign; the planner has not been told."""
    from django.db import connection

    from core import clock

    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO campaigns_delivery (campaign_id, customer_id, arm, assignment_probability, state,
                   reason, owner, epoch, attempt, accepted_at, message_id, reply)
               SELECT campaign.id, member.customer_id, 'TREATED', 0.9, 'SENT', '', '', 0, 1, %s, '', ''
               FROM campaigns_campaign campaign
               JOIN segmentation_membership member USING (segment_id)
               WHERE campaign.id = %s AND member.customer_id %% 2 = 0""",
            [clock.now() - timedelta(minutes=1), campaign_id],
        )


def _seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def _peak_of(act: Callable[[], Row]) -> tuple[int, Row]:
    """Bytes that this process had in memory at most meanwhile, and what `act` returns."""
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): from here on the peak counts anew
    row = act()
    told = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", told)[0]) * 1024, row


def _apart(recipients: int, *, mailed: bool) -> Row:
    asked = [sys.executable, "-m", "benchmarks.freezing", "--one", str(recipients)]
    done = subprocess.run(  # noqa: S603 - ourselves
        [*asked, *(["--mailed"] if mailed else [])], check=True, stdout=subprocess.PIPE, text=True
    )
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return row


def _private_servers() -> None:
    home = Path(os.environ.get("COTERIE_HOME", ".coterie")).resolve() / "benchmark"
    os.environ["COTERIE_HOME"] = str(home)
    os.environ["COTERIE_LOG_LEVEL"] = "WARNING"
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    from config import embedded

    embedded.ensure()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


if __name__ == "__main__":
    sys.exit(main())
