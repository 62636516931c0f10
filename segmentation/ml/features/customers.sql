-- The customer and the calendar. The season is the same for everybody at one cut-off; it lets a model
-- trained on many cut-offs tell November from June.
SELECT
    customer_id,
    ($as_of - joined_at) / 86400.0 AS joined_days,
    sin(2 * pi() * $as_of / (365.2425 * 86400)) AS season_sin,
    cos(2 * pi() * $as_of / (365.2425 * 86400)) AS season_cos
FROM scope
