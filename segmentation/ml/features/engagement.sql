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
        max(happened_at) FILTER (
            WHERE kind IN ('SITE_VISIT', 'PRODUCT_VIEW', 'CART', 'SEARCH', 'WISHLIST')
        ) AS visited_at,

        count(*) FILTER (WHERE kind = 'DELIVERED') AS mails,
        count(*) FILTER (WHERE kind = 'DELIVERED' AND happened_at >= $as_of - 30 * 86400) AS mails_30d,
        count(*) FILTER (WHERE kind = 'DELIVERED' AND happened_at >= $as_of - 90 * 86400) AS mails_90d,
        max(happened_at) FILTER (WHERE kind = 'DELIVERED') AS mailed_at,
        count(*) FILTER (WHERE kind = 'CLICKED') AS clicks,
        count(*) FILTER (WHERE kind = 'CLICKED' AND happened_at >= $as_of - 30 * 86400) AS clicks_30d,
        count(*) FILTER (WHERE kind = 'CLICKED' AND happened_at >= $as_of - 90 * 86400) AS clicks_90d,
        max(happened_at) FILTER (WHERE kind = 'CLICKED') AS clicked_at,
        count(*) FILTER (WHERE kind IN ('BOUNCED', 'COMPLAINED')) AS mail_problems
    FROM known_events
    GROUP BY customer_id
)

SELECT
    customer_id,
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
    mail_problems
FROM summed
