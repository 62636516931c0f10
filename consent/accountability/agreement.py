"""
The annex of a processing agreement (Article 28): who processes what for whom, read off the code.

The shop is the controller, whoever runs this installation for it the processor. Companies beside it are
named in the settings; those that the settings imply (a mail provider, a shop's platform) are found.
"""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings

from consent.accountability import register
from consent.accountability.categories import by_category
from consent.desk.personal_data import holders
from customers.exporting import cell
from customers.models import Source


_PLATFORMS = {"SHOPIFY": "Shopify", "WOOCOMMERCE": "WooCommerce", "SEGMENT": "Segment"}


@dataclass(frozen=True, kw_only=True)
class Party:
    """`is_named`: the settings name it, and nobody had to conclude it."""

    name: str
    does: str
    is_named: bool = True


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measure of Article 32; `where` is the page of the documentation that explains it."""

    name: str
    says: str
    where: str


MEASURES = (
    Measure(
        name="Access by role",
        says="Five roles; addresses are masked for who does not need them; large campaigns take two people.",
        where="docs/how-to/who-may-do-what.md",
    ),
    Measure(
        name="Second factor",
        says="A one-time code beside the password, for everybody who wants it and every role that must.",
        where="docs/how-to/log-in-with-a-second-factor.md",
    ),
    Measure(
        name="Record of access",
        says="Every look of staff and programs at personal data, and every file, in a log that cannot be changed.",
        where="docs/how-to/answer-a-breach.md",
    ),
    Measure(
        name="Least privilege",
        says="Database roles for web, sender and trainer; training sees no names and no addresses.",
        where="docs/how-to/limit-the-web-role.md",
    ),
    Measure(
        name="Integrity of consents",
        says="A chained ledger to which acts are only added; a change of it is found and named.",
        where="docs/explanation/consent.md",
    ),
    Measure(
        name="Encryption",
        says="TLS in front of the web server; secrets of shops sealed; disks and backups are for the operator.",
        where="docs/how-to/deploy.md",
    ),
    Measure(
        name="Rights of people",
        says="Copies, corrections and erasures with a proof and a due date; erasures are passed on.",
        where="docs/how-to/answer-a-data-request.md",
    ),
    Measure(
        name="Breaches",
        says="Who is affected by a key, a login, a file or a span of time, and a clock of 72 hours.",
        where="docs/how-to/answer-a-breach.md",
    ),
)


def controller() -> str:
    """The shop, by the address that its messages carry."""
    if settings.POSTAL_ADDRESS == settings.SAMPLE_POSTAL_ADDRESS:
        return "The shop (its address is not set: COTERIE_POSTAL_ADDRESS)"
    return str(settings.POSTAL_ADDRESS)


def _is_this_machine(host: str | None) -> bool:
    """A mail server beside us is ours, and no company; where its mail goes on to only its operator knows."""
    if host is None:
        return False
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def sub_processors() -> list[Party]:
    """Those of COTERIE_SUBPROCESSORS, then those that the settings and the sources speak of."""
    named = [Party(name=name, does=str(does)) for name, does in settings.SUBPROCESSORS.items()]
    found = []
    url = urlsplit(settings.SMTP_URL or "")
    if settings.SMTP_URL and not _is_this_machine(url.hostname):
        is_provider = url.scheme.startswith("anymail+")
        who = (
            url.scheme.removeprefix("anymail+") if is_provider else (url.hostname or "this machine")
        )
        found.append(
            Party(
                name=f"Mail: {who}", does="Sends messages: names, addresses, texts", is_named=False
            )
        )
    kinds = {
        _PLATFORMS[kind]
        for kind in Source.objects.filter(kind__in=_PLATFORMS).values_list("kind", flat=True)
    }
    found += [
        Party(name=f"Shop data: {kind}", does="Holds customers and orders, and sends them here", is_named=False)
        for kind in sorted(kinds)
    ]  # fmt: skip
    return named + found


def unnamed() -> list[Party]:
    """Those that were found and that nobody has named with a company yet: to be added to the settings."""
    said = " ".join([*settings.SUBPROCESSORS, *map(str, settings.SUBPROCESSORS.values())]).lower()
    return [
        one
        for one in sub_processors()
        if not one.is_named and one.name.split(": ", 1)[1].lower() not in said
    ]


def categories() -> list[tuple[str, str]]:
    """Categories of data, and what is held of each."""
    return [(category, ", ".join(tables)) for category, tables in by_category()]


def as_csv() -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["part", "name", "says"])
    writer.writerow(["controller", cell(controller()), "decides on purposes and means"])
    writer.writerow(
        ["processor", "whoever runs this installation", "processes on instruction only"]
    )
    for party in sub_processors():
        writer.writerow(["sub-processor", cell(party.name), cell(party.does)])
    for purpose in register.purposes():
        writer.writerow(["purpose", cell(purpose.purpose), f"{purpose.does} {purpose.basis}."])
    for what, said in categories():
        writer.writerow(["data", cell(what), said])
    for measure in MEASURES:
        writer.writerow(["measure", measure.name, f"{measure.says} See {measure.where}."])
    writer.writerow(
        ["deletion", "at the end", f"{len(list(holders()))} tables: erasure of the source"]
    )
    return out.getvalue()
