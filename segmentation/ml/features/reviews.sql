-- What the customer says. Polarity is summed in ten-thousandths: whole numbers add up to the same
-- result in any order. Of two reviews in one second the kinder one counts as the last.
WITH marked AS (
    SELECT
        customer_id,
        written_at,
        CAST(rating AS BIGINT) AS stars,
        -- NaN from a float column counts as no polarity.
        CASE WHEN polarity BETWEEN -1 AND 1 THEN CAST(round(polarity * 10000) AS BIGINT) END AS polarity_e4
    FROM known_reviews
),

summed AS (
    SELECT
        customer_id,
        count(*) AS reviews,
        count(*) FILTER (WHERE written_at >= $as_of - 90 * 86400) AS reviews_90d,
        count(*) FILTER (WHERE stars <= 2 AND written_at >= $as_of - 365 * 86400) AS low_ratings_365d,
        min(polarity_e4) AS polarity_min,
        max(written_at) AS reviewed_at,
        CAST(sum(stars) AS DOUBLE) / count(stars) AS rating_mean,
        min(stars) AS rating_min,
        arg_max(stars, written_at * 10 + stars) AS rating_last,
        sum(polarity_e4) / 10000.0 / nullif(count(polarity_e4), 0) AS polarity_mean,
        arg_max(polarity_e4, written_at * 100000 + polarity_e4) / 10000.0 AS polarity_last
    FROM marked
    GROUP BY customer_id
)

SELECT
    customer_id,
    reviews,
    reviews_90d,
    ($as_of - reviewed_at) / 86400.0 AS review_recency_days,
    rating_mean,
    rating_min,
    rating_last,
    polarity_mean,
    polarity_last,
    low_ratings_365d,
    polarity_min / 10000.0 AS polarity_min
FROM summed
