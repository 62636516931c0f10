"""What a server's client says, landed as the door lands it; and the account of a request."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from customers.models import InboundRequest, Source
from tests.factories.customers import NOW


def said(type_: str = "track", event: str = "", **parts: Any) -> dict[str, Any]:
    """A call as a server's client makes it; `parts` replace its fields, None takes one out."""
    call = {
        "type": type_,
        "userId": "u1",
        "messageId": f"m-{type_}-{event}-{json.dumps(parts, sort_keys=True, default=str)}"[:150],
        "timestamp": (NOW - timedelta(minutes=5)).isoformat(),
        **({"event": event} if event else {}),
        **parts,
    }
    return {name: value for name, value in call.items() if value is not None}


def completed(order_id: str = "o1", *, total: Any = "24.00", **parts: Any) -> dict[str, Any]:
    tea = {"product_id": "p1", "name": "Tea", "price": "10.00", "quantity": 2}
    milk = {"product_id": "p2", "name": "Milk", "price": 4, "quantity": "1"}
    properties = {
        "order_id": order_id, "total": total, "currency": "EUR", "products": [tea, milk],
        **parts.pop("properties", {}),
    }  # fmt: skip
    return said(event="Order Completed", properties=properties, **parts)


def at(minutes: float) -> str:
    return (NOW - timedelta(minutes=minutes)).isoformat()


def land(source: Source, *items: Any, topic: str = "batch", **fields: Any) -> InboundRequest:
    body = {"batch": list(items), "sentAt": NOW.isoformat()} if topic == "batch" else items[0]
    raw = fields.pop("body", None) or json.dumps(body).encode()
    return InboundRequest.objects.create(
        source=source, topic=topic, received_at=fields.pop("received_at", NOW), body=raw, **fields
    )


def accounts(request: InboundRequest) -> tuple[str, int, int, int, int]:
    request.refresh_from_db()
    waiting = len(request.waiting)
    assert request.items == request.accepted + request.duplicates + request.rejected + waiting
    assert request.rejected == request.rejected_rows.filter(replayed_at=None).count()
    return request.status, request.items, request.accepted, request.duplicates, request.rejected
