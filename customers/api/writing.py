"""One row at a time through the one way in: the rules and upserts of `ingest`, refusals named by field."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from django.db import connection, transaction

from core import statements
from customers.ingest import Origin, take_in
from customers.models import Source
from customers.quality import REASONS
from customers.reports import Counts
from customers.sources.base import SCHEMAS, ShopBatch
from gateway.errors import Refused


_PATIENCE_SECONDS = 10
_SET = """SELECT set_config('lock_timeout', %(patience)s, true),
                 set_config('plan_cache_mode', 'force_generic_plan', true)"""

# Where a reason is about another field than its entity's first guess
_FIELDS = {
    "missing_id": "external_id", "unknown_customer": "customer", "unknown_order": "order",
    "unknown_product": "product", "missing_product": "product", "unknown_currency": "currency",
    "unknown_status": "status", "unknown_kind": "kind", "bad_rating": "rating",
    "bad_properties": "properties", "bad_quantity": "quantity", "negative_quantity": "quantity",
    "quantity_too_large": "quantity",
}  # fmt: skip
_DATES = {"customers": "joined_at", "orders": "placed_at", "refunds": "refunded_at",
          "reviews": "written_at", "events": "happened_at"}  # fmt: skip


def bring_in(
    *, source: Source, now: datetime, **tables: Sequence[Mapping[str, Any]]
) -> dict[str, Counts]:
    """
    Write rows (entity=rows, columns of the entity's schema; those left out are not known).

    All or nothing. Raises Refused (422) naming the fields that a rule refuses.
    """
    batch = ShopBatch(
        **{
            name: pa.Table.from_pylist(list(rows), schema=SCHEMAS[name])
            for name, rows in tables.items()
        }
    )
    errors: list[dict[str, str]] = []

    def keep_refused(cursor: Any, entity: str, refused: pa.Table) -> None:
        errors.extend(_error(entity, row) for row in refused.to_pylist())

    origin = Origin(source_id=source.pk, keep_refused=keep_refused, arrived_at=now)
    # what is refused rolls back to the savepoint of the write as a whole (gateway.views)
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        # an import may hold the source's turn for long: say so instead of keeping the client waiting
        # and the statements of `few` are the same for every source and row: planning them is most of them
        statements.run(_SET, {"patience": f"{_PATIENCE_SECONDS}s"})
        counts = take_in(cursor, batch, origin=origin, now=now)
        if errors:
            raise Refused(
                422,
                "invalid",
                "Correct the fields named in `errors` and send it again.",
                errors=errors,
            )
    return counts


def _error(entity: str, refused: Mapping[str, Any]) -> dict[str, str]:
    reason = refused["reason"]
    field = _FIELDS.get(reason, "body")
    if reason in {"bad_date", "absurd_date"}:
        field = _DATES.get(entity, "body")
    if entity == "order_lines":
        number = json.loads(refused["raw"])["line_number"]
        field = f"lines.{number - 1}.{field}" if field != "body" else f"lines.{number - 1}"
    return {"field": field, "code": reason, "message": REASONS.get(reason, reason)}


def epoch(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
