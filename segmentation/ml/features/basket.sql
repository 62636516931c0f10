-- What is in the baskets, and when it runs out. The lines are counted three times, side by side: per product,
-- per category and per customer, each with no more columns than it needs. One count built on the other would carry
-- all columns through the widest grouping, which costs twice as much; mode() and count(DISTINCT) would too.
-- Replenishment stands here because it needs the count per product.
-- A product is repeated when it was bought on two days or more; its usual gap is the mean time between its
-- lines. It is due when that gap has passed, and given up after three of them.
WITH products AS (
    SELECT
        customer_id,
        min(placed_at) AS first_at,
        max(placed_at) AS last_at,
        CASE
            WHEN max(placed_at) // 86400 > min(placed_at) // 86400
                THEN (max(placed_at) - min(placed_at)) // (count(*) - 1)
        END AS gap
    FROM known_lines
    GROUP BY customer_id, category, product_id
),

replenished AS (
    SELECT
        customer_id,
        count(*) AS products,
        count(*) FILTER (WHERE last_at >= $as_of - 365 * 86400) AS products_365d,
        count(*) FILTER (WHERE first_at >= $as_of - 365 * 86400) AS new_products_365d,
        count(gap) AS repeated,
        sum(gap) AS gap,
        count(*) FILTER (
            WHERE $as_of - last_at >= gap AND $as_of - last_at <= 3 * gap
        ) AS due,
        min(last_at + gap) FILTER (WHERE $as_of - last_at <= 3 * gap) AS due_at
    FROM products
    GROUP BY customer_id
),

categories AS (
    SELECT
        customer_id,
        category,
        count(*) AS lines,
        sum(quantity) AS units,
        sum(CAST(quantity AS HUGEINT) * unit_price_cents) AS spent,
        max(placed_at) AS last_at
    FROM known_lines
    GROUP BY customer_id, category
),

-- What a piece of each category costs on average in this shop, in hundredths of a cent.
price_levels AS (
    SELECT category, spent * 100 // units AS piece_e2
    FROM known_prices
    WHERE units > 0 AND spent > 0
),

mixed AS (
    SELECT
        customer_id,
        count(*) AS categories,
        count(*) FILTER (WHERE last_at >= $as_of - 365 * 86400) AS categories_365d,
        sum(spent) FILTER (WHERE piece_e2 > 0) AS levelled_spent,
        sum(units * piece_e2) AS levelled_e2,
        sum(lines) AS lines,
        sum(units) AS units,
        sum(spent) AS spent,
        max(lines) AS category_lines_max,
        sum(CAST(lines AS HUGEINT) * lines) AS category_lines_squared
    FROM categories
    LEFT JOIN price_levels ON price_levels.category = categories.category
    GROUP BY customer_id
),

pieces AS (
    SELECT
        customer_id,
        count(*) FILTER (WHERE quantity >= 12) AS bulk_lines,
        max(quantity) AS units_line_max,
        min(unit_price_cents) AS price_min,
        max(unit_price_cents) AS price_max
    FROM known_lines
    GROUP BY customer_id
),

ordered AS (
    SELECT customer_id, count(*) AS orders
    FROM known_orders
    GROUP BY customer_id
)

SELECT
    mixed.customer_id,
    lines,
    units,
    products,
    categories,
    CAST(lines AS DOUBLE) / orders AS lines_per_order,
    CAST(units AS DOUBLE) / orders AS units_per_order,
    CAST(units AS DOUBLE) / nullif(lines, 0) AS units_per_line,
    units_line_max,
    CAST(category_lines_max AS DOUBLE) / nullif(lines, 0) AS top_category_share,
    -- Herfindahl index: the chance that two random lines are of one category.
    CAST(category_lines_squared AS DOUBLE) / nullif(lines * lines, 0) AS category_concentration,
    1 - CAST(products AS DOUBLE) / nullif(lines, 0) AS repeat_line_share,
    CAST(spent AS DOUBLE) / nullif(units, 0) AS unit_price_mean_cents,
    price_min AS unit_price_min_cents,
    price_max AS unit_price_max_cents,
    products_365d,
    categories_365d,
    CAST(new_products_365d AS DOUBLE) / nullif(products_365d, 0) AS new_products_share_365d,
    CAST(bulk_lines AS DOUBLE) / nullif(lines, 0) AS bulk_lines_share,
    CASE
        WHEN levelled_e2 > 0 THEN CAST(levelled_spent AS DOUBLE) * 100 / CAST(levelled_e2 AS DOUBLE)
    END AS price_tier,
    repeated AS repeated_products,
    CAST(gap AS DOUBLE) / nullif(repeated, 0) / 86400.0 AS repurchase_gap_days,
    due AS due_products,
    ($as_of - due_at) / 86400.0 AS overdue_days
FROM mixed
INNER JOIN replenished ON replenished.customer_id = mixed.customer_id
INNER JOIN pieces ON pieces.customer_id = mixed.customer_id
LEFT JOIN ordered ON ordered.customer_id = mixed.customer_id
