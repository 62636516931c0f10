"""Pages by key: the order never changes, nothing is counted, and no row is seen twice."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from gateway.errors import invalid
from gateway.fields import Number, StrictSerializer


DEFAULT_LIMIT, MAX_LIMIT = 50, 200


class PageFilters(StrictSerializer):
    """What every list understands; lists with filters of their own inherit from it."""

    limit = Number(
        min_value=1,
        max_value=MAX_LIMIT,
        default=DEFAULT_LIMIT,
        help_text="Rows a page, at most 200.",
    )
    cursor = serializers.CharField(
        max_length=40, required=False, help_text="`next_cursor` of the page before."
    )


def page(
    rows: QuerySet[Any], *, filters: Mapping[str, Any], shape: type[serializers.Serializer[Any]]
) -> dict[str, Any]:
    """
    The rows after the cursor, oldest first, by primary key: {"results": [...], "next_cursor": ...}.

    Raises Refused (422) for a cursor that is not ours.
    """
    limit = filters["limit"]
    if cursor := filters.get("cursor"):
        rows = rows.filter(pk__gt=_read(cursor))
    found = list(rows.order_by("pk")[: limit + 1])
    shown = found[:limit]
    return {
        "results": shape(shown, many=True).data,
        "next_cursor": _make(shown[-1].pk) if len(found) > limit else None,
    }


def _make(key: int) -> str:
    return base64.urlsafe_b64encode(f"after {key}".encode()).decode().rstrip("=")


def _read(cursor: str) -> int:
    try:
        raw = base64.b64decode(
            cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True
        ).decode("ascii")
        word, _, key = raw.partition(" ")
        if word == "after" and key.isdecimal() and len(key) < 19:
            return int(key)
    except (UnicodeError, binascii.Error):
        pass
    raise invalid("cursor", "bad_cursor", "Send `next_cursor` of the page before, unchanged.")
