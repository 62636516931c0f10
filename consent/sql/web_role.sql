-- A role for the web server that can add to the ledger of consent and never change it.
-- Run as the owner of the tables, after every migration:  psql -v ON_ERROR_STOP=1 -f web_role.sql
-- Give it a password of yours afterwards:  ALTER ROLE coterie_web LOGIN PASSWORD '…'
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'coterie_web') THEN
        CREATE ROLE coterie_web NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
END $$;
GRANT USAGE ON SCHEMA public TO coterie_web;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO coterie_web;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO coterie_web;
REVOKE UPDATE, DELETE, TRUNCATE ON
    consent_consentevent, consent_wording, consent_ledgerseal, consent_personaldataaccess
    FROM coterie_web;
-- an erasure forgets the evidence of acts by this function, and can change nothing else of them
GRANT EXECUTE ON FUNCTION consent_forget_evidence(bigint[]) TO coterie_web;
