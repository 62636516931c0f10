-- Point in time, once for every theme: a row exists only if it had happened and had reached us before
-- $as_of. The themes read these names and never the mirror's own tables.
-- `scope` is the customers asked for (`customer_filter` is all of them, or the dirty ones), so that an
-- incremental run is the same SQL over fewer rows.
scope AS (
    SELECT customer_id, joined_at
    FROM customers
    WHERE joined_at < $as_of AND arrived_at < $as_of AND {customer_filter}
),
known_orders AS (
    SELECT order_id, customer_id, placed_at, total_cents, discount_cents, margin_cents, channel
    FROM orders
    WHERE placed_at < $as_of AND arrived_at < $as_of AND {customer_filter}
),
known_lines AS (
    SELECT order_id, customer_id, product_id, category, quantity, unit_price_cents, placed_at
    FROM order_lines
    WHERE placed_at < $as_of AND arrived_at < $as_of AND {customer_filter}
),
known_refunds AS (
    SELECT customer_id, refunded_at, amount_cents
    FROM refunds
    WHERE refunded_at < $as_of AND arrived_at < $as_of AND {customer_filter}
),
known_events AS (
    SELECT customer_id, kind, happened_at, campaign_id
    FROM events
    WHERE happened_at < $as_of AND arrived_at < $as_of AND {customer_filter}
),
known_reviews AS (
    SELECT customer_id, product_id, written_at, rating, polarity
    FROM reviews
    WHERE written_at < $as_of AND arrived_at < $as_of AND {customer_filter}
)
