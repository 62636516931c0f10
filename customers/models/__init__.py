"""Tables of shop data, by what they are about."""

from customers.models.identity import Alias, Merge, VisitorEvent, VisitorRow
from customers.models.imports import Cursor, Import, ImportChange, RejectedRow, SavedMapping
from customers.models.shop import Customer, Event, Order, OrderLine, Product, Refund, Review
from customers.models.sources import InboundRequest, Source, SourceKey


__all__ = [
    "Alias",
    "Cursor",
    "Customer",
    "Event",
    "Import",
    "ImportChange",
    "InboundRequest",
    "Merge",
    "Order",
    "OrderLine",
    "Product",
    "Refund",
    "RejectedRow",
    "Review",
    "SavedMapping",
    "Source",
    "SourceKey",
    "VisitorEvent",
    "VisitorRow",
]
