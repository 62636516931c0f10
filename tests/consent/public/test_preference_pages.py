"""The preference centre: one press a wish, nothing by a look, in three languages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from string import Formatter

import pytest
from django.test import Client

from consent import gate, ledger, queries, tokens, topics
from consent.enums import Act, Channel, Purpose, Refusal, RequestKind, RequestStatus
from consent.models import ConsentEvent, ConsentState, DataRequest, Preference, Wording
from consent.public import choosing, public_words
from consent.wordings_translated import TRANSLATED
from core import clock
from customers.models import Customer
from tests.factories.consent import MailableFactory, agree
from tests.factories.customers import NOW, CustomerFactory


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def later() -> None:
    clock.set_now(LATER)


@pytest.fixture
def client() -> Client:
    return Client(enforce_csrf_checks=True)


def address(customer: Customer) -> str:
    return f"/c/p/{tokens.make(customer.pk, purpose=tokens.PREFERENCES)}"


def box(purpose: str, language: str = "en") -> int:
    return Wording.objects.get(purpose=purpose, version="default-1", language=language).pk


def granted(customer: Customer) -> set[str]:
    states = ConsentState.objects.filter(customer=customer, is_granted=True)
    return set(states.values_list("purpose", flat=True))


def save(client: Client, customer: Customer, *agreed: int, **more: str) -> int:
    said = client.post(address(customer), {"action": "save", "agree": list(agreed), **more})
    return said.status_code


def test_a_look_changes_nothing_and_leaves_no_cookie(client: Client) -> None:
    customer = MailableFactory()
    before = ConsentEvent.objects.count()
    for response in (client.get(address(customer)), client.head(address(customer))):
        assert response.status_code == 200
        assert not response.cookies
        assert response["Cache-Control"] == "no-store"
        assert response["Referrer-Policy"] == "no-referrer"
    assert (ConsentEvent.objects.count(), DataRequest.objects.count()) == (before, 0)
    assert gate.refusal(customer) is None


def test_only_what_was_agreed_to_is_ticked(client: Client) -> None:
    page = client.get(address(CustomerFactory())).content.decode()
    assert "checked" not in page
    page = client.get(address(MailableFactory())).content.decode()
    assert page.count(" checked") == 1
    assert f'value="{box(Purpose.MARKETING)}" checked' in page


def test_boxes_become_acts_with_the_words_that_were_shown(client: Client) -> None:
    customer = CustomerFactory()
    save(client, customer, box(Purpose.MARKETING, "de"), box(Purpose.PROFILING, "de"), l="de")
    assert granted(customer) == {Purpose.MARKETING, Purpose.PROFILING}
    assert gate.refusal(customer) is None
    act = ConsentEvent.objects.get(purpose=Purpose.PROFILING)
    assert act.wording is not None
    assert act.wording.text == TRANSLATED["de"][Purpose.PROFILING]
    assert act.evidence == {"page": choosing.METHOD, "language": "de"}
    assert save(client, customer, box(Purpose.PROFILING)) == 200
    assert ConsentEvent.objects.filter(purpose=Purpose.PROFILING).count() == 1  # nothing changed
    assert gate.refusal(customer) == Refusal.SUPPRESSED
    save(client, customer)
    assert granted(customer) == set()


def test_withdrawing_takes_no_more_steps_than_giving(client: Client) -> None:
    """One page and one press either way; and one press for everything at once, and one in each message."""
    customer = CustomerFactory()
    save(client, customer, box(Purpose.MARKETING))
    assert gate.refusal(customer) is None
    client.post(address(customer), {"action": "nothing"})
    assert gate.refusal(customer) == Refusal.SUPPRESSED
    assert granted(customer) == set()


def test_agreeing_anew_on_the_page_makes_mailable_again(client: Client) -> None:
    customer = MailableFactory()
    client.post(address(customer), {"action": "nothing"})
    clock.set_now(LATER + timedelta(minutes=1))
    save(client, customer, box(Purpose.MARKETING))
    assert gate.refusal(customer) is None


def test_a_newsletter_is_a_consent_of_its_own(client: Client) -> None:
    garden = topics.add(slug="garden", title="Garden", titles={"de": "Garten"}, now=NOW)
    customer = MailableFactory()
    page = client.get(address(customer), headers={"Accept-Language": "de-AT,en;q=0.5"})
    assert "Newsletter „Garten“" in page.content.decode()
    save(client, customer, box(garden.purpose))
    assert granted(customer) == {garden.purpose}
    # promotions ended; the address stays open for the newsletter
    assert gate.refusal(customer) == Refusal.NO_CONSENT
    later = LATER + timedelta(hours=1)
    ledger.withdraw(customer=customer, purpose=garden.purpose, method="form", now=later)
    assert granted(customer) == set()


def test_a_pause_holds_back_until_its_day(client: Client) -> None:
    customer = MailableFactory()
    day = (LATER + timedelta(days=10)).date()
    save(client, customer, box(Purpose.MARKETING), pause=day.isoformat())
    assert gate.refusal(customer) == Refusal.PAUSED
    assert queries.reachable_count() == 0
    assert granted(customer) == {Purpose.MARKETING}
    midnight = datetime.combine(day, datetime.min.time(), tzinfo=UTC)
    assert choosing.end_pauses(now=midnight - timedelta(seconds=1)) == 0
    assert choosing.end_pauses(now=midnight) == 1
    assert gate.refusal(customer) is None


@pytest.mark.parametrize("day", ["2020-01-01", "2099-01-01", "2027-02-30", "soon"])
def test_a_pause_of_no_sense_is_named_and_nothing_is_saved(client: Client, day: str) -> None:
    customer = MailableFactory()
    response = client.post(address(customer), {"action": "save", "pause": day})
    assert response.status_code == 400
    page = response.content.decode()
    assert 'role="alert"' in page
    assert 'aria-invalid="true"' in page
    assert gate.refusal(customer) is None


def test_wishes_on_how_often_are_kept_and_go(client: Client) -> None:
    customer = MailableFactory()
    save(client, customer, box(Purpose.MARKETING), limit="2")
    assert Preference.objects.get().at_most_a_month == 2
    save(client, customer, box(Purpose.MARKETING), limit="77")
    assert not Preference.objects.exists()


def test_a_copy_and_an_erasure_are_asked_for_once_a_day(client: Client) -> None:
    customer = MailableFactory()
    for _ in range(2):
        assert client.post(address(customer), {"action": "copy"}).status_code == 200
    assert client.post(address(customer), {"action": "erase"}).status_code == 200
    assert DataRequest.objects.get().kind == RequestKind.ACCESS
    for _ in range(2):
        client.post(address(customer), {"action": "erase-yes"})
    row = DataRequest.objects.get(kind=RequestKind.ERASURE)
    assert (row.status, row.customer) == (RequestStatus.RECEIVED, customer)
    assert gate.refusal(customer) == Refusal.SUPPRESSED  # opting out waits for nobody's check


def test_global_privacy_control_ends_sharing_and_says_so(client: Client) -> None:
    customer = CustomerFactory()
    agree(customer, Purpose.SHARING)
    agree(customer, Purpose.PROFILING)
    page = client.get(address(customer), headers={"Sec-GPC": "1"}).content.decode()
    assert "Opt-out request honoured" in page
    assert granted(customer) == {Purpose.PROFILING}
    assert ConsentEvent.objects.get(act=Act.OBJECTED).method == "Global Privacy Control"
    client.get(address(customer), headers={"Sec-GPC": "1"})
    assert ConsentEvent.objects.filter(act=Act.OBJECTED).count() == 1
    assert "honoured" not in client.get(address(customer)).content.decode()


def test_text_messages_can_be_ended_there(client: Client) -> None:
    customer = CustomerFactory()
    wording = Wording.objects.get(purpose=Purpose.MARKETING, channel=Channel.SMS)
    ledger.grant(customer=customer, wording=wording, method="form", now=NOW)
    assert f'value="{wording.pk}" checked' in client.get(address(customer)).content.decode()
    save(client, customer, wording.pk)
    assert granted(customer) == {Purpose.MARKETING}
    save(client, customer)
    assert granted(customer) == set()


def test_a_box_of_the_shops_own_form_cannot_be_ticked_by_who_guesses_its_number(
    client: Client,
) -> None:
    customer = CustomerFactory()
    forged = Wording.objects.get(
        purpose=Purpose.MARKETING, channel=Channel.EMAIL, version="shop-form"
    )
    save(client, customer, forged.pk, 999_999)
    assert granted(customer) == set()


def test_a_link_of_another_kind_or_to_somebody_erased_opens_nothing(client: Client) -> None:
    customer = MailableFactory()
    wrong = tokens.make(customer.pk, 5, 6, purpose=tokens.UNSUBSCRIBE)
    assert client.post(f"/c/p/{wrong}", {"action": "nothing"}).status_code == 404
    assert gate.refusal(customer) is None
    Customer.objects.filter(pk=customer.pk).update(erased_at=NOW)
    assert client.get(address(customer)).status_code == 404


def test_the_unsubscribe_page_leads_here(client: Client) -> None:
    customer = MailableFactory()
    token = tokens.make(customer.pk, 5, 6, purpose=tokens.UNSUBSCRIBE)
    assert address(customer) in client.get(f"/c/u/{token}").content.decode()


@pytest.mark.parametrize("language", public_words.LANGUAGES)
def test_every_language_says_everything(client: Client, language: str) -> None:
    assert public_words.WORDS[language].keys() == public_words.WORDS["en"].keys()
    customer = MailableFactory()
    page = client.get(address(customer), headers={"Accept-Language": f"{language};q=0.9"})
    assert page["Content-Language"] == language
    assert f'<html lang="{language}">' in page.content.decode()
    assert public_words.WORDS[language]["title"] in page.content.decode()
    chosen = client.get(f"{address(customer)}?l={language}", headers={"Accept-Language": "fr"})
    assert chosen["Content-Language"] == language


def test_every_purpose_has_its_text_in_every_language() -> None:
    assert all(set(texts) == set(Purpose) for texts in TRANSLATED.values())
    assert not any(
        field for texts in public_words.WORDS.values() for text in texts.values()
        for _, field, _, _ in Formatter().parse(text)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("language", "day"),
    [("en", "1 April 2026"), ("de", "1. April 2026"), ("es", "1 de abril de 2026")],
)
def test_the_day_of_an_answer_is_written_as_the_reader_writes_it(
    client: Client, language: str, day: str
) -> None:
    clock.set_now(datetime(2026, 3, 2, 9, tzinfo=UTC))
    said = client.post(f"{address(CustomerFactory())}?l={language}", {"action": "copy"})
    assert f" {day}." in said.content.decode()
