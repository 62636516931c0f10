-- A role for training: it reads what customers did, under numbers, and never who they are.
-- Run as the owner of the tables, after every migration:  psql -v ON_ERROR_STOP=1 -f trainer_role.sql
-- Give it a password of yours afterwards:  ALTER ROLE coterie_trainer LOGIN PASSWORD '…'
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'coterie_trainer') THEN
        CREATE ROLE coterie_trainer NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
END $$;
CREATE SCHEMA IF NOT EXISTS coterie_pseudonyms;

-- The table of customers as training sees it, with the same columns. What is not named here is NULL, so
-- that a column of tomorrow is not shown by default. Of an address only the domain is left.
DO $$
DECLARE columns text;
BEGIN
    SELECT string_agg(CASE
        WHEN attname IN ('id', 'source_id', 'country', 'language', 'joined_at', 'arrived_at', 'changed_at',
                         'erased_at', 'merged_into_id', 'created_by_import') THEN quote_ident(attname)
        WHEN attname = 'external_id' THEN 'id::varchar(200) AS external_id'
        WHEN attname = 'email' THEN
            'CASE WHEN email = '''' THEN '''' ELSE ''x@'' || split_part(email, ''@'', 2) END::varchar(320) AS email'
        WHEN attname = 'traits' THEN
            'traits - ARRAY[''email'', ''phone'', ''name'', ''firstName'', ''lastName'', ''first_name'', '
            '''last_name'', ''address'', ''street'', ''username'', ''birthday''] AS traits'
        WHEN attname IN ('email_hmac', 'first_name', 'last_name', 'phone') THEN
            format('''''::%s AS %I', format_type(atttypid, atttypmod), attname)
        ELSE format('NULL::%s AS %I', format_type(atttypid, atttypmod), attname)
    END, ', ' ORDER BY attnum) INTO columns
    FROM pg_attribute
    WHERE attrelid = 'public.customers_customer'::regclass AND attnum > 0 AND NOT attisdropped;
    DROP VIEW IF EXISTS coterie_pseudonyms.customers_customer;
    EXECUTE 'CREATE VIEW coterie_pseudonyms.customers_customer WITH (security_barrier) AS SELECT '
        || columns || ' FROM public.customers_customer';
    -- who logs in as the trainer finds the view before the table
    EXECUTE format(
        'ALTER ROLE coterie_trainer IN DATABASE %I SET search_path = coterie_pseudonyms, public',
        current_database());
END $$;

GRANT USAGE ON SCHEMA public, coterie_pseudonyms TO coterie_trainer;
GRANT SELECT ON coterie_pseudonyms.customers_customer TO coterie_trainer;
GRANT SELECT ON
    customers_source, customers_product, customers_order, customers_orderline, customers_refund,
    customers_event, customers_review, customers_import, consent_consentstate, consent_topic,
    campaigns_campaign, campaigns_delivery, campaigns_link, django_migrations, django_content_type
    TO coterie_trainer;
-- what training writes: versions of models, their records, and marks of what is due
DO $$
DECLARE one text;
BEGIN
    FOR one IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND (tablename LIKE 'segmentation\_%' OR tablename LIKE 'feedback\_%')
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO coterie_trainer', one);
    END LOOP;
    FOR one IN SELECT sequencename FROM pg_sequences
        WHERE schemaname = 'public' AND (sequencename LIKE 'segmentation\_%' OR sequencename LIKE 'feedback\_%')
    LOOP
        EXECUTE format('GRANT USAGE, SELECT ON SEQUENCE %I TO coterie_trainer', one);
    END LOOP;
END $$;
-- SELECT ... FOR SHARE, by which no words change while what was read in them is written, takes a right to UPDATE some column
GRANT UPDATE (id) ON customers_review TO coterie_trainer;
