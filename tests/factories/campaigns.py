"""Factories of campaigns; a CampaignFactory campaign has no problems and waits in DRAFT."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import factory
from django.db import connection

from campaigns import audience, lifecycle
from campaigns.enums import Targeting
from campaigns.models import Campaign
from segmentation.models import Segment
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW, SourceFactory
from tests.factories.segmentation import SegmentFactory, segment_of


BODY = """<!doctype html><html lang="en"><body>
<h1>Hello {{ customer.first_name | default: "there" }}</h1>
<p>{{ discount_percent }} % on <a href="https://shop.example/tea?a=1&amp;b=2">all our tea</a>
and <a href='https://shop.example/cups'>cups</a> this week.</p>
<p><small>{{ shop.postal_address }} · <a href="{{ unsubscribe_url }}">Unsubscribe</a></small></p>
</body></html>
"""


class CampaignFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Campaign

    name = factory.Sequence(lambda n: f"Campaign {n}")
    segment = factory.SubFactory(SegmentFactory)
    from_name = "Tea & Cups"
    from_email = "news@shop.example"
    subject = "Tea for {{ customer.first_name | default: 'you' }}"
    body_html = BODY
    targeting = Targeting.EVERYONE
    holdout_share = 0.1
    discount_percent = 15
    created_at = NOW
    salt = factory.Sequence(lambda n: f"salt{n}")


def running_campaign(*local_parts: str, now: datetime, **fields: Any) -> Campaign:
    """A RUNNING campaign with a planned delivery to each of these addresses; nobody is held out."""
    customers = [MailableFactory(email=f"{local_part}@example.com") for local_part in local_parts]
    campaign: Campaign = CampaignFactory(
        **{"segment": segment_of(customers), "holdout_share": 0.0, **fields}
    )
    lifecycle.launch(campaign, now=now)
    assert audience.freeze(campaign, now=now)
    return campaign


def segment_in_bulk(count: int) -> Segment:
    """A segment of `count` customers who may be mailed, c1@example.com and so on, by SQL."""
    segment: Segment = SegmentFactory()
    source = SourceFactory()
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH people AS (
                   INSERT INTO customers_customer (source_id, external_id, email, email_hmac,
                       first_name, last_name, country, language, joined_at, arrived_at)
                   SELECT %s, 'c' || n, 'c' || n || '@example.com', md5(n::text), 'Ada', '', '', '',
                       %s, %s
                   FROM generate_series(1, %s) n RETURNING id
               ), acts AS (
                   INSERT INTO consent_consentevent (customer_id, purpose, channel, act, basis,
                       wording_id, method, evidence, happened_at, recorded_at)
                   SELECT people.id, 'MARKETING', 'EMAIL', 'GRANTED', 'CONSENT', wording.id, 'form',
                       '{}', %s, %s
                   FROM people, consent_wording wording
                   WHERE purpose = 'MARKETING' AND version = 'default-1' AND language = 'en'
                   RETURNING id, customer_id
               ), states AS (
                   INSERT INTO consent_consentstate (customer_id, purpose, channel, is_granted,
                       since, event_id)
                   SELECT customer_id, 'MARKETING', 'EMAIL', true, %s, id FROM acts
               )
               INSERT INTO segmentation_membership (segment_id, customer_id, joined_at)
               SELECT %s, id, %s FROM people""",
            [source.pk, NOW, NOW, count, NOW, NOW, NOW, segment.pk, NOW],
        )
        # as after an import: a plan for tables of three rows would walk them a hundred thousand times
        cursor.execute("ANALYZE customers_customer, consent_consentstate, segmentation_membership")
    return segment
