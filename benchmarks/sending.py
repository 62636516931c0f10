"""How fast does a whole campaign leave with one worker? Beside smtp-source, same sink, same run.

    python -m benchmarks.sending
    python -m benchmarks.sending --recipients 20000 --dkim

Claim, gate, intent, rendering, MIME, hand-over, journal and the durable outcome, on a private database whose
fsync is on. Wants Debian's `postfix` for smtp-source and smtp-sink, as benchmarks.transport does.
"""

# ruff: noqa: PLC0415 - nothing of Django can be imported before the private servers run
from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from pathlib import Path


sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import transport


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--recipients", type=int, default=5_000, help="a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dkim", action="store_true", help="sign with RSA, 2048 bits")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    _private_servers(dkim=options.dkim)
    rounds: list[tuple[float, float, float]] = []
    with transport.sink() as (port, name):
        campaign(
            port, recipients=100
        )  # what is imported at the first message is not a message's cost
        for _ in range(options.rounds):
            rate, cpu, size = campaign(port, recipients=options.recipients)
            rounds.append((rate, cpu, _reference(port, size=size, messages=options.recipients)))
    report = {
        "messages_per_second": statistics.median(rate for rate, _, _ in rounds),
        "cpu_us_per_message": statistics.median(cpu for _, cpu, _ in rounds),
        "smtp_source_per_second": statistics.median(other for _, _, other in rounds),
        "ratio": statistics.median(rate / other for rate, _, other in rounds if other),
    }
    if options.json:
        print(json.dumps({"sink": name, "load": os.getloadavg()[0], **report}))
    else:
        print(
            f"{options.recipients:,} recipients to {name}, median of {options.rounds} rounds, load "
            f"{os.getloadavg()[0]:.1f}: {report['messages_per_second']:,.0f}/s with one worker, "
            f"{report['cpu_us_per_message']:.0f} us of its CPU a message; smtp-source -d "
            f"{report['smtp_source_per_second']:,.0f}/s; ratio {report['ratio']:.2f}"
        )
    return 0


def campaign(port: int, *, recipients: int) -> tuple[float, float, int]:
    """(messages a second, microseconds of CPU a message, bytes of a message) of one campaign."""
    from django.conf import settings

    from campaigns import audience, dispatch, lifecycle, rendering
    from campaigns.models import Delivery
    from core import clock
    from tests.factories.campaigns import CampaignFactory, segment_in_bulk
    from tests.factories.customers import SourceFactory
    from tests.factories.segmentation import SegmentFactory

    url = f"smtp://127.0.0.1:{port}"
    settings.SMTP_URL = url
    for factory in (SegmentFactory, SourceFactory, CampaignFactory):
        factory.reset_sequence(
            time.time_ns(), force=True
        )  # what an earlier run made is still there
    made = CampaignFactory(
        name=f"Benchmark {time.time()}", segment=segment_in_bulk(recipients), holdout_share=0.0
    )
    lifecycle.launch(made, now=clock.now())
    audience.freeze(made, now=clock.now())
    before, start = transport.cpu(), time.perf_counter()
    done = dispatch.run(
        now=clock.Ticking().now, seconds=3600, channel_url=url, journals=settings.HOME / "journals"
    )
    seconds, cpu = time.perf_counter() - start, transport.cpu() - before
    assert done == recipients == Delivery.objects.filter(campaign=made, state="SENT").count()  # noqa: S101 - else there is nothing to tell
    somebody = Delivery.objects.filter(campaign=made).select_related("customer").earliest("pk")
    size = len(rendering.preview(made, somebody.customer, now=clock.now()).as_bytes())
    return recipients / seconds, cpu / recipients * 1e6, size


def _reference(port: int, *, size: int, messages: int) -> float:
    source = shutil.which("smtp-source", path=transport.PLACES)
    if not source:
        return 0.0
    asked = argparse.Namespace(sessions=1, messages=messages, bytes=size)
    return transport.measured(lambda at, how: transport.smtp_source(source, at, how), port, asked)[
        0
    ]


def _private_servers(*, dkim: bool) -> None:
    home = Path(os.environ.get("COTERIE_HOME", ".coterie")).resolve() / "benchmark"
    os.environ["COTERIE_HOME"] = str(home)
    os.environ["COTERIE_LOG_LEVEL"] = "WARNING"
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    if dkim:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        os.environ["COTERIE_DKIM_KEY"] = (
            rsa.generate_private_key(public_exponent=65537, key_size=2048)
            .private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            .decode()
        )
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    from config import embedded

    embedded.ensure()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


if __name__ == "__main__":
    sys.exit(main())
