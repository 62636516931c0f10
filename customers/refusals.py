"""What a file's reader and `ingest` tell each other about single lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa


REFUSED = pa.schema([("line_number", pa.int64()), ("reason", pa.string()), ("raw", pa.string())])


@dataclass(frozen=True, kw_only=True)
class FileLines:
    """
    The account of a file whose every line became one row of the batch, was refused, or said nothing new.

    lines: data lines in the file. refused: schema REFUSED, by the reader. duplicates: lines equal to an
    earlier one. line_numbers: entity to the file's line of each of its rows, for the entities whose rows
    are lines of the file; the other entities (customers, orders ...) are derived from them.
    """

    file_name: str
    lines: int
    duplicates: int = 0
    refused: pa.Table = field(default_factory=REFUSED.empty_table)
    line_numbers: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    value: Mapping[str, float] = field(default_factory=dict)
    """In the currency: file = duplicates + refused + rounded_off + imported (sales less refunds)."""
    notes: tuple[str, ...] = ()
    """Sentences for the report: what was assumed or made up."""
