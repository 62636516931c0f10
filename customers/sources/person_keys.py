"""Keyed hashes for SQL over a file: of addresses of people, and of their computers."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

import duckdb
import pyarrow as pa
from django.conf import settings
from duckdb.func import ARROW, SPECIAL

from core import ids
from customers.identity.names import guest_name


def install(db: duckdb.DuckDBPyConnection) -> None:
    """
    Give the connection two functions of texts, NULL for NULL.

    `person_key(address)`: as identity names a guest. `ip_key(ip)`: can recognise an IP address again, and
    cannot be tried out: without a key, four billion tries find every one.
    """
    pepper = settings.SUPPRESSION_PEPPER
    ip_secret = ids.derive_key(pepper, purpose="ip-hash")

    def person_key(address: str) -> str:
        return guest_name(ids.address_hmac(address, pepper=pepper))

    def ip_key(ip: str) -> str:
        return hmac.new(ip_secret, ip.encode(), hashlib.sha256).hexdigest()

    for name, key in (("person_key", person_key), ("ip_key", ip_key)):
        try:
            db.create_function(
                name, _of_columns(key), ["VARCHAR"], "VARCHAR", type=ARROW, null_handling=SPECIAL
            )
        except (duckdb.CatalogException, duckdb.NotImplementedException):
            continue  # the connection has it already


def _of_columns(key: Callable[[str], str]) -> Callable[[pa.ChunkedArray], pa.Array]:
    def of_column(texts: pa.ChunkedArray) -> pa.Array:
        return pa.array([key(text) if text else None for text in texts.to_pylist()], pa.string())

    return of_column
