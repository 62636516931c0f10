"""The matrix: every role on every page of the admin, from the table in the code."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from config import roles
from config.roles import ROLES
from customers.masking import SEE
from tests.screens.rows import MAKERS


pytestmark = pytest.mark.django_db

ANALYST, APPROVER = "Analyst", "Approver"
ADDRESSES = ("@example.com", "%40example.com")
EVERY_ROLE = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def client_of(role: str) -> Client:
    user = User.objects.create_user(f"a {role}".replace(" ", "-").lower(), is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def test_every_entry_of_the_table_is_a_permission() -> None:
    assert list(roles.unknown()) == []


def test_groups_are_set_back_to_the_table() -> None:
    group = Group.objects.get(name=ANALYST)
    before = set(group.permissions.values_list("pk", flat=True))
    group.permissions.clear()
    roles.install()
    assert set(group.permissions.values_list("pk", flat=True)) == before


def expected_of(role: roles.Role, label: str) -> dict[str, int]:
    """Status by page; additions and deletions are only tried by who may not do them."""
    app, model = label.split(".")
    sees = 200 if role.holds(f"{app}.view_{model}") else 403
    closed = [page for page in ("add", "delete") if not role.holds(f"{app}.{page}_{model}")]
    # the page of a name of a customer is the customer's
    opens = 200 if label == "customers.alias" and role.holds("customers.view_customer") else sees
    return {"changelist": sees, "change": opens, **dict.fromkeys(closed, 403)}


@pytest.mark.parametrize("role", ROLES[:-1], ids=lambda role: role.name)
def test_matrix_of_lists_and_rows(role: roles.Role) -> None:
    """Every list, row, addition and deletion is open exactly to who holds its permission."""
    client = client_of(role.name)
    wrong, addresses = [], []
    for label in sorted(MAKERS):
        row = MAKERS[label]()
        for page, expected in expected_of(role, label).items():
            args = () if page in {"changelist", "add"} else (row.pk,)
            url = reverse(f"admin:{label.replace('.', '_')}_{page}", args=args)
            ask = client.post if page == "delete" else client.get
            answer = ask(url, {"post": "yes"} if page == "delete" else None, follow=True)
            if answer.status_code != expected:
                wrong.append((label, page, answer.status_code))
            if any(one in answer.content.decode() for one in ADDRESSES):
                addresses.append((label, page))
    assert wrong == []
    if role.holds(SEE):
        assert ("customers.customer", "changelist") in addresses
    else:
        assert addresses == []


OWN_PAGES = {
    "campaign_pages:new": "campaigns.add_campaign",
    "admin:segment_new": "segmentation.add_segment",
    "admin:said_page": "segmentation.view_reviewsentiment",
    "admin:models_page": "segmentation.view_modelversion",
    "admin:drift_page": "segmentation.view_modelversion",
    "admin:recommendations_page": "segmentation.view_recommendationrun",
    "admin:data_register": "consent.view_datarequest",
    "admin:special_data": "consent.view_datarequest",
    "admin:data_request_new": "consent.carry_out_datarequest",
    "api_key_pages:new": "gateway.add_apikey",
    "source_pages:new": "customers.add_source",
    "import_pages:new": "customers.add_import",
    "webhook_pages:new": "webhooks.add_endpoint",
    "admin:auth_user_changelist": "auth.view_user",
    "admin:auth_group_changelist": "auth.view_group",
    "admin:django_celery_beat_periodictask_changelist": "django_celery_beat.view_periodictask",
}


@EVERY_ROLE
def test_matrix_of_own_pages(role: roles.Role) -> None:
    client = client_of(role.name)
    got = {name: client.get(reverse(name)).status_code for name in OWN_PAGES}
    assert got == {
        name: 200 if role.holds(permission) else 403 for name, permission in OWN_PAGES.items()
    }
    assert client.get("/admin/").status_code == 200


def test_nobody_but_the_admin_gets_at_staff_keys_and_schedules() -> None:
    for role in ROLES:
        for permission in ("auth.add_user", "auth.change_group", "gateway.add_apikey"):
            assert role.holds(permission) == (role.name == "Admin")


def test_roles_say_who_sees_addresses() -> None:
    for role in ROLES[:-1]:
        says = "names and addresses" in role.does
        assert says == role.holds(SEE), role.name


def test_roles_are_given_and_listed() -> None:
    User.objects.create_user("eve")
    out = StringIO()
    call_command("roles", "--give", "privacy officer", "eve", stdout=out)
    eve = User.objects.get(username="eve")
    assert eve.is_staff
    assert eve.has_perm("consent.carry_out_datarequest")
    assert "eve now has the role Privacy officer." in out.getvalue()
    assert "held by: eve" in out.getvalue()
    call_command("roles", "--take", "Privacy officer", "eve", stdout=StringIO())
    assert not User.objects.get(username="eve").groups.exists()
    with pytest.raises(CommandError, match="No role"):
        call_command("roles", "--give", "king", "eve")
    with pytest.raises(CommandError, match="Nobody logs in"):
        call_command("roles", "--give", "Analyst", "adam")
