"""How a refused line is handed on."""

from __future__ import annotations

import pyarrow as pa


KEPT = 2_000
"""Characters that are kept of a refused row."""
REFUSED = pa.schema([("line_number", pa.int64()), ("reason", pa.string()), ("raw", pa.string())])
