"""Every table of ours in the admin: it lists, it filters, it opens, and it does so at a flat cost."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from consent import gate
from consent.enums import Refusal, SuppressionReason
from consent.models import Suppression
from customers.models import Customer, Source
from tests.factories.consent import MailableFactory
from tests.factories.customers import CustomerFactory, EventFactory, OrderFactory
from tests.screens.rows import MAKERS


OURS = ("gateway", "customers", "consent", "segmentation", "campaigns", "feedback", "webhooks")
# Seen elsewhere, or by nobody; the reason.
WITHOUT_A_LIST = {
    "consent.ledgerseal": "`manage.py doctor` reads them",
    "consent.servicemessage": "what became of it stands with the sign-up that it asks about",
    "consent.preference": "what customers wish, on their own page; an export tells it",
    "consent.addresskey": "hashes under former keys; nobody's to read",
    "consent.logbookmark": "what of the logbook the database knows; nobody's to read",
    "consent.pepper": "`manage.py doctor` says when one is missing",
    "campaigns.sendgrant": "what limits count for an hour; nobody's to read",
    "campaigns.sendlimit": "a row to lock, one a limit",
    "customers.importchange": "what an undo needs; the import's page says what became of it",
    "customers.inboundrequest": "the source's page shows them, and each has a page",
    "customers.sourcekey": "the source's page shows and revokes them",
    "segmentation.reviewaspect": "what a text speaks of; the page of reviews and sentiment shows it",
    "customers.visitorevent": "nobody's yet; it moves into the ledger when somebody says who they are",
    "segmentation.dirtycustomer": "a mark of some seconds",
    "segmentation.firstpurchase": "the score and the API tell it; one row a new customer",
    "feedback.driftcheck": "the drift page shows them",
    "feedback.trainingrequest": "the model's page says that one waits; the decision says what became of it",
    "segmentation.trainingattempt": "the model's page says when a training was cut off",
    "segmentation.judgedcase": "the model's page shows them to who may see customers",
    "segmentation.recommendation": "the customer's page and the API show a list",
    "segmentation.recommendationrun": "the page of recommendations shows the current one",
    "segmentation.suppressedcategory": "the customer's page and the API show them",
    "segmentation.expecteddemand": "the page of recommendations shows it",
    "segmentation.segmentflip": "when to look again; nobody's to read",
    "segmentation.segmentversion": "the segment's page shows what its rule said, and when",
    "customers.visitorrow": "what a visitor did before they were known; it is on the customer's page",
}
EVERY_LIST = pytest.mark.parametrize("label", sorted(MAKERS))

pytestmark = pytest.mark.django_db


def address(label: str, page: str = "changelist", *args: object) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_{page}", args=args)


def test_every_model_is_listed_and_has_a_row_here() -> None:
    ours = {model._meta.label_lower for model in apps.get_models() if model._meta.app_label in OURS}
    listed = {model._meta.label_lower for model in admin.site._registry}
    assert listed & set(WITHOUT_A_LIST) == set()
    assert ours - set(WITHOUT_A_LIST) <= listed
    assert ours - set(WITHOUT_A_LIST) == set(MAKERS)


@EVERY_LIST
def test_list_costs_as_much_for_three_rows_as_for_one(label: str, admin_client: Client) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            response = admin_client.get(address(label))
        assert response.status_code == 200
        return len(queries)

    MAKERS[label]()
    cost()  # the first request of a process fills caches of content types
    one = cost()
    MAKERS[label]()
    MAKERS[label]()
    assert cost() == one


@EVERY_LIST
def test_list_is_searchable_and_a_row_opens(label: str, admin_client: Client) -> None:
    assert admin_client.get(address(label)).status_code == 200  # empty
    row = MAKERS[label]()
    assert admin_client.get(address(label), {"q": "ada"}, follow=True).status_code == 200
    assert admin_client.get(address(label, "change", row.pk), follow=True).status_code == 200


@pytest.mark.parametrize(
    "label", ["customers.event", "consent.consentevent", "campaigns.delivery", "feedback.outcome"]
)
def test_machine_written_rows_cannot_be_changed(label: str, admin_client: Client) -> None:
    row = MAKERS[label]()
    assert admin_client.post(address(label, "change", row.pk), {}).status_code == 403
    assert admin_client.post(address(label, "add"), {}).status_code == 403
    assert admin_client.post(address(label, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert type(row)._default_manager.filter(pk=row.pk).exists()


def test_customers_can_be_filtered_by_whether_they_may_be_mailed(admin_client: Client) -> None:
    MailableFactory(last_name="Reachable")
    CustomerFactory(last_name="Silent")
    url = address("customers.customer")
    assert names(admin_client.get(url, {"reach": "yes"})) == ["Ada Reachable"]
    assert names(admin_client.get(url, {"reach": "no"})) == ["Ada Silent"]


def names(response: object) -> list[str]:
    return re.findall(r'class="ct-clip" title="([^"]*)"', response.content.decode())


def test_with_reach_agrees_with_the_gate(admin_client: Client) -> None:
    from consent.reach import with_reach

    mailable = MailableFactory()
    silent = CustomerFactory()
    nowhere = MailableFactory(email="")
    suppressed = MailableFactory()
    Suppression.objects.create(
        address_hmac=suppressed.email_hmac, reason="HARD_BOUNCE", created_at=mailable.joined_at
    )
    for customer in with_reach(Customer.objects.all()):
        assert customer.is_reachable == (gate.refusal(customer) is None)
    assert gate.refusal(suppressed) is Refusal.SUPPRESSED
    assert {silent.pk, nowhere.pk, suppressed.pk}.isdisjoint(
        with_reach(Customer.objects.all()).filter(is_reachable=True).values_list("pk", flat=True)
    )


def test_money_has_a_currency_and_thousands_are_grouped(admin_client: Client) -> None:
    OrderFactory(total_cents=123_456_789, currency="GBP")
    OrderFactory(total_cents=500, currency="EUR", customer=None, source=EventFactory().source)
    page = admin_client.get(address("customers.order")).content.decode()
    assert "£1,234,567.89" in page
    assert "€5.00" in page
    assert "Guest" in page


# ------------------------------------------------------------------ suppression by hand
def test_staff_suppress_an_address_and_only_its_hash_is_kept(admin_client: Client) -> None:
    customer = MailableFactory(email="Ada@Example.com")
    add = address("consent.suppression", "add")
    admin_client.post(add, {"address": "ada@example.com", "detail": "asked by telephone"})
    row = Suppression.objects.get()
    assert (row.reason, row.address_hmac) == (SuppressionReason.MANUAL, customer.email_hmac)
    assert gate.refusal(customer) is Refusal.SUPPRESSED
    again = admin_client.post(add, {"address": " ADA@example.com", "detail": ""})
    assert "suppressed already" in again.content.decode()
    found = admin_client.get(address("consent.suppression"), {"q": "ada@example.com"})
    assert "asked by telephone" in found.content.decode()
    lost = admin_client.get(address("consent.suppression"), {"q": "eve@example.com"})
    assert "asked by telephone" not in lost.content.decode()


# ------------------------------------------------------------------ the frame
def test_pages_have_a_skip_link_a_main_landmark_and_one_heading(admin_client: Client) -> None:
    for url in (reverse("admin:index"), address("customers.customer")):
        page = admin_client.get(url).content.decode()
        assert '<a class="ct-skip" href="#content">' in page
        assert len(re.findall(r"<main\b[^>]*id=\"content\"", page)) == 1
        assert len(re.findall(r"<h1\b", page)) == 1
        assert 'lang="en-gb"' in page
    login = Client().get(reverse("admin:login")).content.decode()
    assert len(re.findall(r"<main\b", login)) == 1


def test_the_menu_shows_what_the_permissions_allow(client: Client) -> None:
    clerk = User.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_product"))
    client.force_login(clerk)
    page = client.get(reverse("admin:index")).content.decode()
    assert address("customers.product") in page
    assert address("customers.customer") not in page
    assert client.get(address("customers.customer")).status_code == 403


@pytest.mark.parametrize(
    "label",
    [
        "campaigns.delivery", "consent.consentevent", "consent.consentstate", "customers.event",
        "customers.order", "customers.refund", "segmentation.membership",
        "segmentation.membershipchange", "segmentation.score",
    ],
)  # fmt: skip
def test_rows_of_a_customer_are_found_by_number_and_address(
    label: str, admin_client: Client
) -> None:
    wanted, _ = MAKERS[label](), MAKERS[label]()

    def found(term: str) -> list[object]:
        return list(admin_client.get(address(label), {"q": term}).context["cl"].result_list)

    assert found(wanted.customer.external_id) == [wanted]
    assert found(wanted.customer.email.upper()) == [wanted]
    assert found("nobody@example.net") == []


def test_an_order_is_found_by_its_number(admin_client: Client) -> None:
    wanted = OrderFactory(external_id="N-1")
    OrderFactory(external_id="N-11")
    found = admin_client.get(address("customers.order"), {"q": "N-1"}).context["cl"].result_list
    assert list(found) == [wanted]


@EVERY_LIST
@pytest.mark.parametrize("key", ["nonsense", "1/page", "9" * 5000])
def test_a_row_that_cannot_be_is_not_found(label: str, key: str, admin_client: Client) -> None:
    # Django leads from a missing row to the start page, our own pages say 404
    assert admin_client.get(address(label, "change", key)).status_code in {302, 404}


def test_every_screen_says_that_outcomes_are_simulated(admin_client: Client) -> None:
    customer = CustomerFactory()
    screens = [reverse("admin:customer_page", args=[customer.pk]), address("customers.order")]
    label = re.compile(r">\s*Simulated\s*</span>")
    assert not any(label.search(admin_client.get(one).content.decode()) for one in screens)
    Source.objects.update(outcomes_simulated=True)
    assert all(label.search(admin_client.get(one).content.decode()) for one in screens)
