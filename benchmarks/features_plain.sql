-- As an analyst would write it in an afternoon: lag, mode, count(DISTINCT), one pass a theme.
WITH known_orders AS (
    SELECT *, lag(placed_at) OVER (PARTITION BY customer_id ORDER BY placed_at) AS previous_at
    FROM orders WHERE placed_at < $as_of AND arrived_at < $as_of
), of_orders AS (
    SELECT customer_id, count(*) AS orders, ($as_of - max(placed_at)) / 86400.0 AS recency_days,
        ($as_of - min(placed_at)) / 86400.0 AS tenure_days,
        count(*) FILTER (WHERE placed_at >= $as_of - 30 * 86400) AS orders_30d,
        count(*) FILTER (WHERE placed_at >= $as_of - 90 * 86400) AS orders_90d,
        count(*) FILTER (WHERE placed_at >= $as_of - 365 * 86400) AS orders_365d,
        sum(total_cents) AS revenue, sum(margin_cents) AS margin, sum(discount_cents) AS discount,
        sum(total_cents) FILTER (WHERE placed_at >= $as_of - 90 * 86400) AS revenue_90d,
        sum(total_cents) FILTER (WHERE placed_at >= $as_of - 365 * 86400) AS revenue_365d,
        avg(total_cents) AS value_mean, stddev_samp(total_cents) AS value_std,
        min(total_cents) AS value_min, max(total_cents) AS value_max,
        avg(placed_at - previous_at) / 86400.0 AS gap_mean, stddev_samp(placed_at - previous_at) / 86400.0 AS gap_std,
        mode(placed_at // 3600 % 24) AS hour, mode(placed_at // 86400 % 7) AS weekday,
        mode(channel) AS channel, count(DISTINCT channel) AS channels
    FROM known_orders GROUP BY customer_id
), of_lines AS (
    SELECT customer_id, count(*) AS lines, sum(quantity) AS units, count(DISTINCT product_id) AS products,
        count(DISTINCT category) AS categories, mode(category) AS category, avg(unit_price_cents) AS price_mean,
        min(unit_price_cents) AS price_min, max(unit_price_cents) AS price_max, max(quantity) AS units_max
    FROM order_lines WHERE placed_at < $as_of AND arrived_at < $as_of GROUP BY customer_id
), of_refunds AS (
    SELECT customer_id, count(*) AS refunds, sum(amount_cents) AS refunded, max(refunded_at) AS refunded_at
    FROM refunds WHERE refunded_at < $as_of AND arrived_at < $as_of GROUP BY customer_id
), of_events AS (
    SELECT customer_id, count(*) FILTER (WHERE kind = 'SITE_VISIT') AS visits,
        count(*) FILTER (WHERE kind = 'PRODUCT_VIEW') AS views, count(*) FILTER (WHERE kind = 'CART') AS carts,
        max(happened_at) AS seen_at
    FROM events WHERE happened_at < $as_of AND arrived_at < $as_of GROUP BY customer_id
)
SELECT customers.customer_id, ($as_of - joined_at) / 86400.0 AS joined_days, of_orders.* EXCLUDE customer_id,
    of_lines.* EXCLUDE customer_id, of_refunds.* EXCLUDE customer_id, of_events.* EXCLUDE customer_id
FROM customers LEFT JOIN of_orders USING (customer_id) LEFT JOIN of_lines USING (customer_id)
LEFT JOIN of_refunds USING (customer_id) LEFT JOIN of_events USING (customer_id)
WHERE joined_at < $as_of AND arrived_at < $as_of ORDER BY customers.customer_id
