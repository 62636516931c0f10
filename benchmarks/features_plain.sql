-- The same columns as an analyst would write them in a day or two, knowing DuckDB: every table is read once, floats,
-- avg and stddev, window functions for gaps, mode() for favourites. Checked by benchmarks.features against ours.
WITH known_orders AS (
    SELECT *, lag(placed_at) OVER w AS previous_at, lead(placed_at) OVER w AS next_at
    FROM orders
    WHERE placed_at < $as_of AND arrived_at < $as_of
    WINDOW w AS (PARTITION BY customer_id ORDER BY placed_at, order_id)
), of_orders AS (
    SELECT
        customer_id,
        count(*) AS n,
        count(DISTINCT placed_at // 86400) AS order_days,
        min(placed_at) AS first_at,
        max(placed_at) AS last_at,
        count(*) FILTER (WHERE placed_at >= $as_of - 30 * 86400) AS n30,
        count(*) FILTER (WHERE placed_at >= $as_of - 60 * 86400) AS n60,
        count(*) FILTER (WHERE placed_at >= $as_of - 90 * 86400) AS n90,
        count(*) FILTER (WHERE placed_at >= $as_of - 180 * 86400) AS n180,
        count(*) FILTER (WHERE placed_at >= $as_of - 365 * 86400) AS n365,
        count(*) FILTER (WHERE placed_at >= $as_of - 730 * 86400) AS n730,
        count(DISTINCT CASE WHEN placed_at >= $as_of - 360 * 86400
            THEN ($as_of - placed_at - 1) // 2592000 END) AS active_months,
        count(*) FILTER (WHERE placed_at >= $as_of - 365 * 86400 AND placed_at < $as_of - 335 * 86400) AS season30,
        count(*) FILTER (WHERE placed_at >= $as_of - 365 * 86400 AND placed_at < $as_of - 275 * 86400) AS season90,
        sum(total_cents) AS revenue,
        coalesce(sum(total_cents) FILTER (WHERE placed_at >= $as_of - 30 * 86400), 0) AS r30,
        coalesce(sum(total_cents) FILTER (WHERE placed_at >= $as_of - 60 * 86400), 0) AS r60,
        coalesce(sum(total_cents) FILTER (WHERE placed_at >= $as_of - 90 * 86400), 0) AS r90,
        coalesce(sum(total_cents) FILTER (WHERE placed_at >= $as_of - 180 * 86400), 0) AS r180,
        coalesce(sum(total_cents) FILTER (WHERE placed_at >= $as_of - 365 * 86400), 0) AS r365,
        coalesce(sum(total_cents) FILTER (WHERE placed_at >= $as_of - 730 * 86400), 0) AS r730,
        sum(margin_cents) AS margin,
        sum(discount_cents) AS discount,
        count(*) FILTER (WHERE discount_cents > 0) AS discounted,
        avg(total_cents) AS value_mean,
        stddev_samp(total_cents) AS value_std,
        min(total_cents) AS value_min,
        max(total_cents) AS value_max,
        max(total_cents) FILTER (WHERE previous_at IS NULL) AS value_first,
        max(total_cents) FILTER (WHERE next_at IS NULL) AS value_last,
        max(discount_cents > 0) FILTER (WHERE next_at IS NULL) AS last_discounted,
        avg(placed_at - previous_at) AS gap_mean,
        stddev_samp(placed_at - previous_at) AS gap_std,
        max(placed_at - previous_at) AS gap_max,
        max(placed_at - previous_at) FILTER (WHERE next_at IS NULL) AS gap_last,
        mode(placed_at // 3600 % 24) AS hour,
        mode((placed_at // 86400 + 3) % 7) AS weekday,
        avg(((placed_at // 86400 + 3) % 7 >= 5)::INTEGER) AS weekend_share,
        count(DISTINCT channel) AS channels,
        mode(channel) AS channel,
        avg(((placed_at // 86400 + 3) % 7 < 5 AND placed_at % 86400 >= 28800 AND placed_at % 86400 < 64800)::INTEGER)
            AS office_share,
        avg((placed_at % 86400 >= 64800)::INTEGER) AS evening_share,
        avg((placed_at % 31556952 >= 304 * 86400)::INTEGER) AS christmas_share,
        avg((31556952 - ($as_of - placed_at) % 31556952 <= 90 * 86400)::INTEGER) AS coming_share
    FROM known_orders
    GROUP BY customer_id
), favourites AS (
    SELECT
        customer_id,
        avg((placed_at // 3600 % 24 = hour)::INTEGER) AS hour_share,
        avg((known_orders.channel = of_orders.channel)::INTEGER) AS channel_share
    FROM known_orders JOIN of_orders USING (customer_id)
    GROUP BY customer_id
), products AS (
    SELECT
        customer_id,
        category,
        product_id,
        count(*) AS lines,
        sum(quantity) AS units,
        sum(quantity * unit_price_cents) AS spent,
        min(placed_at) AS first_at,
        max(placed_at) AS last_at,
        CASE WHEN max(placed_at) // 86400 > min(placed_at) // 86400
            THEN (max(placed_at) - min(placed_at)) / (count(*) - 1) END AS gap,
        count(*) FILTER (WHERE quantity >= 12) AS bulk,
        max(quantity) AS units_max,
        min(unit_price_cents) AS price_min,
        max(unit_price_cents) AS price_max
    FROM order_lines
    WHERE placed_at < $as_of AND arrived_at < $as_of
    GROUP BY customer_id, category, product_id
), prices AS (
    SELECT category, sum(quantity * unit_price_cents) / sum(quantity) AS piece
    FROM order_lines
    WHERE greatest(placed_at, arrived_at) // 86400 < $as_of // 86400
    GROUP BY category
), categories AS (
    SELECT
        customer_id,
        category,
        sum(lines) AS lines,
        sum(units) AS units,
        sum(spent) AS spent,
        count(*) AS products,
        max(last_at) AS last_at,
        count(*) FILTER (WHERE last_at >= $as_of - 365 * 86400) AS products_365d,
        count(*) FILTER (WHERE first_at >= $as_of - 365 * 86400) AS new_365d,
        sum(bulk) AS bulk,
        max(units_max) AS units_max,
        min(price_min) AS price_min,
        max(price_max) AS price_max,
        count(gap) AS repeated,
        sum(gap) AS gap,
        count(*) FILTER (WHERE $as_of - last_at BETWEEN gap AND 3 * gap) AS due,
        min(last_at + gap) FILTER (WHERE $as_of - last_at <= 3 * gap) AS due_at
    FROM products
    GROUP BY customer_id, category
), of_lines AS (
    SELECT
        customer_id,
        sum(lines) AS lines,
        sum(units) AS units,
        sum(products) AS products,
        count(*) AS categories,
        max(units_max) AS units_line_max,
        max(lines) / sum(lines) AS top_category_share,
        sum(lines * lines) / sum(lines) ** 2 AS concentration,
        1 - sum(products) / sum(lines) AS repeat_line_share,
        sum(spent) / sum(units) AS price_mean,
        min(price_min) AS price_min,
        max(price_max) AS price_max,
        sum(products_365d) AS products_365d,
        count(*) FILTER (WHERE last_at >= $as_of - 365 * 86400) AS categories_365d,
        sum(new_365d) AS new_365d,
        sum(bulk) / sum(lines) AS bulk_share,
        sum(spent) / sum(units * piece) AS price_tier,
        sum(repeated) AS repeated,
        sum(gap) / nullif(sum(repeated), 0) / 86400 AS repurchase_gap_days,
        sum(due) AS due,
        ($as_of - min(due_at)) / 86400 AS overdue_days
    FROM categories JOIN prices USING (category)
    GROUP BY customer_id
), known_events AS (
    SELECT *, max(happened_at) FILTER (WHERE kind = 'CLICKED') OVER (PARTITION BY customer_id) AS clicked_at
    FROM events
    WHERE happened_at < $as_of AND arrived_at < $as_of
), of_events AS (
    SELECT
        customer_id,
        count(*) FILTER (WHERE kind = 'SITE_VISIT' AND happened_at >= $as_of - 30 * 86400) AS visits_30d,
        count(*) FILTER (WHERE kind = 'SITE_VISIT' AND happened_at >= $as_of - 60 * 86400) AS visits_60d,
        count(*) FILTER (WHERE kind = 'SITE_VISIT' AND happened_at >= $as_of - 90 * 86400) AS visits_90d,
        count(*) FILTER (WHERE kind = 'SITE_VISIT' AND happened_at >= $as_of - 365 * 86400) AS visits_365d,
        count(*) FILTER (WHERE kind = 'PRODUCT_VIEW' AND happened_at >= $as_of - 30 * 86400) AS views_30d,
        count(*) FILTER (WHERE kind = 'PRODUCT_VIEW' AND happened_at >= $as_of - 90 * 86400) AS views_90d,
        count(*) FILTER (WHERE kind = 'CART' AND happened_at >= $as_of - 30 * 86400) AS carts_30d,
        count(*) FILTER (WHERE kind = 'CART' AND happened_at >= $as_of - 90 * 86400) AS carts_90d,
        count(*) FILTER (WHERE kind IN ('SEARCH', 'WISHLIST') AND happened_at >= $as_of - 90 * 86400) AS searches_90d,
        count(*) FILTER (WHERE kind = 'SEARCH' AND happened_at >= $as_of - 30 * 86400) AS searches_30d,
        count(*) FILTER (WHERE kind = 'WISHLIST') AS wishes,
        count(*) FILTER (WHERE kind = 'WISHLIST' AND happened_at >= $as_of - 90 * 86400) AS wishes_90d,
        count(*) FILTER (WHERE kind = 'CHECKOUT' AND happened_at >= $as_of - 90 * 86400) AS checkouts_90d,
        count(*) FILTER (WHERE kind = 'COUPON' AND happened_at >= $as_of - 365 * 86400) AS coupons_365d,
        max(happened_at) FILTER (WHERE kind IN ('SITE_VISIT', 'PRODUCT_VIEW', 'CART', 'SEARCH', 'WISHLIST'))
            AS visited_at,
        count(*) FILTER (WHERE kind = 'DELIVERED') AS mails,
        count(*) FILTER (WHERE kind = 'DELIVERED' AND happened_at >= $as_of - 30 * 86400) AS mails_30d,
        count(*) FILTER (WHERE kind = 'DELIVERED' AND happened_at >= $as_of - 90 * 86400) AS mails_90d,
        count(*) FILTER (WHERE kind = 'DELIVERED' AND happened_at >= $as_of - 365 * 86400) AS mails_365d,
        max(happened_at) FILTER (WHERE kind = 'DELIVERED') AS mailed_at,
        count(*) FILTER (WHERE kind = 'CLICKED') AS clicks,
        count(*) FILTER (WHERE kind = 'CLICKED' AND happened_at >= $as_of - 30 * 86400) AS clicks_30d,
        count(*) FILTER (WHERE kind = 'CLICKED' AND happened_at >= $as_of - 90 * 86400) AS clicks_90d,
        count(*) FILTER (WHERE kind = 'CLICKED' AND happened_at >= $as_of - 365 * 86400) AS clicks_365d,
        any_value(clicked_at) AS clicked_at,
        count(*) FILTER (WHERE kind IN ('BOUNCED', 'COMPLAINED')) AS mail_problems,
        count(*) FILTER (WHERE kind = 'DELIVERED' AND (clicked_at IS NULL OR happened_at > clicked_at))
            AS mails_since_click,
        max(happened_at) FILTER (WHERE kind IN ('CART', 'CHECKOUT')) AS carted_at
    FROM known_events
    GROUP BY customer_id
), of_carts AS (
    SELECT customer_id, count(*) AS carts_left
    FROM (
        SELECT DISTINCT customer_id, happened_at // 86400 AS day
        FROM known_events
        WHERE kind IN ('CART', 'CHECKOUT') AND happened_at // 86400 >= ($as_of - 90 * 86400) // 86400
    ) AS carts
    WHERE day + 2 <= $as_of // 86400 AND NOT EXISTS (
        SELECT 1 FROM known_orders
        WHERE known_orders.customer_id = carts.customer_id AND placed_at // 86400 IN (day, day + 1))
    GROUP BY customer_id
), of_answers AS (
    SELECT
        customer_id,
        count(*) AS surveys,
        count(*) FILTER (WHERE happened_at >= $as_of - 365 * 86400) AS surveys_365d,
        max(happened_at) AS answered_at,
        avg(score) AS score_mean,
        arg_max(score, happened_at) AS score_last
    FROM (
        SELECT customer_id, happened_at, TRY_CAST(properties ->> '$.score' AS BIGINT) AS score
        FROM known_events
        WHERE kind = 'OTHER' AND properties LIKE '{%' AND lower(name) SIMILAR TO '(survey|nps).*'
            AND coalesce(properties ->> '$.purpose', 'PROFILING') = 'PROFILING'
    )
    GROUP BY customer_id
), of_reviews AS (
    SELECT
        customer_id,
        count(*) AS reviews,
        count(*) FILTER (WHERE written_at >= $as_of - 90 * 86400) AS reviews_90d,
        max(written_at) AS reviewed_at,
        avg(rating) AS rating_mean,
        min(rating) AS rating_min,
        arg_max(rating, written_at) AS rating_last,
        avg(polarity) AS polarity_mean,
        arg_max(polarity, written_at) AS polarity_last,
        count(*) FILTER (WHERE rating <= 2 AND written_at >= $as_of - 365 * 86400) AS low_365d,
        min(polarity) AS polarity_min
    FROM reviews
    WHERE written_at < $as_of AND arrived_at < $as_of
    GROUP BY customer_id
), of_refunds AS (
    SELECT
        customer_id,
        count(*) AS refunds,
        sum(amount_cents) AS refunded,
        sum(amount_cents) FILTER (WHERE refunded_at >= $as_of - 90 * 86400) AS refunded_90d,
        count(*) FILTER (WHERE refunded_at >= $as_of - 365 * 86400) AS refunds_365d,
        sum(amount_cents) FILTER (WHERE refunded_at >= $as_of - 365 * 86400) AS refunded_365d,
        max(refunded_at) AS refunded_at
    FROM refunds
    WHERE refunded_at < $as_of AND arrived_at < $as_of
    GROUP BY customer_id
), countries AS (
    SELECT country, count(*) AS here, sum(count(*)) OVER () AS everywhere, max(count(*)) OVER () AS most
    FROM customers
    WHERE greatest(joined_at, arrived_at) // 86400 < $as_of // 86400 AND country <> ''
    GROUP BY country
)
SELECT
    customers.customer_id,
    ($as_of - customers.joined_at) / 86400 AS joined_days,
    sin(2 * pi() * $as_of / (365.2425 * 86400)) AS season_sin,
    cos(2 * pi() * $as_of / (365.2425 * 86400)) AS season_cos,
    here / everywhere AS country_share,
    (here = most)::INTEGER AS home_market,
    ($as_of - last_at) / 86400 AS recency_days,
    ($as_of - first_at) / 86400 AS tenure_days,
    coalesce(n, 0) AS orders,
    coalesce(order_days, 0) AS order_days,
    coalesce(n30, 0) AS orders_30d,
    coalesce(n90, 0) AS orders_90d,
    coalesce(n365, 0) AS orders_365d,
    coalesce(2 * n90 - n180, 0) AS orders_trend_90d,
    coalesce(season30, 0) AS orders_season_30d,
    coalesce(season90, 0) AS orders_season_90d,
    coalesce(revenue, 0) AS revenue_cents,
    coalesce(revenue - coalesce(refunded, 0), 0) AS net_revenue_cents,
    coalesce(r30, 0) AS revenue_30d_cents,
    coalesce(r90, 0) AS revenue_90d_cents,
    coalesce(r365, 0) AS revenue_365d_cents,
    coalesce(2 * r90 - r180, 0) AS revenue_trend_90d_cents,
    coalesce(margin, 0) AS margin_cents,
    margin / revenue AS margin_share,
    value_mean AS order_value_mean_cents,
    value_std AS order_value_std_cents,
    value_min AS order_value_min_cents,
    value_max AS order_value_max_cents,
    value_first AS order_value_first_cents,
    value_last AS order_value_last_cents,
    gap_mean / 86400 AS gap_mean_days,
    gap_std / 86400 AS gap_std_days,
    gap_last / 86400 AS gap_last_days,
    ($as_of - last_at) / gap_mean AS recency_to_gap,
    gap_last / gap_mean AS gap_last_to_gap,
    discount / (revenue + discount) AS discount_share,
    discounted / n AS discounted_orders_share,
    coalesce(2 * n30 - n60, 0) AS orders_trend_30d,
    coalesce(2 * n365 - n730, 0) AS orders_trend_365d,
    coalesce(2 * r30 - r60, 0) AS revenue_trend_30d_cents,
    coalesce(2 * r365 - r730, 0) AS revenue_trend_365d_cents,
    coalesce(r365 - coalesce(refunded_365d, 0), 0) AS net_revenue_365d_cents,
    value_last / value_mean AS order_value_last_to_mean,
    gap_max / 86400 AS gap_max_days,
    last_discounted::INTEGER AS last_order_discounted,
    coalesce(active_months, 0) AS active_months_12,
    order_days * 31556952.0 / greatest(7776000, $as_of - first_at) AS order_days_per_year,
    coalesce(lines, 0) AS lines,
    coalesce(units, 0) AS units,
    coalesce(products, 0) AS products,
    coalesce(categories, 0) AS categories,
    lines / n AS lines_per_order,
    units / n AS units_per_order,
    units / lines AS units_per_line,
    units_line_max,
    top_category_share,
    concentration AS category_concentration,
    repeat_line_share,
    price_mean AS unit_price_mean_cents,
    price_min AS unit_price_min_cents,
    price_max AS unit_price_max_cents,
    coalesce(products_365d, 0) AS products_365d,
    coalesce(categories_365d, 0) AS categories_365d,
    new_365d / nullif(products_365d, 0) AS new_products_share_365d,
    bulk_share AS bulk_lines_share,
    price_tier,
    coalesce(repeated, 0) AS repeated_products,
    repurchase_gap_days,
    coalesce(due, 0) AS due_products,
    overdue_days,
    hour AS favourite_hour,
    hour_share AS favourite_hour_share,
    weekday AS favourite_weekday,
    weekend_share,
    coalesce(channels, 0) AS channels,
    channel_share AS favourite_channel_share,
    office_share AS office_hours_share,
    evening_share,
    christmas_share AS november_december_share,
    coming_share AS coming_season_share,
    coalesce(visits_30d, 0) AS visits_30d,
    coalesce(visits_90d, 0) AS visits_90d,
    coalesce(views_30d, 0) AS views_30d,
    coalesce(views_90d, 0) AS views_90d,
    coalesce(carts_30d, 0) AS carts_30d,
    coalesce(carts_90d, 0) AS carts_90d,
    coalesce(searches_90d, 0) AS searches_90d,
    ($as_of - visited_at) / 86400 AS visit_recency_days,
    coalesce(mails, 0) AS mails,
    coalesce(mails_30d, 0) AS mails_30d,
    coalesce(mails_90d, 0) AS mails_90d,
    ($as_of - mailed_at) / 86400 AS mail_recency_days,
    coalesce(clicks, 0) AS clicks,
    coalesce(clicks_30d, 0) AS clicks_30d,
    coalesce(clicks_90d, 0) AS clicks_90d,
    ($as_of - clicked_at) / 86400 AS click_recency_days,
    clicks / nullif(mails, 0) AS clicks_per_mail,
    coalesce(mail_problems, 0) AS mail_problems,
    coalesce(visits_365d, 0) AS visits_365d,
    coalesce(2 * visits_30d - visits_60d, 0) AS visits_trend_30d,
    coalesce(searches_30d, 0) AS searches_30d,
    coalesce(wishes, 0) AS wishes,
    coalesce(wishes_90d, 0) AS wishes_90d,
    coalesce(checkouts_90d, 0) AS checkouts_90d,
    coalesce(coupons_365d, 0) AS coupons_365d,
    coalesce(mails_365d, 0) AS mails_365d,
    coalesce(clicks_365d, 0) AS clicks_365d,
    clicks_365d / nullif(mails_365d, 0) AS clicks_per_mail_365d,
    coalesce(mails_since_click, 0) AS mails_since_click,
    coalesce(carts_left, 0) AS carts_left_90d,
    CASE WHEN last_at IS NULL OR last_at < carted_at THEN ($as_of - carted_at) / 86400 END AS cart_open_days,
    coalesce(reviews, 0) AS reviews,
    coalesce(reviews_90d, 0) AS reviews_90d,
    ($as_of - reviewed_at) / 86400 AS review_recency_days,
    rating_mean,
    rating_min,
    rating_last,
    polarity_mean,
    polarity_last,
    coalesce(low_365d, 0) AS low_ratings_365d,
    polarity_min,
    coalesce(refunds, 0) AS refunds,
    coalesce(refunded, 0) AS refunded_cents,
    coalesce(refunded_90d, 0) AS refunded_90d_cents,
    refunded / revenue AS refunded_share,
    ($as_of - refunded_at) / 86400 AS refund_recency_days,
    coalesce(refunds_365d, 0) AS refunds_365d,
    coalesce(refunded_365d, 0) AS refunded_365d_cents,
    refunds / n AS refunds_per_order,
    coalesce(surveys, 0) AS surveys,
    coalesce(surveys_365d, 0) AS surveys_365d,
    ($as_of - answered_at) / 86400 AS survey_recency_days,
    score_mean AS survey_score_mean,
    score_last AS survey_score_last,
    (coalesce(traits ->> '$.company', traits ->> '$.company_name', traits ->> '$.companyName',
        traits ->> '$.vat_id', traits ->> '$.vat_number', '') <> '')::INTEGER AS names_company,
    CASE WHEN email_domain <> '' THEN (email_domain NOT IN (
        'gmail.com', 'googlemail.com', 'outlook.com', 'hotmail.com', 'live.com', 'yahoo.com', 'icloud.com', 'gmx.de',
        'web.de', 't-online.de'))::INTEGER END AS own_mail_domain
FROM customers
LEFT JOIN people USING (customer_id)
LEFT JOIN countries ON countries.country = customers.country
LEFT JOIN of_orders USING (customer_id)
LEFT JOIN favourites USING (customer_id)
LEFT JOIN of_lines USING (customer_id)
LEFT JOIN of_events USING (customer_id)
LEFT JOIN of_carts USING (customer_id)
LEFT JOIN of_answers USING (customer_id)
LEFT JOIN of_reviews USING (customer_id)
LEFT JOIN of_refunds USING (customer_id)
WHERE customers.joined_at < $as_of AND customers.arrived_at < $as_of
ORDER BY customers.customer_id
