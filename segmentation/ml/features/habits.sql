-- When and where the customer orders: favourite hour and weekday (UTC), weekends, season, channels.
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

-- 31556952 seconds are a mean year; its first 304 days end with October.
seasons AS (
    SELECT
        customer_id,
        count(*) AS orders,
        count(*) FILTER (
            WHERE (placed_at // 86400 + 3) % 7 < 5 AND placed_at % 86400 >= 28800 AND placed_at % 86400 < 64800
        ) AS in_office_hours,
        count(*) FILTER (WHERE placed_at % 86400 >= 64800) AS in_evenings,
        count(*) FILTER (WHERE placed_at % 31556952 >= 304 * 86400) AS before_christmas,
        count(*) FILTER (
            WHERE 31556952 - ($as_of - placed_at) % 31556952 <= 90 * 86400
        ) AS in_coming_season
    FROM known_orders
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
    favourite_channel_share,
    CAST(in_office_hours AS DOUBLE) / seasons.orders AS office_hours_share,
    CAST(in_evenings AS DOUBLE) / seasons.orders AS evening_share,
    CAST(before_christmas AS DOUBLE) / seasons.orders AS november_december_share,
    CAST(in_coming_season AS DOUBLE) / seasons.orders AS coming_season_share
FROM favourite_hours
INNER JOIN seasons ON seasons.customer_id = favourite_hours.customer_id
INNER JOIN favourite_weekdays ON favourite_weekdays.customer_id = favourite_hours.customer_id
INNER JOIN favourite_channels ON favourite_channels.customer_id = favourite_hours.customer_id
