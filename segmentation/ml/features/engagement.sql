-- What the customer does in the shop and with our mails. Opens are left out on purpose: machines make
-- too many of them.
WITH summed AS (
    SELECT
        customer_id,
        count(*) FILTER (WHERE kind = 'SITE_VISIT' AND happened_at >= $as_of - 30 * 86400) AS visits_30d,
        count(*) FILTER (WHERE kind = 'SITE_VISIT' AND happened_at >= $as_of - 90 * 86400) AS visits_90d,
        count(*) FILTER (WHERE kind = 'PRODUCT_VIEW' AND happened_at >= $as_of - 30 * 86400) AS views_30d,
        count(*) FILTER (WHERE kind = 'PRODUCT_VIEW' AND happened_at >= $as_of - 90 * 86400) AS views_90d,
        count(*) FILTER (WHERE kind = 'CART' AND happened_at >= $as_of - 30 * 86400) AS carts_30d,
        count(*) FILTER (WHERE kind = 'CART' AND happened_at >= $as_of - 90 * 86400) AS carts_90d,
        count(*) FILTER (
            WHERE kind IN ('SEARCH', 'WISHLIST') AND happened_at >= $as_of - 90 * 86400
        ) AS searches_90d,
        count(*) FILTER (WHERE kind = 'SITE_VISIT' AND happened_at >= $as_of - 60 * 86400) AS visits_60d,
        count(*) FILTER (WHERE kind = 'SITE_VISIT' AND happened_at >= $as_of - 365 * 86400) AS visits_365d,
        count(*) FILTER (WHERE kind = 'SEARCH' AND happened_at >= $as_of - 30 * 86400) AS searches_30d,
        count(*) FILTER (WHERE kind = 'WISHLIST') AS wishes,
        count(*) FILTER (WHERE kind = 'WISHLIST' AND happened_at >= $as_of - 90 * 86400) AS wishes_90d,
        count(*) FILTER (WHERE kind = 'CHECKOUT' AND happened_at >= $as_of - 90 * 86400) AS checkouts_90d,
        count(*) FILTER (WHERE kind = 'COUPON' AND happened_at >= $as_of - 365 * 86400) AS coupons_365d,
        max(happened_at) FILTER (
            WHERE kind IN ('SITE_VISIT', 'PRODUCT_VIEW', 'CART', 'SEARCH', 'WISHLIST')
        ) AS visited_at,

        count(*) FILTER (WHERE kind = 'DELIVERED') AS mails,
        count(*) FILTER (WHERE kind = 'DELIVERED' AND happened_at >= $as_of - 30 * 86400) AS mails_30d,
        count(*) FILTER (WHERE kind = 'DELIVERED' AND happened_at >= $as_of - 90 * 86400) AS mails_90d,
        max(happened_at) FILTER (WHERE kind = 'DELIVERED') AS mailed_at,
        count(*) FILTER (WHERE kind = 'DELIVERED' AND happened_at >= $as_of - 365 * 86400) AS mails_365d,
        count(*) FILTER (WHERE kind = 'CLICKED') AS clicks,
        count(*) FILTER (WHERE kind = 'CLICKED' AND happened_at >= $as_of - 365 * 86400) AS clicks_365d,
        count(*) FILTER (WHERE kind = 'CLICKED' AND happened_at >= $as_of - 30 * 86400) AS clicks_30d,
        count(*) FILTER (WHERE kind = 'CLICKED' AND happened_at >= $as_of - 90 * 86400) AS clicks_90d,
        max(happened_at) FILTER (WHERE kind = 'CLICKED') AS clicked_at,
        count(*) FILTER (WHERE kind IN ('BOUNCED', 'COMPLAINED')) AS mail_problems
    FROM known_events
    GROUP BY customer_id
),

-- Mails since the last click, or ever: how long our words have met with silence.
unanswered AS (
    SELECT known_events.customer_id, count(*) AS mails_since_click
    FROM known_events
    INNER JOIN summed ON summed.customer_id = known_events.customer_id
    WHERE kind = 'DELIVERED' AND (clicked_at IS NULL OR happened_at > clicked_at)
    GROUP BY known_events.customer_id
)

SELECT
    summed.customer_id,
    visits_30d,
    visits_90d,
    views_30d,
    views_90d,
    carts_30d,
    carts_90d,
    searches_90d,
    ($as_of - visited_at) / 86400.0 AS visit_recency_days,
    mails,
    mails_30d,
    mails_90d,
    ($as_of - mailed_at) / 86400.0 AS mail_recency_days,
    clicks,
    clicks_30d,
    clicks_90d,
    ($as_of - clicked_at) / 86400.0 AS click_recency_days,
    CAST(clicks AS DOUBLE) / nullif(mails, 0) AS clicks_per_mail,
    mail_problems,
    visits_365d,
    2 * visits_30d - visits_60d AS visits_trend_30d,
    searches_30d,
    wishes,
    wishes_90d,
    checkouts_90d,
    coupons_365d,
    mails_365d,
    clicks_365d,
    CAST(clicks_365d AS DOUBLE) / nullif(mails_365d, 0) AS clicks_per_mail_365d,
    coalesce(mails_since_click, 0) AS mails_since_click
FROM summed
LEFT JOIN unanswered ON unanswered.customer_id = summed.customer_id
