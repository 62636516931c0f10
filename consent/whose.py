"""Naming a person on a command line without leaving their address in its history."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.management import CommandError

from consent.desk.people import of_numbers
from core import ids
from customers.models import Customer, Source


@dataclass(frozen=True, kw_only=True)
class Whose:
    """At least one of the first and the last is given."""

    customer: Customer | None = None
    source: Source | None = None
    address_hmac: str = ""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--customer", type=int, metavar="ID", help="Coterie's number of the customer"
    )
    parser.add_argument("--source", metavar="NAME", help="the source that --external-id is of")
    parser.add_argument("--external-id", metavar="X", help="the shop's number of the customer")
    parser.add_argument(
        "--email",
        choices=["-"],
        help="read the address from standard input, where no history keeps it",
    )


def of_options(options: Mapping[str, Any]) -> Whose:
    """Raises CommandError (exit code 2) when nobody, or more than one way, is named."""
    by_number = options["source"] is not None or options["external_id"] is not None
    ways = [options["customer"] is not None, by_number, options["email"] is not None]
    if sum(ways) != 1:
        raise _no("Say who: --customer ID, or --source NAME --external-id X, or --email -")
    if options["email"]:
        address = sys.stdin.readline().strip()
        if "@" not in address:
            raise _no("Standard input has no e-mail address on its first line.")
        return Whose(address_hmac=ids.address_hmac(address, pepper=settings.SUPPRESSION_PEPPER))
    if options["customer"] is not None:
        customer = Customer.objects.filter(pk=options["customer"]).first()
        if customer is None:
            raise _no(f"There is no customer {options['customer']}.")
        return Whose(customer=customer)
    return _by_number(options["source"], options["external_id"])


def _by_number(name: str | None, number: str | None) -> Whose:
    if not name or not number:
        raise _no("--source and --external-id belong together.")
    source = Source.objects.filter(name=name).first()
    if source is None:
        raise _no(f"There is no source named {name!r}.")
    keys = of_numbers(source, [number])
    if not keys:
        raise _no(f"{name} has no customer of this number.")
    return Whose(customer=Customer.objects.get(pk=keys[0]), source=source)


def _no(message: str) -> CommandError:
    return CommandError(message, returncode=2)
