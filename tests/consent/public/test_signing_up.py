"""Double opt-in: nothing before the owner of the address has pressed, and nothing learned from outside."""

from __future__ import annotations

import uuid
from datetime import timedelta
from ipaddress import IPv6Address
from itertools import pairwise

import pytest
from django.conf import settings
from django.test import Client

from consent import gate, ledger, topics
from consent.enums import Act, Purpose, Refusal, SuppressionReason
from consent.models import ConsentEvent, ConsentState, ServiceMessage, SignUp, Suppression, Wording
from consent.public import public_words, service_messages, sign_up_words, signing_up
from consent.public.sign_up_pages import A_MINUTE
from core import clock
from customers.models import Customer
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW, CustomerFactory
from tests.gateway.clients import Api, fields


pytestmark = pytest.mark.django_db
ADDRESS = "ada@example.com"


@pytest.fixture(autouse=True)
def at_now() -> None:
    clock.set_now(NOW)


@pytest.fixture
def client() -> Client:
    # an address of the network for each test: the limit a minute is counted outside the database
    return Client(enforce_csrf_checks=True, REMOTE_ADDR=str(IPv6Address(uuid.uuid4().int)))


def box(purpose: str = Purpose.MARKETING, language: str = "en") -> int:
    return Wording.objects.get(purpose=purpose, version="default-1", language=language).pk


def ask(address: str = ADDRESS, *purposes: str, at=NOW, language: str = "en") -> None:
    texts = signing_up.texts_of(purposes or [Purpose.MARKETING], language=language)
    signing_up.ask(address=address, texts=texts, language=language, form="footer", now=at)


def link(address: str = ADDRESS) -> str:
    """The path of the link in the message that waits for this address."""
    row = SignUp.objects.filter(address=address).latest("pk")
    row.message.__class__.objects.exclude(pk=row.message.pk).delete()
    taken = service_messages.take(now=row.asked_at)
    assert taken is not None
    (line,) = {line for line in taken.text.splitlines() if line.startswith("http")}
    return line.removeprefix(settings.PUBLIC_URL)


def granted(customer: Customer) -> set[str]:
    states = ConsentState.objects.filter(customer=customer, is_granted=True)
    return set(states.values_list("purpose", flat=True))


# ---------------------------------------------------------------- from the page to the ledger
def test_nothing_is_allowed_before_the_owner_of_the_address_has_pressed(client: Client) -> None:
    customer = CustomerFactory(email=ADDRESS)
    said = client.post("/c/sign-up", {"address": ADDRESS, "agree": [box()]})
    assert said.status_code == 200
    assert "seven days" in said.content.decode()
    assert gate.refusal(customer) == Refusal.NO_CONSENT
    assert not ConsentEvent.objects.exists()
    path = link()
    assert client.post(path, {"confirm": "yes"}).status_code == 200
    assert gate.refusal(customer) is None
    act = ConsentEvent.objects.get()
    assert (act.act, act.method, act.wording_id) == (Act.GRANTED, "double opt-in", box())
    message = ServiceMessage.objects.get()
    assert act.evidence == {
        "form": "sign-up page", "language": "en", "sign_up": SignUp.objects.get().pk,
        "asked_at": act.evidence["asked_at"], "confirmed_at": act.evidence["confirmed_at"],
        "message_id": message.message_id,
    }  # fmt: skip
    assert SignUp.objects.get().address == ""


def test_scanners_fetch_the_link_as_often_as_they_like_and_nothing_is_confirmed(
    client: Client,
) -> None:
    customer = CustomerFactory(email=ADDRESS)
    ask()
    path = link()
    for number in range(60):
        agent = {"User-Agent": f"scanner/{number}"}
        for response in (client.get(path, headers=agent), client.head(path, headers=agent)):
            assert response.status_code == 200
            assert not response.cookies
            assert response["Cache-Control"] == "no-store"
            assert response["Referrer-Policy"] == "no-referrer"
    assert client.options(path).status_code == client.put(path).status_code == 405
    assert not ConsentEvent.objects.exists()
    assert gate.refusal(customer) == Refusal.NO_CONSENT


def test_a_link_works_once(client: Client) -> None:
    customer = CustomerFactory(email=ADDRESS)
    ask()
    path = link()
    client.post(path)
    ledger.unsubscribe(customer_id=customer.pk, method="test", now=NOW + timedelta(hours=1))
    clock.set_now(NOW + timedelta(hours=2))
    assert client.post(path).status_code == 200  # it says that it was confirmed, and no more
    assert gate.refusal(customer) == Refusal.SUPPRESSED
    assert ConsentEvent.objects.filter(act=Act.GRANTED).count() == 1


@pytest.mark.parametrize(("days", "status"), [(6.99, 200), (7.01, 410)])
def test_a_link_runs_out_after_seven_days(client: Client, days: float, status: int) -> None:
    customer = CustomerFactory(email=ADDRESS)
    ask()
    path = link()
    clock.set_now(NOW + timedelta(days=days))
    assert client.get(path).status_code == status
    assert client.post(path).status_code == status
    assert (gate.refusal(customer) is None) == (status == 200)


def test_a_link_is_kept_as_a_hash_and_is_no_other_kind_of_link(client: Client) -> None:
    MailableFactory(email=ADDRESS)
    ask()
    token = link().removeprefix("/c/s/").split("?")[0]
    row = SignUp.objects.get()
    assert len(token) == 43
    assert token not in str(SignUp.objects.values().get())
    assert row.token_sha256 == signing_up.one_time_tokens.digest(token)
    for path in ("/c/u/", "/c/p/"):
        assert client.post(path + token, {"action": "nothing"}).status_code == 404
    for wrong in (token[:-1], token[::-1], "nonsense"):
        assert client.post(f"/c/s/{wrong}").status_code == 404
    assert not ConsentEvent.objects.filter(method="double opt-in").exists()


def test_a_link_outlives_a_rotation_of_keys(client: Client, monkeypatch) -> None:
    CustomerFactory(email=ADDRESS)
    ask()
    monkeypatch.setattr(settings, "LINK_KEYS_RETIRED", (settings.LINK_KEY,))
    monkeypatch.setattr(settings, "LINK_KEY", b"another key of this installation")
    kept = SignUp.objects.get().token_sha256
    client.post(link())
    assert ConsentEvent.objects.count() == 1
    assert SignUp.objects.get().token_sha256 == kept


# ---------------------------------------------------------------- whose consent it is
def test_somebody_new_becomes_a_customer_by_confirming_and_not_before(client: Client) -> None:
    ask()
    assert not Customer.objects.exists()
    path = link()
    client.post(path)
    client.post(path)
    customer = Customer.objects.get()
    assert (customer.email, customer.language, customer.source.name) == (ADDRESS, "en", "Sign-ups")
    assert gate.refusal(customer) is None


def test_an_address_speaks_for_each_of_its_customers_and_only_for_what_was_asked(
    client: Client,
) -> None:
    garden = topics.add(slug="garden", title="Garden", now=NOW)
    first, second = CustomerFactory(email=ADDRESS), CustomerFactory(email=ADDRESS.upper())
    ask(ADDRESS, garden.purpose)
    client.post(link())
    assert granted(first) == granted(second) == {garden.purpose}
    assert gate.refusal(first) == Refusal.NO_CONSENT  # of promotions nothing was said
    assert gate.refusal(first, purpose=garden.purpose) is None


def test_a_confirmed_sign_up_lifts_an_erasure_and_no_complaint(client: Client) -> None:
    for reason, address in (
        (SuppressionReason.ERASED, "erased@example.com"),
        (SuppressionReason.UNSUBSCRIBED, "gone@example.com"),
        (SuppressionReason.COMPLAINT, "angry@example.com"),
        (SuppressionReason.HARD_BOUNCE, "dead@example.com"),
    ):
        customer = CustomerFactory(email=address)
        ask(address)
        path = link(address)  # in case it comes only after the message has left
        ledger.suppress(address_hmac=customer.email_hmac, reason=reason, now=NOW)
        clock.set_now(NOW + timedelta(minutes=1))
        client.post(path)
    open_again = {
        customer.email: gate.refusal(customer) is None for customer in Customer.objects.all()
    }
    assert open_again == {
        "erased@example.com": True, "gone@example.com": True, "angry@example.com": False,
        "dead@example.com": False,
    }  # fmt: skip


def test_nobody_is_asked_whose_address_bounced_or_complained() -> None:
    for number, reason in enumerate(SuppressionReason):
        address = f"a{number}@example.com"
        ask(address)
        row = SignUp.objects.get(address=address)
        ledger.suppress(address_hmac=row.address_hmac, reason=reason, now=NOW)
    while service_messages.take(now=NOW):
        pass
    waiting = ServiceMessage.objects.filter(state="WAITING").values_list("sign_up__address_hmac")
    assert {
        row.reason for row in Suppression.objects.filter(address_hmac__in=waiting)
    } == {SuppressionReason.UNSUBSCRIBED, SuppressionReason.ERASED}  # fmt: skip


# ---------------------------------------------------------------- nothing learned, nobody flooded
def test_the_answer_is_the_same_for_every_address(client: Client) -> None:
    MailableFactory(email=ADDRESS)
    angry = CustomerFactory(email="angry@example.com")
    ledger.suppress(address_hmac=angry.email_hmac, reason=SuppressionReason.COMPLAINT, now=NOW)
    pages = set()
    for address in (ADDRESS, ADDRESS, "angry@example.com", "nobody@example.com"):
        said = client.post("/c/sign-up", {"address": address, "agree": [box()]})
        pages.add((said.status_code, said.content))
    assert len(pages) == 1
    api = Api()
    answers = {
        (said.status_code, said.content)
        for address in (ADDRESS, "angry@example.com", "unknown@example.com")
        for said in [api.post("consent/sign-ups", {"email": address, "purposes": ["MARKETING"]})]
    }
    assert answers == {(202, b'{"status":"PENDING"}')}


def test_nobody_is_flooded_however_the_address_is_written() -> None:
    spellings = ["ada@example.com", "ADA@example.com", "a.d.a+one@example.com", "ada+2@Example.com"]
    for minutes in range(0, 600, 10):
        at = NOW + timedelta(minutes=minutes)
        for spelling in spellings:
            ask(spelling, at=at)
    assert SignUp.objects.count() == signing_up.AT_MOST_A_DAY
    moments = sorted(SignUp.objects.values_list("asked_at", flat=True))
    assert min(b - a for a, b in pairwise(moments)) >= signing_up.BETWEEN
    ask(at=NOW + timedelta(days=1, minutes=1))
    assert SignUp.objects.count() == signing_up.AT_MOST_A_DAY + 1


def test_a_form_that_is_sent_too_often_is_put_off(client: Client) -> None:
    for number in range(A_MINUTE):
        said = client.post("/c/sign-up", {"address": f"a{number}@example.com", "agree": [box()]})
        assert said.status_code == 200
    said = client.post("/c/sign-up", {"address": "late@example.com", "agree": [box()]})
    assert (said.status_code, int(said["Retry-After"]) > 0) == (429, True)
    assert not SignUp.objects.filter(address="late@example.com").exists()


def test_a_machine_that_fills_in_every_field_is_told_the_same(client: Client) -> None:
    typed = {"address": ADDRESS, "agree": [box()], "company": "Spam Ltd"}
    assert "seven days" in client.post("/c/sign-up", typed).content.decode()
    assert not SignUp.objects.exists()


# ---------------------------------------------------------------- the page
def test_the_page_has_no_ticked_box_no_cookie_and_may_stand_in_a_frame(client: Client) -> None:
    topics.add(slug="garden", title="Garden", titles={"de": "Garten"}, now=NOW)
    for language in public_words.LANGUAGES:
        response = client.get(f"/c/sign-up?l={language}")
        page = response.content.decode()
        assert page.count('type="checkbox"') == 2
        assert " checked" not in page
        assert not response.cookies
        assert "X-Frame-Options" not in response
        assert f'<html lang="{language}">' in page
        assert sign_up_words.words(language, shop="")["title"] in page
    ask()
    assert client.get(link())["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ({"address": "nonsense"}, ["#address", "#first"]),
        ({"address": ADDRESS}, ["#first"]),
        ({"address": "", "agree": ["MARKETING"]}, ["#address"]),
        ({"address": ADDRESS, "agree": ["999999", "x"]}, ["#first"]),
    ],
)
def test_what_is_wrong_is_named_and_what_was_typed_stays(
    client: Client, typed: dict, named: list[str]
) -> None:
    typed = {
        **typed,
        "agree": [box() if one == "MARKETING" else one for one in typed.get("agree", [])],
    }
    response = client.post("/c/sign-up", typed)
    page = response.content.decode()
    assert response.status_code == 400
    assert [f'href="{one}"' in page for one in ("#address", "#first")] == [
        one in named for one in ("#address", "#first")
    ]
    assert ('aria-invalid="true"' in page) == ("#address" in named)
    assert f'value="{typed["address"]}"' in page
    assert page.count(" checked") == (1 if "#first" not in named else 0)
    assert not SignUp.objects.exists()


def test_every_language_says_everything() -> None:
    english = sign_up_words.WORDS["en"]
    assert set(sign_up_words.WORDS) == set(public_words.LANGUAGES)
    for texts in sign_up_words.WORDS.values():
        assert texts.keys() == english.keys()
        assert {key for key, text in texts.items() if "{shop}" in text} == {
            key for key, text in english.items() if "{shop}" in text
        }


# ---------------------------------------------------------------- over the API, and afterwards
def test_a_shops_own_form_asks_over_the_api(client: Client) -> None:
    topics.add(slug="garden", title="Garden", titles={"de": "Garten"}, now=NOW)
    said = {
        "email": ADDRESS, "purposes": ["NEWSLETTER:garden"], "language": "de", "form": "footer",
        "evidence": {"page": "/tea"},
    }  # fmt: skip
    assert Api().post("consent/sign-ups", said).status_code == 202
    client.post(link())
    act = ConsentEvent.objects.get()
    assert act.wording is not None
    assert "Newsletter „Garten“" in act.wording.text
    assert (act.evidence["form"], act.evidence["page"]) == ("footer", "/tea")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"purposes": ["NEWSLETTER:none"]}, {"purposes": "unknown_purpose"}),
        ({"purposes": ["PROFILING"]}, {"purposes": "unknown_purpose"}),
        ({"purposes": []}, {"purposes": "min_length"}),
        ({"email": "nonsense"}, {"email": "invalid"}),
        ({"language": "fr"}, {"language": "invalid_choice"}),
    ],
)
def test_a_wrong_sign_up_is_refused(change: dict, named: dict) -> None:
    body = {"email": ADDRESS, "purposes": ["MARKETING"], **change}
    assert fields(Api().post("consent/sign-ups", body)) == named
    assert not SignUp.objects.exists()


def test_an_address_that_does_not_confirm_is_forgotten() -> None:
    ask()
    assert signing_up.forget(now=NOW + timedelta(days=6)) == 0
    assert SignUp.objects.get().address == ADDRESS
    signing_up.forget(now=NOW + timedelta(days=7))
    assert SignUp.objects.get().address == ""
    assert signing_up.forget(now=NOW + timedelta(days=31)) == 1
    assert not ServiceMessage.objects.exists()
