-- The customer, the calendar and the country. The season is the same for everybody at one cut-off; it lets
-- a model trained on many cut-offs tell November from June. A country is told by how much of the shop it
-- is, not by its name: a number means the same in every shop.
WITH shop AS (
    SELECT sum(customers) AS customers, max(customers) AS largest
    FROM known_countries
)

SELECT
    scope.customer_id,
    ($as_of - joined_at) / 86400.0 AS joined_days,
    sin(2 * pi() * $as_of / (365.2425 * 86400)) AS season_sin,
    cos(2 * pi() * $as_of / (365.2425 * 86400)) AS season_cos,
    CAST(known_countries.customers AS DOUBLE) / shop.customers AS country_share,
    CASE
        WHEN known_countries.customers = shop.largest THEN 1
        WHEN known_countries.customers < shop.largest THEN 0
    END AS home_market
FROM scope
LEFT JOIN known_countries ON known_countries.country = scope.country
CROSS JOIN shop
