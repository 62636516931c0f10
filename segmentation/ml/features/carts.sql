-- Carts left behind. A day with a cart and no order on it or the day after counts once, and only when
-- that next day is over.
WITH bought AS (
    SELECT customer_id, placed_at // 86400 AS day
    FROM known_orders
    WHERE placed_at >= $as_of - 92 * 86400
    GROUP BY customer_id, placed_at // 86400
),

last_bought AS (
    SELECT customer_id, max(placed_at) AS bought_at
    FROM known_orders
    GROUP BY customer_id
),

cart_days AS (
    SELECT customer_id, happened_at // 86400 AS day, max(happened_at) AS carted_at
    FROM known_events
    WHERE kind IN ('CART', 'CHECKOUT')
    GROUP BY customer_id, happened_at // 86400
),

summed AS (
    SELECT
        cart_days.customer_id,
        max(carted_at) AS carted_at,
        count(*) FILTER (
            WHERE cart_days.day >= ($as_of - 90 * 86400) // 86400
                AND cart_days.day + 2 <= $as_of // 86400
                AND same_day.day IS NULL
                AND next_day.day IS NULL
        ) AS carts_left_90d
    FROM cart_days
    LEFT JOIN bought AS same_day
        ON same_day.customer_id = cart_days.customer_id AND same_day.day = cart_days.day
    LEFT JOIN bought AS next_day
        ON next_day.customer_id = cart_days.customer_id AND next_day.day = cart_days.day + 1
    GROUP BY cart_days.customer_id
)

SELECT
    summed.customer_id,
    carts_left_90d,
    CASE
        WHEN bought_at IS NULL OR bought_at < carted_at THEN ($as_of - carted_at) / 86400.0
    END AS cart_open_days
FROM summed
LEFT JOIN last_bought ON last_bought.customer_id = summed.customer_id
