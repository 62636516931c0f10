-- When and where the customer orders: favourite hour and weekday (UTC), weekends, channels.
-- arg_max over a count packed with the value itself: the smaller hour (weekday) wins a tie, always.
WITH hours AS (
    SELECT customer_id, placed_at // 3600 % 24 AS hour, count(*) AS orders
    FROM known_orders
    GROUP BY customer_id, placed_at // 3600 % 24
),

favourite_hours AS (
    SELECT
        customer_id,
        arg_max(hour, orders * 24 - hour) AS favourite_hour,
        CAST(max(orders) AS DOUBLE) / sum(orders) AS favourite_hour_share
    FROM hours
    GROUP BY customer_id
),

-- 1 January 1970 was a Thursday; 0 is Monday.
weekdays AS (
    SELECT customer_id, (placed_at // 86400 + 3) % 7 AS weekday, count(*) AS orders
    FROM known_orders
    GROUP BY customer_id, (placed_at // 86400 + 3) % 7
),

favourite_weekdays AS (
    SELECT
        customer_id,
        arg_max(weekday, orders * 7 - weekday) AS favourite_weekday,
        CAST(sum(orders) FILTER (WHERE weekday >= 5) AS DOUBLE) / sum(orders) AS weekend_share
    FROM weekdays
    GROUP BY customer_id
),

channel_orders AS (
    SELECT customer_id, channel, count(*) AS orders
    FROM known_orders
    GROUP BY customer_id, channel
),

favourite_channels AS (
    SELECT
        customer_id,
        count(*) AS channels,
        CAST(max(orders) AS DOUBLE) / sum(orders) AS favourite_channel_share
    FROM channel_orders
    GROUP BY customer_id
)

SELECT
    favourite_hours.customer_id,
    favourite_hour,
    favourite_hour_share,
    favourite_weekday,
    coalesce(weekend_share, 0) AS weekend_share,
    channels,
    favourite_channel_share
FROM favourite_hours
INNER JOIN favourite_weekdays ON favourite_weekdays.customer_id = favourite_hours.customer_id
INNER JOIN favourite_channels ON favourite_channels.customer_id = favourite_hours.customer_id
