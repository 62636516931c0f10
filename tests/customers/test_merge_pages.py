from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.urls import reverse

from core import clock
from customers.enums import AliasKind, EventKind, MergeReason, OrderStatus
from customers.identity import merge
from customers.models import Alias, Customer, Merge
from tests.factories.customers import CustomerFactory, EventFactory, OrderFactory


pytestmark = pytest.mark.django_db


@pytest.fixture
def two() -> tuple[Customer, Customer]:
    return (
        CustomerFactory(first_name="Grace", last_name="Hopper", external_id="7"),
        CustomerFactory(first_name="Amazing", last_name="Grace", external_id="8"),
    )


def test_staff_find_the_other_customer_and_merge(
    two: tuple[Customer, Customer], admin_client: Client
) -> None:
    grace, other = two
    address = reverse("admin:merge_customer", args=[grace.pk])
    for term in ("8", other.email[:4], "Amaz", "grace"):
        found = admin_client.get(address, {"search": term}).context["found"]
        assert other in found
        assert grace not in found
    sure = admin_client.get(address, {"other": other.pk}).content.decode()
    assert "Make Amazing Grace a part of Grace Hopper?" in sure
    assert "Their e-mail addresses differ." in sure
    assert not Merge.objects.exists(), "looking merges nothing"
    done = admin_client.post(address, {"other": other.pk}, follow=True)
    assert done.redirect_chain[-1][0] == reverse("admin:customer_page", args=[grace.pk])
    assert "Amazing Grace is a part of Grace Hopper now." in done.content.decode()
    row = Merge.objects.get()
    assert (row.survivor, row.absorbed, row.reason) == (grace, other, MergeReason.STAFF)


def test_staff_undo_a_merge(two: tuple[Customer, Customer], admin_client: Client) -> None:
    grace, other = two
    row = merge(
        survivor=grace, absorbed=other, reason=MergeReason.STAFF, source=None, now=clock.now()
    )
    address = reverse("admin:undo_merge", args=[row.pk])
    page = admin_client.get(reverse("admin:customer_page", args=[grace.pk])).content.decode()
    assert address in page
    gone = admin_client.get(reverse("admin:customer_page", args=[other.pk]))
    assert gone.headers["Location"] == reverse("admin:customer_page", args=[grace.pk])
    sure = admin_client.get(address).content.decode()
    assert "Are Grace Hopper and customer 8 two people after all?" in sure
    assert "Amazing Grace" in sure
    admin_client.post(address)
    other.refresh_from_db()
    assert (other.merged_into, other.first_name) == (None, "Amazing")
    assert admin_client.get(address).status_code == 404


def test_pages_say_what_cannot_be_done(
    two: tuple[Customer, Customer], admin_client: Client
) -> None:
    grace, other = two
    third = CustomerFactory()
    now = clock.now()
    first = merge(survivor=other, absorbed=third, reason=MergeReason.STAFF, source=None, now=now)
    merge(survivor=grace, absorbed=other, reason=MergeReason.STAFF, source=None, now=now)
    done = admin_client.post(reverse("admin:undo_merge", args=[first.pk]), follow=True)
    assert "undo that merge first" in done.content.decode()
    erased = CustomerFactory(erased_at=now)
    for wrong in (erased.pk, third.pk, grace.pk, 10**17, "x"):
        address = reverse("admin:merge_customer", args=[grace.pk])
        assert admin_client.post(address, {"other": wrong}).status_code == 404


def test_merging_takes_the_permission_to_change(
    two: tuple[Customer, Customer], client: Client
) -> None:
    user = User.objects.create_user("ann", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_customer"))
    client.force_login(user)
    address = reverse("admin:merge_customer", args=[two[0].pk])
    assert client.get(address).status_code == 403
    assert client.post(address, {"other": two[1].pk}).status_code == 403
    page = client.get(reverse("admin:customer_page", args=[two[0].pk])).content.decode()
    assert address not in page


@pytest.mark.django_db(transaction=True)
def test_staff_do_not_wait_for_a_long_import(
    two: tuple[Customer, Customer], admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    grace, other = two
    monkeypatch.setattr("customers.merge_pages.PATIENCE", "50ms")
    writer = connection.copy()
    try:
        with writer.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [0x1_1A9085, other.source_id])
        done = admin_client.post(
            reverse("admin:merge_customer", args=[grace.pk]), {"other": other.pk}, follow=True
        )
    finally:
        writer.close()
    assert "Try again in a minute." in done.content.decode()
    assert not Merge.objects.exists()


def test_lists_of_merges_and_names(
    two: tuple[Customer, Customer], admin_client: Client, now: datetime
) -> None:
    grace, other = two
    merge(survivor=grace, absorbed=other, reason=MergeReason.STAFF, source=None, now=now)
    Alias.objects.create(
        source=grace.source, kind=AliasKind.ANONYMOUS, value="v1", customer=grace, created_at=now
    )
    merges = admin_client.get(reverse("admin:customers_merge_changelist"), {"q": "8"})
    assert "Merged by staff" in merges.content.decode()
    row = Merge.objects.get()
    shown = admin_client.get(reverse("admin:customers_merge_change", args=[row.pk]))
    assert "Amazing" not in shown.content.decode()
    names = admin_client.get(reverse("admin:customers_alias_changelist"), {"q": "7"})
    assert names.context["cl"].queryset.count() == 2
    alias = reverse("admin:customers_alias_change", args=[Alias.objects.first().pk])
    assert admin_client.get(alias).headers["Location"] == reverse(
        "admin:customer_page", args=[grace.pk]
    )


def test_timeline_names_merges_custom_events_and_what_came_late(
    two: tuple[Customer, Customer], admin_client: Client, now: datetime
) -> None:
    grace, other = two
    EventFactory(
        customer=grace, kind=EventKind.OTHER, name="Quiz done", historical=True, may_profile=False,
        happened_at=now - timedelta(days=9),
    )  # fmt: skip
    OrderFactory(customer=grace, external_id="t1", status=OrderStatus.TEST)
    merge(survivor=grace, absorbed=other, reason=MergeReason.ALIAS, source=None, now=now)
    page = admin_client.get(reverse("admin:customer_page", args=[grace.pk]))
    shown = {entry.title: entry.detail for entry in page.context["timeline"]}
    assert shown["Quiz done"] == "learned of long after, on 1 Jun 2026 · not used for profiling"
    assert (
        shown["Another customer was found to be the same person"]
        == "The source said that both are one person · customer 8"
    )
    assert "Test order t1" in shown
