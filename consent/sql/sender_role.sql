-- A role for the sending process: it reads addresses and consents, and writes what became of messages.
-- Run as the owner of the tables, after every migration:  psql -v ON_ERROR_STOP=1 -f sender_role.sql
-- Give it a password of yours afterwards:  ALTER ROLE coterie_sender LOGIN PASSWORD '…'
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'coterie_sender') THEN
        CREATE ROLE coterie_sender NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
END $$;
GRANT USAGE ON SCHEMA public TO coterie_sender;
DO $$
DECLARE one text;
BEGIN
    FOR one IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename ~ '^(campaigns|segmentation|consent|customers)_'
    LOOP
        EXECUTE format('REVOKE ALL ON %I FROM coterie_sender', one);
        EXECUTE format('GRANT SELECT ON %I TO coterie_sender', one);
    END LOOP;
    -- its own tables, and of consent's the messages that tell of a sign-up and the marks of the logbook
    FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
        AND tablename ~ '^(campaigns_|consent_servicemessage$|consent_logbookmark$)'
    LOOP
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO coterie_sender', one);
    END LOOP;
    FOR one IN SELECT sequencename FROM pg_sequences
        WHERE schemaname = 'public' AND sequencename ~ '^(campaigns_|customers_event|consent_servicemessage|consent_logbookmark|consent_suppression|segmentation_dirtycustomer|webhooks_)'
    LOOP
        EXECUTE format('GRANT USAGE, SELECT ON SEQUENCE %I TO coterie_sender', one);
    END LOOP;
END $$;
-- not its business: raw requests and files, keys, evidence, what people asked of their data
REVOKE ALL ON customers_sourcekey, customers_inboundrequest, customers_rejectedrow, customers_importchange,
    consent_consentevent, consent_datarequest, consent_personaldataaccess FROM coterie_sender;
-- that a message was delivered, or refused, is an event of the customer
GRANT INSERT ON customers_event TO coterie_sender;
-- and its triggers mark the customer to be looked at again, and tell the shop's own systems
GRANT INSERT, UPDATE, DELETE ON segmentation_dirtycustomer TO coterie_sender;
GRANT SELECT (id, is_active, topics) ON webhooks_endpoint TO coterie_sender;
GRANT SELECT (id, topic), INSERT ON webhooks_message TO coterie_sender;
GRANT INSERT ON webhooks_post TO coterie_sender;
-- SELECT ... FOR SHARE, by which a withdrawal cannot be overtaken, takes a right to UPDATE some column
GRANT UPDATE (id) ON consent_consentstate, consent_suppression TO coterie_sender;
-- an address that refused the message of a sign-up is suppressed at once; lifting is not the sender's
GRANT INSERT, UPDATE (reason, detail, created_at) ON consent_suppression TO coterie_sender;
-- a link made with a key that was changed since is made anew when its message leaves
GRANT UPDATE (token_sha256) ON consent_signup TO coterie_sender;
