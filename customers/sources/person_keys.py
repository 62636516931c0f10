"""The number of somebody who is known by their address alone, for SQL over a file."""

from __future__ import annotations

import duckdb
import pyarrow as pa
from django.conf import settings
from duckdb.func import ARROW, SPECIAL

from core import ids
from customers.identity.names import guest_name


def install(db: duckdb.DuckDBPyConnection) -> None:
    """Give the connection `person_key(address)`: as identity names a guest, NULL for NULL."""

    def person_key(addresses: pa.ChunkedArray) -> pa.Array:
        return pa.array(
            [
                guest_name(ids.address_hmac(address, pepper=settings.SUPPRESSION_PEPPER))
                if address
                else None
                for address in addresses.to_pylist()
            ],
            pa.string(),
        )

    try:
        db.create_function(
            "person_key", person_key, ["VARCHAR"], "VARCHAR", type=ARROW, null_handling=SPECIAL
        )
    except duckdb.CatalogException:
        return  # the connection has it already
