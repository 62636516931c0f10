"""Files of people: who they are, and that a file can take consent away and never bring it back."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import call_command

from consent import ages, ledger
from consent.enums import Purpose, Refusal
from consent.gate import refusal
from consent.models import Wording
from customers.importing import runs
from customers.importing.dialect import detect
from customers.models import Customer, Event, Import, RejectedRow, Source
from customers.sources import person_keys
from tests.factories.customers import CustomerFactory, SourceFactory


pytestmark = pytest.mark.django_db

MAILCHIMP = """Email Address,First Name,Last Name,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,UNSUB_TIME
ada@example.com,Ada,Lovelace,2024-05-01 10:11:12,203.0.113.7,2024-05-01 10:15:00,203.0.113.7,
bob@example.com,Bob,,2023-02-01 08:00:00,203.0.113.8,,,2024-01-02 03:04:05
"""
KLAVIYO = """Klaviyo ID,Email,First Name,Email Marketing Consent,Email Marketing Consent Timestamp,Consent Method
01A,cleo@example.com,Cleo,SUBSCRIBED,2024-03-04T05:06:07+00:00,LIST
01B,dora@example.com,Dora,NEVER_SUBSCRIBED,,
01C,emil@example.com,Emil,UNSUBSCRIBED,2024-03-05T00:00:00+00:00,
01D,finn@example.com,Finn,SUBSCRIBED,,
"""
SHOPIFY = """Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Country Code,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags
'7000000000000000001,Gina,"van der
Berg",gina@example.com,yes,NL,'+31600000001,no,12.00,1,,no,"vip, tea"
'7000000000000000002,Hugo,Stein,hugo@example.com,no,DE,,yes,0.00,0,calls often,no,
"""


def run(
    tmp_path: Path, now: datetime, text: str, *, source: Source | None = None, **settings: object
) -> Import:
    path = tmp_path / "people.csv"
    path.write_text(text, encoding="utf-8-sig", newline="")
    row = runs.create(
        source=source or SourceFactory(), file_name=path.name, path=path, now=now,
        layout=detect(path).layout, settings=settings,
    )  # fmt: skip
    runs.run(row, now=now)
    row.refresh_from_db()
    assert row.lines == row.accepted + row.duplicates + row.rejected
    return row


def kinds() -> dict[str, str]:
    """First name to the kind of the e-mail consent event."""
    events = Event.objects.filter(properties__channel="EMAIL").select_related("customer")
    return {event.customer.first_name: event.kind for event in events}


@pytest.mark.parametrize(
    ("text", "layout"),
    [(MAILCHIMP, "people"), (KLAVIYO, "people"), (SHOPIFY, "shopify-customers")],
)
def test_layout_is_recognised(tmp_path: Path, text: str, layout: str) -> None:
    path = tmp_path / "file.csv"
    path.write_text(text)
    assert detect(path).layout == layout


def test_mailchimp_opted_in_with_a_time_is_a_consent_and_unsubscribed_is_not(
    tmp_path: Path, now: datetime
) -> None:
    run(tmp_path, now, MAILCHIMP)
    assert kinds() == {"Ada": "CONSENT_GIVEN", "Bob": "CONSENT_WITHDRAWN"}
    given = Event.objects.get(kind="CONSENT_GIVEN")
    assert given.happened_at == datetime(2024, 5, 1, 10, 15, tzinfo=UTC)
    assert given.properties["provenance"] == "import"
    assert "203.0.113.7" not in str(given.properties)
    assert len(given.properties["ip_hash"]) == 64


def test_klaviyo_subscribed_needs_a_time_and_a_place(tmp_path: Path, now: datetime) -> None:
    row = run(tmp_path, now, KLAVIYO)
    assert kinds() == {
        "Cleo": "CONSENT_GIVEN", "Emil": "CONSENT_WITHDRAWN", "Finn": "CONSENT_CLAIMED",
    }  # fmt: skip
    assert set(Customer.objects.values_list("external_id", flat=True)) == {
        "01A",
        "01B",
        "01C",
        "01D",
    }
    assert any("claimed" in note for note in row.report["notes"])


def test_shopify_customers_keep_their_numbers_and_yes_is_only_claimed(
    tmp_path: Path, now: datetime
) -> None:
    run(tmp_path, now, SHOPIFY)
    gina = Customer.objects.get(first_name="Gina")
    assert gina.external_id == "7000000000000000001"
    assert (gina.phone, gina.country, gina.traits) == ("+31600000001", "NL", {"tags": "vip, tea"})
    assert "van der" in gina.last_name
    assert kinds() == {"Gina": "CONSENT_CLAIMED", "Hugo": "CONSENT_WITHDRAWN"}
    assert not Event.objects.filter(properties__icontains="calls often").exists()
    ledger.absorb(now=now)
    assert refusal(gina) == "NO_CONSENT"


def test_a_place_said_for_the_whole_file_makes_timed_consents_provable(
    tmp_path: Path, now: datetime
) -> None:
    text = "email,consent,consent_at\nada@example.com,yes,2024-05-01\nbob@example.com,yes,\n"
    run(tmp_path, now, text, consent={"place": "Form in the shop"})
    found = {e.customer.email: e.kind for e in Event.objects.select_related("customer")}
    assert found == {"ada@example.com": "CONSENT_GIVEN", "bob@example.com": "CONSENT_CLAIMED"}
    ledger.absorb(now=now)
    assert refusal(Customer.objects.get(email="ada@example.com")) is None
    assert refusal(Customer.objects.get(email="bob@example.com")) == "NO_CONSENT"


def test_of_conflicting_lines_no_is_taken_and_told(tmp_path: Path, now: datetime) -> None:
    text = (
        "email,consent,consent_at,consent_source\n"
        "ada@example.com,no,2023-01-01,form\n"
        "ADA@example.com,yes,2024-05-01,form\n"
    )
    row = run(tmp_path, now, text)
    assert [e.kind for e in Event.objects.all()] == ["CONSENT_WITHDRAWN"]
    assert Customer.objects.count() == 1
    path = Path(tmp_path / "people.csv")
    again = runs.create(
        source=row.source, file_name="people.csv", path=path, now=now, layout="people"
    )
    told = runs.dry_run(again, now=now)
    assert list(told["conflicts"]) == [
        "Line 3 says yes and line 2 says no for one person: no was taken."
    ]


@pytest.mark.parametrize("spelling", ["ada@example.com", "ADA@Example.COM", " ada@example.com "])
def test_import_never_brings_back_who_left(tmp_path: Path, now: datetime, spelling: str) -> None:
    customer = CustomerFactory(email="ada@example.com", external_id="17")
    wording = Wording.objects.get(purpose=Purpose.MARKETING, version="default-1", language="en")
    ledger.grant(customer=customer, wording=wording, method="form", now=now)
    ledger.unsubscribe(customer_id=customer.pk, method="one-click", now=now)

    for source in (customer.source, SourceFactory()):
        text = f"id,email,consent,consent_at,consent_source\n17,{spelling},yes,2026-05-31,form\n"
        run(tmp_path, now, text, source=source)
    ledger.absorb(now=now)

    assert refusal(customer) is not None
    assert all(refusal(person) is not None for person in Customer.objects.all())


def test_import_twice_adds_nothing(tmp_path: Path, now: datetime) -> None:
    source = SourceFactory()
    first = run(tmp_path, now, MAILCHIMP + "zoe@example.com,Zoe,,,,,,\n", source=source)
    events = Event.objects.count()
    second = run(tmp_path, now, MAILCHIMP + "zoe@example.com,Zoe,,,,,,\n", source=source)
    assert (first.accepted, second.accepted, second.duplicates) == (3, 0, 3)
    assert Event.objects.count() == events


def test_lines_that_name_nobody_are_rejected_with_a_reason(tmp_path: Path, now: datetime) -> None:
    text = "email,first name,consent\n,Nobody,yes\nnot an address,Strange,yes\nada@example.com,Ada,maybe\n"
    row = run(tmp_path, now, text)
    assert dict(RejectedRow.objects.values_list("line_number", "reason")) == {
        2: "missing_id", 3: "bad_address",
    }  # fmt: skip
    assert not Event.objects.exists()
    assert any("“maybe”" in note for note in row.report["notes"])


def test_a_consent_in_the_future_is_only_claimed(tmp_path: Path, now: datetime) -> None:
    text = "email,consent,consent_at,consent_source\nada@example.com,yes,2031-01-01,form\n"
    run(tmp_path, now, text)
    assert [e.kind for e in Event.objects.all()] == ["CONSENT_CLAIMED"]


def test_mapping_names_the_columns(tmp_path: Path, now: datetime) -> None:
    text = "Nr;Adresse;Einwilligung;Wann;Wo\n5;ada@example.com;ja;01.05.2024;Formular\n"
    columns = {"id": "Nr", "email": "Adresse", "consent_at": "Wann", "consent_source": "Wo"}
    path = tmp_path / "leute.csv"
    path.write_text(text)
    row = runs.create(
        source=SourceFactory(), file_name=path.name, path=path, now=now, layout="people",
        settings={"mapping": {"columns": columns}},
    )  # fmt: skip
    runs.run(row, now=now)
    assert Event.objects.get().kind == "CONSENT_GIVEN"
    assert Event.objects.get().happened_at == datetime(2024, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "moment", ["0001-01-01", "1970-01-01", "-infinity", "infinity", "0000-00-00"]
)
def test_a_withdrawal_with_a_strange_time_is_not_lost(
    tmp_path: Path, now: datetime, moment: str
) -> None:
    text = f"email,consent,consent_at,unsubscribed_at\nada@example.com,yes,2024-05-01,{moment}\n"
    run(tmp_path, now, text, consent={"place": "Form"})
    event = Event.objects.get()
    assert (event.kind, event.happened_at) == ("CONSENT_WITHDRAWN", now.replace(microsecond=0))


@pytest.mark.parametrize("moment", ["1970-01-01", "-infinity", "infinity"])
def test_a_consent_of_no_real_time_is_only_claimed(
    tmp_path: Path, now: datetime, moment: str
) -> None:
    run(tmp_path, now, f"email,consent,consent_at,source\nada@example.com,yes,{moment},form\n")
    assert Event.objects.get().kind == "CONSENT_CLAIMED"


def test_a_parquet_consent_in_the_future_is_only_claimed(tmp_path: Path, now: datetime) -> None:
    table = pa.table({
        "email": ["ada@example.com", "bob@example.com"], "consent": [True, True],
        "consent_source": ["form", "form"],
        "consent_at": pa.array([now + timedelta(days=400), now - timedelta(days=4)], pa.timestamp("us", "UTC")),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "people.parquet")
    row = runs.create(
        source=SourceFactory(), file_name="people.parquet", path=tmp_path / "people.parquet", now=now,
        layout="people",
    )  # fmt: skip
    runs.run(row, now=now)
    found = {e.customer.email: e.kind for e in Event.objects.select_related("customer")}
    assert found == {"ada@example.com": "CONSENT_CLAIMED", "bob@example.com": "CONSENT_GIVEN"}


def test_an_address_that_mail_came_back_from_is_not_mailed(tmp_path: Path, now: datetime) -> None:
    """Mailchimp's lists put together: one column says who left, another who was cleaned."""
    text = (
        "Email Address,OPTIN_TIME,OPTIN_IP,UNSUB_TIME,CLEAN_TIME\n"
        "ada@example.com,2024-05-01 10:11:12,203.0.113.7,,2025-01-01 00:00:00\n"
    )
    run(tmp_path, now, text)
    assert Event.objects.get().kind == "CONSENT_WITHDRAWN"


def test_an_ip_cannot_be_tried_out(tmp_path: Path, now: datetime) -> None:
    run(tmp_path, now, MAILCHIMP)
    said = Event.objects.get(kind="CONSENT_GIVEN").properties["ip_hash"]
    assert said != hashlib.sha256(b"203.0.113.7").hexdigest()


def test_names_keep_their_apostrophe_and_numbers_lose_it(tmp_path: Path, now: datetime) -> None:
    run(tmp_path, now, "id,email,last name\n'17,jan@example.com,'t Hart\n")
    customer = Customer.objects.get()
    assert (customer.external_id, customer.last_name) == ("17", "'t Hart")


def test_keys_are_installed_once_however_often_it_is_said() -> None:
    with duckdb.connect() as db:
        person_keys.install(db)
        person_keys.install(db)
        one, other, none = db.execute(
            "SELECT person_key('ADA@example.com'), person_key(' ada@example.com'), person_key(NULL)"
        ).fetchall()[0]
    assert one == other
    assert none is None


def test_command_takes_a_mapping_of_people(tmp_path: Path) -> None:
    (tmp_path / "leute.csv").write_text("Adresse;Nr\nada@example.com;5\n")
    mapping = tmp_path / "mapping.json"
    mapping.write_text('{"columns": {"id": "Nr", "email": "Adresse"}}')
    out = StringIO()
    call_command(
        "import_shop", str(tmp_path / "leute.csv"), "--layout", "people", "--mapping", str(mapping),
        "--json", stdout=out,
    )  # fmt: skip
    assert json.loads(out.getvalue().splitlines()[-1])["accepted"] == 1
    assert Customer.objects.get().external_id == "5"


def test_a_birthday_of_a_file_keeps_promotions_from_a_child(tmp_path: Path, now: datetime) -> None:
    run(
        tmp_path,
        now,
        "Email,First Name,Date of Birth,Age,Consent,Consent_at,Source\n"
        "kim@example.com,Kim,2014-05-01,,yes,2026-05-01,shop\n"
        "lee@example.com,Lee,05/01/2014,,yes,2026-05-01,shop\n"
        "max@example.com,Max,,12,yes,2026-05-01,shop\n"
        "old@example.com,Old,1980-05-01,,yes,2026-05-01,shop\n"
        "ann@example.com,Ann,05/01,,yes,2026-05-01,shop\n",
    )
    ages.check(now=now)
    ledger.absorb(now=now)
    found = {one.first_name: refusal(one) for one in Customer.objects.all()}
    assert found == {
        "Kim": Refusal.UNDER_AGE, "Lee": Refusal.UNDER_AGE, "Max": Refusal.UNDER_AGE,
        "Old": None, "Ann": None,
    }  # fmt: skip
    assert Customer.objects.get(first_name="Lee").traits == {"birthday": "2014-05-01"}
    assert Customer.objects.get(first_name="Ann").traits == {}
