"""Who may not see addresses finds none: not on a page, in a file, by a search or by a filter."""

from __future__ import annotations

from itertools import pairwise

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import Campaign
from customers.masking import _masked_lines, masked
from tests.factories.consent import MailableFactory
from tests.factories.customers import EventFactory, OrderFactory, ReviewFactory
from tests.factories.feedback import FinishedCampaignFactory
from tests.segmentation.test_pages import segment_of


ADDRESS = "canary.hidden@secret-shop.example"


def client_of(role: str) -> Client:
    user = User.objects.create_user(role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("Ada <ada@example.com>, eve+x@mail.example.co.uk.", "Ada <a…@…>, e…@…."),
        ("?q=ada%40example.com&p=1", "?q=a…@…&p=1"),
        ('"ada\\u0040example.com"', '"a…@…"'),
        ("mailto:ünal@exämple.de", "mailto:ü…@…"),
        ("media @media (min-width: 3em) and a@b", "media @media (min-width: 3em) and a@b"),
        ("no address at 5@3", "no address at 5@3"),
    ],
)
def test_addresses_are_masked_and_nothing_else(text: str, after: str) -> None:
    assert masked(text) == after


def test_the_shops_own_sender_stays() -> None:
    own = frozenset({"shop@shop.example"})
    assert masked("Shop@shop.example, ada@shop.example", own=own) == "Shop@shop.example, a…@…"


@given(cuts=st.lists(st.integers(0, 200), max_size=6))
def test_a_stream_cut_anywhere_is_masked_too(cuts: list[int]) -> None:
    whole = f"1,shop,{ADDRESS}\n2,shop,x\n3,shop,{ADDRESS}".encode()
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    parts = [whole[a:b] for a, b in pairwise(edges)]
    out = b"".join(_masked_lines(parts, "utf-8", frozenset())).decode()
    assert out == "1,shop,c…@…\n2,shop,x\n3,shop,c…@…"


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["Analyst", "Approver"])
def test_no_page_and_no_file_shows_an_address(role: str) -> None:
    customer = MailableFactory(email=ADDRESS, external_id=ADDRESS, traits={"mail": ADDRESS})
    OrderFactory(customer=customer)
    ReviewFactory(customer=customer, text=f"Write to me: {ADDRESS}")
    event = EventFactory(customer=customer, properties={"to": ADDRESS, "street": "Hidden Lane 7"})
    segment = segment_of([customer])
    campaign = FinishedCampaignFactory(
        segment=segment, state="DRAFT", from_email="shop@secret-shop.example", holdout_share=0, targeting="EVERYONE",
        body_html="<p>{{ customer.first_name }}</p><a href='{{ unsubscribe_url }}'>No</a>{{ shop.postal_address }}",
    )  # fmt: skip
    pages = [
        reverse("admin:customers_customer_changelist"),
        reverse("admin:customer_page", args=[customer.pk]),
        reverse("admin:customers_order_changelist"),
        reverse("admin:customers_review_changelist"),
        reverse("admin:customers_event_change", args=[event.pk]),
        reverse("admin:said_page"),
        reverse("admin:segment_page", args=[segment.pk]),
        reverse("campaign_pages:preview", args=[campaign.pk]),
        reverse("campaign_pages:message", args=[campaign.pk, customer.pk]),
    ]
    if role == "Analyst":
        pages.append(reverse("admin:segment_export", args=[segment.pk]) + "?addresses")
    client, marketer = client_of(role), client_of("Marketer")
    shown = 0
    for url in pages:
        answers = [one.get(url) for one in (client, marketer)]
        assert [one.status_code for one in answers] == [200, 200], url
        here, there = (
            (b"".join(one.streaming_content) if one.streaming else one.content).decode()
            for one in answers
        )
        assert "canary.hidden" not in here, url
        assert "Hidden Lane" not in here, url
        shown += "canary.hidden" in there
    assert shown >= 3  # or the pages would show none to anybody
    preview = client.get(reverse("campaign_pages:preview", args=[campaign.pk])).content.decode()
    assert "shop@secret-shop.example" in preview
    assert Campaign.objects.get().from_email == "shop@secret-shop.example"


@pytest.mark.django_db
def test_no_search_and_no_filter_finds_out_an_address() -> None:
    customer = MailableFactory(email=ADDRESS, first_name="Zora", last_name="Quill")
    OrderFactory(customer=customer)
    campaign = FinishedCampaignFactory(segment=segment_of([customer]), state="DRAFT")
    analyst, marketer = client_of("Analyst"), client_of("Marketer")
    customers = reverse("admin:customers_customer_changelist")
    orders = reverse("admin:customers_order_changelist")

    def finds(client: Client, url: str, **query: str) -> bool:
        answer = client.get(url, query, follow=True)
        rows = answer.context_data["cl"].result_list if answer.context_data.get("cl") else []
        return (
            answer.status_code == 200
            and len(rows) == 1
            and "e" not in answer.request["QUERY_STRING"].split("=")[0]
        )

    for term in ("canary", ADDRESS, "Zora"):
        assert not finds(analyst, customers, q=term)
        assert finds(marketer, customers, q=term)
    assert not finds(analyst, orders, q="canary")
    assert finds(marketer, orders, q="canary")
    assert finds(analyst, customers, q=customer.external_id)

    def probes(client: Client, **query: str) -> int:
        return client.get(customers, query).status_code

    assert probes(analyst, email__startswith="canary") == probes(analyst, email__startswith="x")
    assert probes(analyst, email__startswith="canary") != 200
    answer = analyst.get(reverse("campaign_pages:preview", args=[campaign.pk]), {"search": ADDRESS})
    assert answer.context_data["not_found"]


@pytest.mark.django_db
def test_a_permission_for_addresses_in_a_file_is_enough_for_that_file() -> None:
    segment = segment_of([MailableFactory(email=ADDRESS)])
    user = User.objects.create_user("clerk", is_staff=True)
    for codename in ("view_segment", "export_segment", "export_addresses"):
        user.user_permissions.add(Permission.objects.get(codename=codename))
    client = Client()
    client.force_login(user)
    url = reverse("admin:segment_export", args=[segment.pk])
    with_addresses = b"".join(client.get(url, {"addresses": ""}).streaming_content).decode()
    without = b"".join(client.get(url).streaming_content).decode()
    assert ADDRESS in with_addresses
    assert ADDRESS not in without
