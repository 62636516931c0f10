"""How a refused line is handed on."""

from __future__ import annotations

import pyarrow as pa


REFUSED = pa.schema([("line_number", pa.int64()), ("reason", pa.string()), ("raw", pa.string())])
