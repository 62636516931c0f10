-- A shop: customers join over three years; orders are skewed (the square of a random number picks who).
INSERT INTO customers_customer (source_id, external_id, email, email_hmac, first_name, last_name, country,
    language, joined_at, arrived_at)
SELECT %(source)s, n, 'c' || n || '@example.org', '', '', '', (ARRAY['GB', 'DE', 'FR', 'US'])[1 + n %% 4], 'en',
    joined, joined
FROM generate_series(1, %(customers)s) n, LATERAL (SELECT %(now)s::timestamptz
    - ((n::bigint * 7919) %% 94608000) * interval '1 second' - interval '1 day' AS joined) j;
INSERT INTO consent_consentevent (customer_id, purpose, channel, act, basis, method, evidence, happened_at,
    recorded_at, wording_id)
SELECT id, 'PROFILING', 'ANY', 'GRANTED', 'CONSENT', 'import', '{}', joined_at, joined_at, 1
FROM customers_customer;
INSERT INTO consent_consentstate (customer_id, purpose, channel, is_granted, since, event_id)
SELECT customer_id, purpose, channel, true, happened_at, id FROM consent_consentevent;
INSERT INTO customers_product (source_id, external_id, name, category, price_cents, is_product)
SELECT %(source)s, n, 'Product ' || n, 'category ' || n %% 40, 100 + (n::bigint * 37) %% 9000, true
FROM generate_series(1, 5000) n;
INSERT INTO customers_order (source_id, external_id, customer_id, status, placed_at, arrived_at, currency,
    total_cents, discount_cents, margin_cents, channel)
SELECT %(source)s, n, first.id + floor(power(random(), 2) * %(customers)s)::bigint, 'PLACED', placed, placed, 'GBP',
    500 + floor(random() * 9000)::bigint, CASE WHEN n %% 5 = 0 THEN 300 ELSE 0 END, 200,
    (ARRAY['web', 'app', 'shop'])[1 + n %% 3]
FROM (SELECT min(id) AS id FROM customers_customer) first, generate_series(1, %(orders)s) n,
    LATERAL (SELECT %(now)s::timestamptz - (1 + random() * 94608000 + n * 0) * interval '1 second' AS placed) p;
INSERT INTO customers_orderline (order_id, line_number, product_id, quantity, unit_price_cents)
SELECT first.id + n / 5 * 2 + CASE WHEN n %% 5 < 3 THEN 0 ELSE 1 END, n, product.id + (n::bigint * 7919) %% 5000,
    1 + n %% 4, 100 + (n::bigint * 31) %% 9000
FROM (SELECT min(id) AS id FROM customers_order) first, (SELECT min(id) AS id FROM customers_product) product,
    generate_series(0, %(lines)s - 1) n;
INSERT INTO customers_event (source_id, external_id, customer_id, kind, happened_at, arrived_at, properties)
SELECT %(source)s, n, first.id + floor(random() * %(customers)s)::bigint,
    (ARRAY['SITE_VISIT', 'PRODUCT_VIEW', 'CART', 'SEARCH'])[1 + n %% 4], happened, happened, '{}'
FROM (SELECT min(id) AS id FROM customers_customer) first, generate_series(1, %(customers)s) n,
    LATERAL (SELECT %(now)s::timestamptz - (1 + random() * 31536000 + n * 0) * interval '1 second' AS happened) h;
INSERT INTO customers_refund (source_id, external_id, order_id, customer_id, refunded_at, arrived_at, amount_cents, reason)
SELECT %(source)s, id, id, customer_id, placed_at + interval '1 hour', placed_at + interval '1 hour', 300, ''
FROM customers_order WHERE id %% 50 = 0
