"""
The triggers that turn what happens into messages; installed by this app's migrations.

A trigger of the statement writes in its transaction: a message exists exactly when what it tells
of was committed, and a million rows cost one more statement. The layers below know nothing of it.
"""

from __future__ import annotations

from webhooks.enums import Topic


# Names no person: an id of ours and the shop's own number, unless the shop numbers people by address.
_WHO = """jsonb_build_object('customer', jsonb_build_object(
            'id', customer.id, 'source', source.name, 'external_id',
            CASE WHEN position('@' IN customer.external_id) = 0 THEN customer.external_id END))"""

_FUNCTION = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM webhooks_endpoint
                   WHERE is_active AND topics && ARRAY[{topics}]::varchar[]) THEN
        RETURN NULL;
    END IF;
    WITH news AS ({news}), wanted AS (
        SELECT news.* FROM news WHERE EXISTS (
            SELECT 1 FROM webhooks_endpoint WHERE is_active AND news.topic = ANY (topics))
    ), said AS (
        INSERT INTO webhooks_message (message_id, topic, happened_at, customer_id, data)
        SELECT 'msg_' || replace(gen_random_uuid()::text, '-', ''), topic, happened_at, customer_id,
               data || who
        FROM wanted RETURNING id, topic
    )
    INSERT INTO webhooks_post (message_id, endpoint_id)
    SELECT said.id, endpoint.id FROM said
    JOIN webhooks_endpoint endpoint ON endpoint.is_active AND said.topic = ANY (endpoint.topics);
    RETURN NULL;
END $$;
"""
_TRIGGER = """
CREATE TRIGGER {name} AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""

_PERSON = """
    JOIN customers_customer customer ON customer.id = fresh.customer_id
    JOIN customers_source source ON source.id = customer.source_id"""

_SEGMENTS = f"""
    SELECT CASE WHEN fresh.joined THEN '{Topic.SEGMENT_ENTERED}' ELSE '{Topic.SEGMENT_LEFT}' END
               AS topic,
           fresh.changed_at AS happened_at, fresh.customer_id,
           jsonb_build_object('segment', jsonb_build_object('id', segment.id, 'name', segment.name))
               AS data, {_WHO} AS who
    FROM fresh JOIN segmentation_segment segment ON segment.id = fresh.segment_id {_PERSON}"""

_CONSENTS = f"""
    SELECT '{Topic.CONSENT_CHANGED}' AS topic, fresh.happened_at, fresh.customer_id,
           jsonb_build_object('purpose', fresh.purpose, 'channel', fresh.channel, 'act', fresh.act,
                              'method', fresh.method) AS data, {_WHO} AS who
    FROM fresh {_PERSON}
    WHERE fresh.act NOT IN ('CLAIMED', 'REFUSED')"""

_TOPIC_OF_EVENT = {
    "DELIVERED": Topic.DELIVERY_SENT,
    "CLICKED": Topic.DELIVERY_CLICKED,
    "BOUNCED": Topic.DELIVERY_BOUNCED,
    "COMPLAINED": Topic.DELIVERY_COMPLAINED,
    "UNSUBSCRIBED": Topic.DELIVERY_UNSUBSCRIBED,
}
_EVENTS = f"""
    SELECT CASE fresh.kind {" ".join(f"WHEN '{k}' THEN '{t}'" for k, t in _TOPIC_OF_EVENT.items())}
           END AS topic,
           fresh.happened_at, fresh.customer_id,
           jsonb_build_object('campaign_id', fresh.campaign_id, 'delivery_id', fresh.delivery_id)
               AS data, {_WHO} AS who
    FROM fresh {_PERSON}
    WHERE fresh.kind IN ({", ".join(f"'{kind}'" for kind in _TOPIC_OF_EVENT)})"""

_FEEDS = (
    (
        "webhooks_of_segments",
        "segmentation_membershipchange",
        (Topic.SEGMENT_ENTERED, Topic.SEGMENT_LEFT),
        _SEGMENTS,
    ),
    ("webhooks_of_consents", "consent_consentevent", (Topic.CONSENT_CHANGED,), _CONSENTS),
    ("webhooks_of_events", "customers_event", tuple(_TOPIC_OF_EVENT.values()), _EVENTS),
)

FUNCTIONS = "".join(
    _FUNCTION.format(name=name, topics=", ".join(f"'{topic}'" for topic in topics), news=news)
    for name, _, topics, news in _FEEDS
)
"""To be run again by a migration when one of them has changed."""
INSTALL = FUNCTIONS + "".join(
    _TRIGGER.format(name=name, table=table) for name, table, _, _ in _FEEDS
)
REMOVE = "".join(
    f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();" for name, table, _, _ in _FEEDS
)


# ------------------------------------------------------------------ erasures
# Article 19: whoever was told of a customer is told of the erasure. The row has no customer, since it
# must outlive the erasure that it tells of, and a stopped endpoint gets it when it is started again.
ERASURES = f"""
CREATE FUNCTION webhooks_of_erasures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH told AS (
        SELECT id FROM webhooks_endpoint WHERE '{Topic.CUSTOMER_ERASED}' = ANY (topics)
    ), said AS (
        INSERT INTO webhooks_message (message_id, topic, happened_at, data)
        SELECT 'msg_' || replace(gen_random_uuid()::text, '-', ''), '{Topic.CUSTOMER_ERASED}',
               NEW.erased_at, jsonb_build_object('customer', jsonb_build_object(
                   'id', NEW.id, 'source', source.name, 'external_id',
                   CASE WHEN NEW.external_id !~ '@|^email:|^erased:' THEN NEW.external_id END))
        FROM customers_source source
        WHERE source.id = NEW.source_id AND EXISTS (SELECT 1 FROM told)
        RETURNING id
    )
    INSERT INTO webhooks_post (message_id, endpoint_id) SELECT said.id, told.id FROM said, told;
    RETURN NULL;
END $$;
CREATE TRIGGER webhooks_of_erasures AFTER UPDATE OF erased_at ON customers_customer
    FOR EACH ROW WHEN (OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL)
    EXECUTE FUNCTION webhooks_of_erasures();
"""
REMOVE_ERASURES = """
DROP TRIGGER webhooks_of_erasures ON customers_customer;
DROP FUNCTION webhooks_of_erasures();
"""
