"""segment-analytics-python as a shop uses it: arguments are host, key, prefix of the ids, and perhaps gzip."""

import sys

from segment.analytics.client import Client


host, key, prefix, *packing = sys.argv[1:]
failures: list[Exception] = []
client = Client(
    key, host=host, gzip="gzip" in packing, on_error=lambda error, items: failures.append(error)
)
user, visitor = f"{prefix}-user", f"{prefix}-visitor"
client.track(anonymous_id=visitor, event="Product Added", properties={"product_id": "p1"})
client.alias(visitor, user)
client.identify(user, {"email": f"{prefix}@example.com", "firstName": "Ada", "tier": 2})
client.page(user, name="Home", properties={"url": "https://shop.example/"})
client.screen(user, name="Main")
for _ in range(2):
    client.track(user, "Product Viewed", {"product_id": "p1"}, message_id=f"{prefix}-said-twice")
tea = {"product_id": "p1", "name": "Tea", "price": 10, "quantity": 3}
client.track(
    user,
    "Order Completed",
    {"order_id": f"{prefix}-1", "total": 30, "currency": "EUR", "products": [tea]},
)
for level in range(250):
    client.track(user, "Level Reached", {"level": level})
client.shutdown()
sys.exit(1 if failures else 0)
