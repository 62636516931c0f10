"""Any CSV or Parquet file of order lines, with a mapping from its columns to ours.

A mapping is a JSON object; docs/reference/import-layouts.md explains it:
{"columns": {"order": "Order no", "product": "SKU", ...}, "currency": "EUR",
 "date_format": "%d.%m.%Y", "decimal": ","}
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from customers.currencies import CURRENCIES
from customers.enums import SourceKind
from customers.sources import order_lines
from customers.sources.base import SourceError
from customers.sources.layouts import Field, FileLayout, Translation, share_of
from customers.sources.order_fields import FIELDS, REQUIRED, OrderLayout


_KEYS = ("columns", "currency", "date_format", "decimal")
_FORM = (
    'A mapping is a JSON object such as {"columns": {"order": "Order no", "product": "SKU",'
    ' "quantity": "Qty", "date": "Date", "price": "Price"}, "currency": "EUR"}.'
)


def load_mapping(path: Path) -> Mapping[str, Any]:
    """Read a mapping file, of whatever layout: which fields it may name is the layout's to say. Raises SourceError."""
    try:
        mapping = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"The mapping {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SourceError(f"The mapping {path.name} is not JSON: {error}.") from error
    if not isinstance(mapping, dict) or not isinstance(mapping.get("columns"), dict):
        raise SourceError(_FORM)
    return mapping


def check_mapping(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """The mapping itself if its form is right; raises SourceError otherwise."""
    columns = mapping.get("columns") if isinstance(mapping, dict) else None
    if not isinstance(columns, dict) or not all(isinstance(v, str) for v in columns.values()):
        raise SourceError(_FORM)
    strange = [key for key in mapping if key not in _KEYS]
    strange_fields = [field for field in columns if field not in FIELDS]
    if strange or strange_fields:
        known = ", ".join(FIELDS if strange_fields else _KEYS)
        raise SourceError(
            f"The mapping has an unknown key {(strange_fields or strange)[0]!r}; known: {known}."
        )
    currency = mapping.get("currency", "EUR")
    if not isinstance(currency, str) or currency.upper() not in CURRENCIES:
        raise SourceError(
            f"The mapping's currency {currency!r} is not a code of ISO 4217 such as EUR."
        )
    if mapping.get("decimal", ".") not in {".", ","}:
        raise SourceError('The mapping\'s decimal must be "." or ",".')
    if not isinstance(mapping.get("date_format", ""), str):
        raise SourceError('The mapping\'s date_format must be text such as "%d.%m.%Y %H:%M".')
    return mapping


def orders(names: Sequence[str], mapping: Mapping[str, Any] | None) -> OrderLayout:
    """How to read a file with these columns; raises SourceError."""
    known = {name.strip().lower(): name for name in names}
    given = {} if mapping is None else check_mapping(mapping)
    wanted = given.get("columns") or {field: field for field in FIELDS if field in known}
    absent = [column for column in wanted.values() if column.strip().lower() not in known]
    if absent:
        raise SourceError(
            f"The mapping names a column {absent[0]!r} that the file does not have"
            f" (it has: {', '.join(names)})."
        )
    missing = [field for field in REQUIRED if field not in wanted]
    if missing:
        raise SourceError(
            f"Nothing says which column of the file is {' or '.join(repr(m) for m in missing)} (it has:"
            f" {', '.join(names)}). Name it in a mapping: --mapping FILE with"
            f' {{"columns": {{"{missing[0]}": "..."}}}}.'
        )
    return OrderLayout(
        columns={field: known[column.strip().lower()] for field, column in wanted.items()},
        currency=str(given.get("currency", "EUR")).upper(),
        date_format=given.get("date_format", ""),
        decimal=given.get("decimal", "."),
        notes=("Dates without a zone are taken as UTC.",),
    )


def reads(names: Sequence[str], settings: Mapping[str, Any]) -> Collection[str]:
    return orders(names, settings.get("mapping")).columns.values()


def fits(names: Sequence[str]) -> float:
    """Never quite: a layout made for a file comes before one that takes any."""
    return 0.9 * share_of(REQUIRED, names)


def translate(
    db: duckdb.DuckDBPyConnection,
    *,
    columns: Sequence[str],
    settings: Mapping[str, Any],
    now: datetime,
) -> Translation:
    found = orders(columns, settings.get("mapping"))
    return order_lines.translate(db, found, columns=columns, now=now)


LAYOUT = FileLayout(
    title="Order lines with a mapping",
    kind=SourceKind.CSV,
    fits=fits,
    reads=reads,
    translate=translate,
    fields=tuple(Field(name=name, required=name in REQUIRED) for name in FIELDS),
)
