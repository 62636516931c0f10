"""A simulated shop's batches as the columnar mirror that the feature SQL reads, without a database."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from customers.sources.base import ShopBatch


class ShopMirror:
    """Grows by batches, as the product's mirror does; ids become row numbers, every row arrives at once."""

    def __init__(self, history: ShopBatch) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        self._customers = history.customers["external_id"].combine_chunks()
        self._products = history.products
        self._parts: dict[str, list[pa.Table]] = {}
        joined = history.customers["joined_at"]
        count = len(self._customers)
        self.connection.register("customers", pa.table({
            "customer_id": pa.array(np.arange(count)), "joined_at": joined, "arrived_at": joined,
            "country": history.customers["country"],
        }))  # fmt: skip
        self.connection.register("people", pa.table({
            "customer_id": pa.array(np.arange(count)), "email_domain": pa.nulls(count, pa.string()),
            "joined_at": joined, "arrived_at": joined, "traits": pa.nulls(count, pa.string()),
        }))  # fmt: skip
        self.add(history)

    def add(self, batch: ShopBatch) -> None:
        """Append what happened."""
        lines, orders = batch.order_lines, batch.orders
        order_row = pc.index_in(
            lines["order_external_id"], value_set=orders["external_id"].combine_chunks()
        ).to_numpy()
        cost = np.bincount(
            order_row,
            weights=lines["quantity"].to_numpy() * lines["cost_cents"].to_numpy(),
            minlength=orders.num_rows,
        ).astype(np.int64)
        who = self._ids(orders["customer_external_id"])
        placed = orders["placed_at"]
        total = orders["total_cents"].to_numpy()
        number = np.arange(orders.num_rows) + sum(t.num_rows for t in self._parts.get("orders", []))
        self._append("orders", {
            "order_id": number, "customer_id": who, "placed_at": placed, "arrived_at": placed,
            "total_cents": total, "discount_cents": orders["discount_cents"],
            "margin_cents": total - cost, "channel": orders["channel"],
        })  # fmt: skip
        product = pc.index_in(
            lines["product_external_id"], value_set=self._products["external_id"].combine_chunks()
        )
        line_placed = placed.to_numpy()[order_row]
        self._append("order_lines", {
            "order_id": number[order_row], "customer_id": who[order_row], "product_id": product.cast("int64"),
            "category": self._products["category"].take(product), "quantity": lines["quantity"],
            "unit_price_cents": lines["unit_price_cents"], "placed_at": line_placed, "arrived_at": line_placed,
        })  # fmt: skip
        self._append("refunds", {
            "customer_id": self._ids(batch.refunds["customer_external_id"]),
            "refunded_at": batch.refunds["refunded_at"], "arrived_at": batch.refunds["refunded_at"],
            "amount_cents": batch.refunds["amount_cents"],
        })  # fmt: skip
        self._append("reviews", {
            "customer_id": self._ids(batch.reviews["customer_external_id"]),
            "product_id": pc.index_in(
                batch.reviews["product_external_id"],
                value_set=self._products["external_id"].combine_chunks(),
            ).cast("int64"),
            "written_at": batch.reviews["written_at"], "arrived_at": batch.reviews["written_at"],
            "rating": batch.reviews["rating"],
            "polarity": pa.nulls(batch.reviews.num_rows, pa.float64()),
        })  # fmt: skip
        events = batch.events
        self.add_events(
            self._ids(events["customer_external_id"]), events["kind"], events["happened_at"]
        )

    def add_events(self, customer: np.ndarray, kind: pa.ChunkedArray, happened_at: object) -> None:
        """Append events of the ledger."""
        self._append("events", {
            "customer_id": customer, "kind": kind, "happened_at": happened_at, "arrived_at": happened_at,
            "name": pa.repeat("", len(customer)), "properties": pa.repeat("", len(customer)),
            "campaign_id": pa.nulls(len(customer), pa.int64()),
        })  # fmt: skip

    def _append(self, name: str, columns: dict[str, object]) -> None:
        self._parts.setdefault(name, []).append(pa.table(columns))
        self.connection.register(name, pa.concat_tables(self._parts[name]))

    def _ids(self, external_ids: pa.ChunkedArray) -> np.ndarray:
        index = pc.index_in(external_ids, value_set=self._customers)
        return index.to_numpy().astype(np.int64)

    def flags(self, batch: ShopBatch, kind: str | None) -> np.ndarray:
        """Per customer: has an event of this kind in the batch; with None, has an order in it."""
        if kind is None:
            names = batch.orders["customer_external_id"]
        else:
            names = batch.events.filter(pc.equal(batch.events["kind"], kind))[
                "customer_external_id"
            ]
        found = np.zeros(len(self._customers), dtype=bool)
        found[self._ids(names)] = True
        return found

    def first_order_days(self, batch: ShopBatch, *, since: int) -> np.ndarray:
        """Per customer: days from `since` to the first order in the batch; NaN without one."""
        days = np.full(len(self._customers), np.inf)
        after = (batch.orders["placed_at"].to_numpy() - since) / 86_400
        np.minimum.at(days, self._ids(batch.orders["customer_external_id"]), after)
        return np.where(np.isfinite(days), days, np.nan)
