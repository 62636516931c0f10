"""Which pages' scripts may talk to the doors.

A preflight carries no key, so it cannot be answered by source: it allows every origin, without cookies,
and only the request itself is judged. A source that lists `allowed_origins` in its settings takes its
browser keys from those pages alone. One that lists none takes them from any page: such a key stands in
the shop's pages for everybody to read, it opens nothing, and what it may write is bounded by its power;
a list keeps honest pages honest and stops nobody with a shell. A server key gets leave for no page:
there it would be public.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from customers.enums import Power
from customers.intake.holders import KeyHolder
from customers.intake.replies import FOREIGN_ORIGIN, RefusedError, Reply


PREFLIGHT = Reply(
    200,
    b"",
    {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "POST, OPTIONS",
        "Access-Control-Allow-Headers": "authorization, content-type, content-encoding, x-retry-count",
        "Access-Control-Max-Age": "86400",
    },
)
# A page may read why it was refused; there is nothing secret in it.
OPEN = {"Access-Control-Allow-Origin": "*"}


def headers(environ: Mapping[str, Any], holder: KeyHolder) -> Mapping[str, str]:
    """What to add to the answer; raises RefusedError for a browser key on a page not listed."""
    origin = environ.get("HTTP_ORIGIN")
    if not origin:
        return {}
    if holder.power != Power.BROWSER:
        return {}
    if not holder.origins or "*" in holder.origins:
        return OPEN
    if origin.lower() in holder.origins:
        return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    raise RefusedError(FOREIGN_ORIGIN)
