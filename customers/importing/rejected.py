"""What an import refused, as a file that a shop can correct and bring again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from customers.models import Import, RejectedRow


_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
HEADER = ("line", "table", "reason", "row")


def rejected_csv(row: Import) -> Iterator[str]:
    """The lines of a CSV file, in constant memory."""
    yield _line(HEADER)
    refused = RejectedRow.objects.filter(source_import=row).order_by("line_number", "pk")
    for entry in refused.iterator(chunk_size=2000):
        number = "" if entry.line_number is None else str(entry.line_number)
        yield _line((number, entry.entity, entry.reason, entry.raw))


def harmless(text: str) -> str:
    """A spreadsheet would take a cell that begins like this for a formula."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def _line(cells: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(map(harmless, cells))
    return out.getvalue()
