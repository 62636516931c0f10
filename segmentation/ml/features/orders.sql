-- Recency, frequency, money, rhythm. Sums stay integers until the last step (cents, seconds), so that
-- the result does not depend on the order in which threads add: full and incremental agree to the bit.
-- Squares are 128 bits wide: one order dated 1900 must not stop the run.
WITH ordered AS (
    SELECT
        customer_id,
        placed_at,
        total_cents,
        discount_cents,
        margin_cents,
        lag(placed_at) OVER by_time AS previous_at,
        lead(placed_at) OVER by_time AS next_at
    FROM known_orders
    WINDOW by_time AS (PARTITION BY customer_id ORDER BY placed_at, order_id)
),

summed AS (
    SELECT
        customer_id,
        count(*) AS orders,
        -- Orders of one (UTC) day count once, as in the literature on repeat buying.
        count(*) FILTER (
            WHERE previous_at IS NULL OR placed_at // 86400 > previous_at // 86400
        ) AS order_days,
        min(placed_at) AS first_at,
        max(placed_at) AS last_at,

        count(*) FILTER (WHERE placed_at >= $as_of - 30 * 86400) AS orders_30d,
        count(*) FILTER (WHERE placed_at >= $as_of - 60 * 86400) AS orders_60d,
        count(*) FILTER (WHERE placed_at >= $as_of - 90 * 86400) AS orders_90d,
        count(*) FILTER (WHERE placed_at >= $as_of - 180 * 86400) AS orders_180d,
        count(*) FILTER (WHERE placed_at >= $as_of - 365 * 86400) AS orders_365d,
        count(*) FILTER (WHERE placed_at >= $as_of - 730 * 86400) AS orders_730d,
        -- Of the last twelve times 30 days, those with an order: the first order of each counts.
        count(*) FILTER (
            WHERE placed_at >= $as_of - 360 * 86400
                AND (
                    previous_at IS NULL
                    OR ($as_of - placed_at - 1) // 2592000 < ($as_of - previous_at - 1) // 2592000
                )
        ) AS active_months,
        -- The weeks that are about to come, one year ago.
        count(*) FILTER (
            WHERE placed_at >= $as_of - 365 * 86400 AND placed_at < $as_of - 335 * 86400
        ) AS orders_season_30d,
        count(*) FILTER (
            WHERE placed_at >= $as_of - 365 * 86400 AND placed_at < $as_of - 275 * 86400
        ) AS orders_season_90d,

        sum(total_cents) AS revenue,
        sum(total_cents) FILTER (WHERE placed_at >= $as_of - 30 * 86400) AS revenue_30d,
        sum(total_cents) FILTER (WHERE placed_at >= $as_of - 60 * 86400) AS revenue_60d,
        sum(total_cents) FILTER (WHERE placed_at >= $as_of - 90 * 86400) AS revenue_90d,
        sum(total_cents) FILTER (WHERE placed_at >= $as_of - 180 * 86400) AS revenue_180d,
        sum(total_cents) FILTER (WHERE placed_at >= $as_of - 365 * 86400) AS revenue_365d,
        sum(total_cents) FILTER (WHERE placed_at >= $as_of - 730 * 86400) AS revenue_730d,
        sum(margin_cents) AS margin,
        sum(discount_cents) AS discount,
        count(*) FILTER (WHERE discount_cents > 0) AS discounted_orders,
        count(*) FILTER (WHERE next_at IS NULL AND discount_cents > 0) AS last_discounted,

        sum(CAST(total_cents AS HUGEINT) * total_cents) AS revenue_squared,
        min(total_cents) AS value_min,
        max(total_cents) AS value_max,
        sum(total_cents) FILTER (WHERE previous_at IS NULL) AS value_first,
        sum(total_cents) FILTER (WHERE next_at IS NULL) AS value_last,

        sum(CAST(placed_at - previous_at AS HUGEINT) * (placed_at - previous_at)) AS gap_squared,
        max(placed_at - previous_at) AS gap_max,
        sum(placed_at - previous_at) FILTER (WHERE next_at IS NULL) AS gap_last
    FROM ordered
    GROUP BY customer_id
),

refunded AS (
    SELECT
        customer_id,
        sum(amount_cents) AS refunded,
        sum(amount_cents) FILTER (WHERE refunded_at >= $as_of - 365 * 86400) AS refunded_365d
    FROM known_refunds
    GROUP BY customer_id
)

SELECT
    summed.customer_id,
    ($as_of - last_at) / 86400.0 AS recency_days,
    ($as_of - first_at) / 86400.0 AS tenure_days,
    orders,
    order_days,
    orders_30d,
    orders_90d,
    orders_365d,
    2 * orders_90d - orders_180d AS orders_trend_90d,
    orders_season_30d,
    orders_season_90d,
    revenue AS revenue_cents,
    revenue - coalesce(refunded, 0) AS net_revenue_cents,
    coalesce(revenue_30d, 0) AS revenue_30d_cents,
    coalesce(revenue_90d, 0) AS revenue_90d_cents,
    coalesce(revenue_365d, 0) AS revenue_365d_cents,
    2 * coalesce(revenue_90d, 0) - coalesce(revenue_180d, 0) AS revenue_trend_90d_cents,
    margin AS margin_cents,
    CAST(margin AS DOUBLE) / nullif(revenue, 0) AS margin_share,
    CAST(revenue AS DOUBLE) / orders AS order_value_mean_cents,
    -- Sample variance from exact sums: (n * sum(x^2) - sum(x)^2) / (n * (n - 1)); NULL for one order.
    sqrt(CAST(orders * revenue_squared - revenue * revenue AS DOUBLE)
        / nullif(orders * (orders - 1), 0)) AS order_value_std_cents,
    value_min AS order_value_min_cents,
    value_max AS order_value_max_cents,
    value_first AS order_value_first_cents,
    value_last AS order_value_last_cents,
    (last_at - first_at) / 86400.0 / nullif(orders - 1, 0) AS gap_mean_days,
    -- The same formula over the n - 1 gaps, whose sum is last_at - first_at; NULL below three orders.
    sqrt(CAST((orders - 1) * gap_squared
            - CAST(last_at - first_at AS HUGEINT) * (last_at - first_at) AS DOUBLE)
        / nullif((orders - 1) * (orders - 2), 0)) / 86400.0 AS gap_std_days,
    gap_last / 86400.0 AS gap_last_days,
    -- One order short of a new gap: how many usual gaps long the silence is.
    CAST(($as_of - last_at) * (orders - 1) AS DOUBLE)
        / nullif(last_at - first_at, 0) AS recency_to_gap,
    CAST(gap_last * (orders - 1) AS DOUBLE) / nullif(last_at - first_at, 0) AS gap_last_to_gap,
    CAST(discount AS DOUBLE) / nullif(revenue + discount, 0) AS discount_share,
    CAST(discounted_orders AS DOUBLE) / orders AS discounted_orders_share,
    2 * orders_30d - orders_60d AS orders_trend_30d,
    2 * orders_365d - orders_730d AS orders_trend_365d,
    2 * coalesce(revenue_30d, 0) - coalesce(revenue_60d, 0) AS revenue_trend_30d_cents,
    2 * coalesce(revenue_365d, 0) - coalesce(revenue_730d, 0) AS revenue_trend_365d_cents,
    coalesce(revenue_365d, 0) - coalesce(refunded_365d, 0) AS net_revenue_365d_cents,
    CAST(value_last * orders AS DOUBLE) / nullif(revenue, 0) AS order_value_last_to_mean,
    gap_max / 86400.0 AS gap_max_days,
    last_discounted AS last_order_discounted,
    active_months AS active_months_12,
    -- A customer of a week has not ordered 52 times a year: the tenure is at least 90 days.
    order_days * 31556952.0
        / CASE WHEN $as_of - first_at < 7776000 THEN 7776000 ELSE $as_of - first_at END AS order_days_per_year
FROM summed
LEFT JOIN refunded ON refunded.customer_id = summed.customer_id
