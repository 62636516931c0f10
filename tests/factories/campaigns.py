"""Factories of campaigns; a CampaignFactory campaign has no problems and waits in DRAFT."""

from __future__ import annotations

import factory

from campaigns.enums import Targeting
from campaigns.models import Campaign
from tests.factories.customers import NOW
from tests.factories.segmentation import SegmentFactory


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
