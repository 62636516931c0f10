"""
The trigger that has a review read again when its words change; installed by this app's migrations.

What was read out of other words, and whether those may be shown, is not true of these.
"""

from __future__ import annotations


INSTALL = """
CREATE FUNCTION segmentation_read_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH changed AS (
        SELECT fresh.id FROM fresh JOIN gone ON gone.id = fresh.id
        WHERE (fresh.title, fresh.text, fresh.language) IS DISTINCT FROM (gone.title, gone.text, gone.language)
    ), aspects AS (
        DELETE FROM segmentation_reviewaspect a USING changed WHERE a.review_id = changed.id
    )
    DELETE FROM segmentation_reviewsentiment s USING changed WHERE s.review_id = changed.id;
    RETURN NULL;
END $$;
CREATE TRIGGER read_again AFTER UPDATE ON customers_review
    REFERENCING OLD TABLE AS gone NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION segmentation_read_again();
"""
REMOVE = "DROP TRIGGER read_again ON customers_review; DROP FUNCTION segmentation_read_again();"
