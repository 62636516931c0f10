"""The admin's title and side bar."""

from __future__ import annotations

from typing import Any


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Coterie",
    "SITE_HEADER": "Coterie",
}
