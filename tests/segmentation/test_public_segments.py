"""People read what the shop calls a group publicly, or what is plainly so; never the name that staff use."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from consent.enums import Purpose
from consent.public import inferences
from customers.models import Customer
from segmentation import inferring, public_segments
from segmentation.enums import Measure, SegmentKind, Task
from segmentation.ml.estimators.rfm import GROUPS
from segmentation.models import Membership, Segment
from segmentation.segments import BANDS
from tests.factories.consent import agree
from tests.factories.customers import NOW, CustomerFactory
from tests.factories.segmentation import SegmentFactory


def member(segment: Segment) -> Customer:
    customer: Customer = CustomerFactory()
    agree(customer, Purpose.PROFILING)
    Membership.objects.create(segment=segment, customer=customer, joined_at=NOW)
    return customer


def read(customer: Customer, *, language: str = "en", why: bool = False) -> list[tuple[str, ...]]:
    told = inferences.of_customer(customer.pk, language=language, with_reasons=why, now=NOW)
    return [(one.what, *one.why) for one in told]


# ---------------------------------------------------------------- groups
@pytest.mark.django_db
def test_the_public_name_is_read_in_the_language_of_the_reader_or_in_another() -> None:
    segment = SegmentFactory(
        name="Cheapskates", kind=SegmentKind.RULE, description="Never give them more than 5 %.",
        public_names={"en": "Bargain friends", "de": "Schnäppchenfreunde"},
    )  # fmt: skip
    customer = member(segment)
    assert read(customer) == [("“Bargain friends”",)]
    assert read(customer, language="de") == [("„Schnäppchenfreunde“",)]
    assert read(customer, language="es") == [("«Bargain friends»",)]
    segment.public_names = {"es": "Amigos de las ofertas"}
    segment.save()
    assert read(customer) == [("“Amigos de las ofertas”",)]


@pytest.mark.django_db
@pytest.mark.parametrize("language", public_segments.LANGUAGES)
@pytest.mark.parametrize("kind", SegmentKind.values)
def test_without_a_public_name_nobody_reads_the_one_of_staff_or_their_notes(
    kind: str, language: str
) -> None:
    note = "We lose nothing by annoying them." if kind in {"RULE", "STATIC"} else "Our own words."
    customer = member(SegmentFactory(name="Cheapskates", kind=kind, description=note))
    told = str(read(customer, language=language, why=True))
    assert "Cheapskates" not in told
    assert "annoying" not in told
    assert (told == "[]") == (kind == SegmentKind.EVERYONE)


@pytest.mark.parametrize("language", public_segments.LANGUAGES)
def test_every_group_that_the_machine_makes_is_described_and_told_apart(language: str) -> None:
    made = [
        Segment(name=group.name, kind=SegmentKind.RFM, definition={"group": group.code})
        for group in GROUPS
    ] + [
        Segment(name=band.name, kind=SegmentKind.SCORE, definition={"task": band.task})
        for band in BANDS
    ]
    names = [public_segments.name_of(one, language=language) for one in made]
    assert len(set(names)) == len(made)
    fallback = public_segments.name_of(Segment(kind=SegmentKind.RULE), language=language)
    assert fallback not in names


# ---------------------------------------------------------------- figures
@pytest.mark.parametrize(
    ("task", "value", "language", "shown"),
    [
        (Task.CHURN, 0.256, "en", "26\N{NO-BREAK SPACE}%"),
        (Task.UPLIFT, 0.0123, "en", "+1.2 percentage points"),
        (Measure.NEXT_ORDER, 65.2, "de", "65 Tage"),
        (Measure.NEXT_ORDER, 1.2, "es", "1 día"),
        (Task.UPLIFT, 0.0123, "de", "+1,2 Prozentpunkte"),
        (Task.UPLIFT, -0.0123, "es", "−1,2 puntos porcentuales"),
        (Task.LIFETIME, 1_234_560.0, "en", "€12,346"),
        (Task.LIFETIME, 1_234_560.0, "de", "12.346\N{NO-BREAK SPACE}€"),
        (Task.LIFETIME, 34_560.0, "es", "346\N{NO-BREAK SPACE}€"),
    ],
)
def test_figures_are_written_as_the_reader_writes_them(
    task: Task | Measure, value: float, language: str, shown: str
) -> None:
    assert inferring._shown(task, value, language=language) == shown


@pytest.mark.parametrize(
    ("code", "shown"),
    [("CHF", "12.346\N{NO-BREAK SPACE}CHF"), ("USD", "12.346\N{NO-BREAK SPACE}$")],
)
def test_other_currencies_stand_behind_the_amount_too(
    monkeypatch: pytest.MonkeyPatch, code: str, shown: str
) -> None:
    monkeypatch.setattr(settings, "CURRENCY", code)
    assert inferring._shown(Task.LIFETIME, 1_234_560.0, language="de") == shown


# ---------------------------------------------------------------- where staff say it
@pytest.mark.django_db
def test_staff_give_a_public_name_and_see_what_is_read_now(admin_client: Client) -> None:
    segment = SegmentFactory(kind=SegmentKind.RULE)
    page = reverse("admin:segment_public_name", args=[segment.pk])
    assert (
        page in admin_client.get(reverse("admin:segment_page", args=[segment.pk])).content.decode()
    )
    assert "a rule of the shop" in admin_client.get(page).content.decode()
    said = admin_client.post(page, {"en": " Tea friends ", "de": "Teefreunde", "es": ""})
    assert said.status_code == 302
    segment.refresh_from_db()
    assert segment.public_names == {"en": "Tea friends", "de": "Teefreunde"}
    assert "«Tea friends»" in admin_client.get(page).content.decode()
    assert admin_client.post(page, {"en": "x" * 101}).status_code == 422


@pytest.mark.django_db
def test_who_may_only_look_names_nothing(client: Client) -> None:
    user = User.objects.create_user("analyst", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_segment"))
    client.force_login(user)
    segment = SegmentFactory(kind=SegmentKind.RULE)
    assert client.get(reverse("admin:segment_public_name", args=[segment.pk])).status_code == 403
