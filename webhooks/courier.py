"""Posts a message to an address on the public internet, and to no other."""

from __future__ import annotations

from django.conf import settings

from customers.sources import egress
from webhooks.sending import Answer


def post(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    """A webhooks.sending.Courier."""
    try:
        reply = egress.call(
            "POST",
            url,
            headers=headers,
            body=body,
            allow_private=settings.ALLOW_PRIVATE_TARGETS,
            timeout=15.0,
            wants_body=False,  # the status says it all
        )
    except egress.EgressError as error:
        return Answer(status=None, error=str(error))
    said = "" if reply.status < 300 else f"The receiver answered {reply.status}."
    if 300 <= reply.status < 400:
        said = "The receiver redirects, which is not followed. Use the final address."
    return Answer(status=reply.status, error=said, retry_after=reply.headers.get("retry-after", ""))
