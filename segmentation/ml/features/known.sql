-- Point in time, once for every theme: a row exists only if it had happened and had reached us before
-- $as_of. The themes read these names and never the mirror's own tables.
-- `scope` is the customers asked for (`customer_filter` is all of them, a range, or the dirty ones), so
-- that a run in parts and an incremental run are the same SQL over fewer rows.
scope AS (
    SELECT customer_id, joined_at, country
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
-- Surveys are custom events by their names; only they have their properties read.
known_answers AS (
    SELECT customer_id, happened_at, properties
    FROM events
    WHERE happened_at < $as_of AND arrived_at < $as_of AND {customer_filter}
        AND kind = 'OTHER'
        AND replace(replace(lower(name), ' ', ''), '_', '') IN (
            'surveyanswered', 'surveycompleted', 'surveysubmitted', 'surveyresponse',
            'npsanswered', 'npssubmitted', 'npsresponse'
        )
),
known_reviews AS (
    SELECT customer_id, product_id, written_at, rating, polarity
    FROM reviews
    WHERE written_at < $as_of AND arrived_at < $as_of AND {customer_filter}
),
-- What a person's record says has no history: it is as the mirror has it. Never for models.
known_people AS (
    SELECT customer_id, email_domain, traits
    FROM people
    WHERE joined_at < $as_of AND arrived_at < $as_of AND {customer_filter}
),
-- The shop as a whole, by day; whole days before that of $as_of. Never restricted to customers.
known_prices AS (
    SELECT
        category,
        CAST(sum(spent_cents) AS HUGEINT) AS spent,
        CAST(sum(units) AS HUGEINT) AS units
    FROM {shop_prices}
    WHERE known_day < $as_of // 86400
    GROUP BY category
),
known_countries AS (
    SELECT country, sum(customers) AS customers
    FROM {shop_countries}
    WHERE known_day < $as_of // 86400 AND country <> ''
    GROUP BY country
)
