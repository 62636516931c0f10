"""Making and changing endpoints: whoever holds the address and the secret gets the news."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from customers.intake import keys
from webhooks import signing
from webhooks.enums import Topic
from webhooks.models import Endpoint, Message, Post


STOPPED_BY_STAFF = "Stopped by staff."
OVERLAP = timedelta(hours=24)
"""How long the old secret signs beside the new one."""


def create(
    *, url: str, topics: Sequence[str], description: str, now: datetime
) -> tuple[Endpoint, str]:
    """A new endpoint and its secret, which is told only here."""
    secret = signing.new_secret()
    endpoint = Endpoint.objects.create(
        url=url,
        topics=sorted(topics),
        description=description,
        sealed_secret=keys.seal(secret),
        created_at=now,
    )
    return endpoint, secret


def rotate(endpoint: Endpoint, *, now: datetime) -> str:
    """Give the endpoint a new secret, which is told only here; the old one signs as well for a day."""
    secret = signing.new_secret()
    endpoint.sealed_old_secret = endpoint.sealed_secret
    endpoint.old_secret_until = now + OVERLAP
    endpoint.sealed_secret = keys.seal(secret)
    endpoint.save(update_fields=["sealed_secret", "sealed_old_secret", "old_secret_until"])
    return secret


def resume(endpoint: Endpoint) -> None:
    """Send again to an endpoint that was stopped; what was published meanwhile is not made up for."""
    endpoint.is_active, endpoint.stopped_because = True, ""
    endpoint.failing_since = endpoint.rests_until = None
    endpoint.save(update_fields=["is_active", "stopped_because", "failing_since", "rests_until"])


@transaction.atomic
def send_test(endpoint: Endpoint, *, now: datetime) -> Post:
    """Put a message that says nothing in the endpoint's queue."""
    message = Message.objects.create(
        message_id=f"msg_{uuid.uuid4().hex}",
        topic=Topic.TEST,
        happened_at=now,
        data={"says": "This is a test. Nothing happened."},
    )
    return Post.objects.create(message=message, endpoint=endpoint, next_try_at=now)
