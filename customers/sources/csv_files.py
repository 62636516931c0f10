"""Any CSV or Parquet file of order lines, with a mapping from its columns to ours.

A mapping is a JSON object; docs/reference/import-layouts.md explains it:
{"columns": {"order": "Order no", "product": "SKU", ...}, "currency": "EUR",
 "date_format": "%d.%m.%Y", "decimal": ","}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from customers.currencies import CURRENCIES
from customers.refusals import FileLines
from customers.sources import table_files
from customers.sources.base import ShopBatch, SourceError
from customers.sources.demonstration import with_consents
from customers.sources.order_fields import FIELDS, REQUIRED, Layout
from customers.sources.order_lines import translate


_KEYS = ("columns", "currency", "date_format", "decimal")


def read(
    path: Path,
    *,
    now: datetime,
    mapping: Mapping[str, Any] | None = None,
    with_consent: bool = False,
) -> tuple[ShopBatch, FileLines]:
    """
    The file as a batch, and the account of its lines. Raises SourceError.

    Without a mapping the file's columns must have our names (`order`, `product`, `quantity`, ...).
    """
    file = table_files.read(path)
    names = [name for name in file.table.column_names if name != table_files.LINE]
    layout = _layout(names, mapping, path)
    read_file = translate(file, path, layout, now=now)
    return with_consents(*read_file) if with_consent else read_file


def load_mapping(path: Path) -> Mapping[str, Any]:
    """Read a mapping file; raises SourceError."""
    try:
        mapping = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"The mapping {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SourceError(f"The mapping {path.name} is not JSON: {error}.") from error
    return check_mapping(mapping)


def check_mapping(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """The mapping itself if its form is right; raises SourceError otherwise."""
    columns = mapping.get("columns") if isinstance(mapping, dict) else None
    if not isinstance(columns, dict) or not all(isinstance(v, str) for v in columns.values()):
        raise SourceError(
            'A mapping is a JSON object such as {"columns": {"order": "Order no", "product": "SKU",'
            ' "quantity": "Qty", "date": "Date", "price": "Price"}, "currency": "EUR"}.'
        )
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


def _layout(names: list[str], mapping: Mapping[str, Any] | None, path: Path) -> Layout:
    known = {name.strip().lower(): name for name in names}
    given = {} if mapping is None else check_mapping(mapping)
    wanted = given.get("columns") or {field: field for field in FIELDS if field in known}
    absent = [column for column in wanted.values() if column.strip().lower() not in known]
    if absent:
        raise SourceError(
            f"The mapping names a column {absent[0]!r} that {path.name} does not have"
            f" (it has: {', '.join(names)})."
        )
    missing = [field for field in REQUIRED if field not in wanted]
    if missing:
        raise SourceError(
            f"Nothing says which column of {path.name} is {' or '.join(repr(m) for m in missing)} (it has:"
            f" {', '.join(names)}). Name it in a mapping: --mapping FILE with"
            f' {{"columns": {{"{missing[0]}": "..."}}}}.'
        )
    return Layout(
        columns={field: known[column.strip().lower()] for field, column in wanted.items()},
        currency=str(given.get("currency", "EUR")).upper(),
        date_format=given.get("date_format", ""),
        decimal=given.get("decimal", "."),
        notes=("Dates without a zone are taken as UTC.",),
    )
