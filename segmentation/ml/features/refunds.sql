-- What came back.
WITH summed AS (
    SELECT
        customer_id,
        count(*) AS refunds,
        sum(amount_cents) AS refunded,
        sum(amount_cents) FILTER (WHERE refunded_at >= $as_of - 90 * 86400) AS refunded_90d,
        count(*) FILTER (WHERE refunded_at >= $as_of - 365 * 86400) AS refunds_365d,
        sum(amount_cents) FILTER (WHERE refunded_at >= $as_of - 365 * 86400) AS refunded_365d,
        max(refunded_at) AS last_at
    FROM known_refunds
    GROUP BY customer_id
),

bought AS (
    SELECT customer_id, count(*) AS orders, sum(total_cents) AS revenue
    FROM known_orders
    GROUP BY customer_id
)

SELECT
    summed.customer_id,
    refunds,
    refunded AS refunded_cents,
    coalesce(refunded_90d, 0) AS refunded_90d_cents,
    CAST(refunded AS DOUBLE) / nullif(revenue, 0) AS refunded_share,
    ($as_of - last_at) / 86400.0 AS refund_recency_days,
    refunds_365d,
    coalesce(refunded_365d, 0) AS refunded_365d_cents,
    CAST(refunds AS DOUBLE) / orders AS refunds_per_order
FROM summed
LEFT JOIN bought ON bought.customer_id = summed.customer_id
