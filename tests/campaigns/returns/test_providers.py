"""A provider's HTTP interface and its webhooks, by a server here that answers as Postmark does."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailUnsupportedFeature
from django.conf import settings
from django.db import transaction
from django.test import Client
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from campaigns import tasks
from campaigns.channels import open_channel
from campaigns.channels.base import ChannelError, Letter, Verdict
from campaigns.channels.provider import _refusal as refusal
from campaigns.channels.provider import provider_name
from campaigns.enums import DeliveryState
from campaigns.lifecycle import NotReadyError
from campaigns.models import Delivery, DeliveryReport
from campaigns.returns import providers
from consent import gate
from consent.enums import Refusal
from consent.models import Suppression
from core import clock
from customers.models import Event
from tests.factories.campaigns import running_campaign
from tests.factories.customers import NOW


SECRET = "hook:long-random-text"
ANSWERS = {
    "refused": (422, {"ErrorCode": 300, "Message": "Invalid email request"}),
    "inactive": (422, {"ErrorCode": 406, "Message": "You tried to send to a recipient that has been"
                       " marked as inactive. Found inactive addresses: inactive@example.com."
                       " Inactive recipients are ones that have generated a hard bounce."}),
    "unconfirmed": (422, {"ErrorCode": 400, "Message": "Sender signature not confirmed"}),
    "unpaid": (402, {"Message": "Payment required"}),
    "malformed": (400, {"Message": "Bad request"}),
    "nowhere": (404, {"Message": "No such domain"}),
    "denied": (401, {"ErrorCode": 10, "Message": "No account"}),
    "busy": (429, {"Message": "slow down"}),
    "away": (503, {"Message": "maintenance"}),
    "broken": (500, {"Message": "oops"}),
}  # fmt: skip


class Postmark(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Api)
        self.got: list[dict[str, Any]] = []


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Postmark

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        local_part = body["To"].rpartition("<")[2].split("@")[0]
        if local_part == "hang":
            self.connection.close()
            self.close_connection = True
            return
        status, answer = ANSWERS.get(local_part, (200, {}))
        if status == 200:
            self.server.got.append(body)
            number = f"0a129aee-{len(self.server.got)}"
            answer = {"ErrorCode": 0, "Message": "OK", "MessageID": number, "To": body["To"]}
        raw = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def postmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Postmark]:
    with Postmark() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        keys = {
            "POSTMARK_SERVER_TOKEN": "t", "WEBHOOK_SECRET": SECRET,
            "POSTMARK_API_URL": f"http://127.0.0.1:{server.server_address[1]}/",
        }  # fmt: skip
        monkeypatch.setattr(settings, "ANYMAIL", keys, raising=False)
        monkeypatch.setattr(settings, "SMTP_URL", "anymail+postmark://")
        monkeypatch.setattr(settings, "POSTAL_ADDRESS", "Real Shop, 2 High Street, Berlin")
        yield server
        server.shutdown()
        thread.join()


def letter(local_part: str) -> Letter:
    content = (
        f"From: Tea <news@shop.example>\r\nTo: {local_part}@example.com\r\nSubject: Tea\r\n"
        "Message-ID: <d.1.aaaaaaaa@x.example>\r\n\r\nhello\r\n"
    )
    return Letter(
        sender="news@shop.example", recipient=f"{local_part}@example.com", content=content.encode()
    )


def tell(client: Client, event: dict[str, Any], *, secret: str = SECRET) -> int:
    authorization = "Basic " + base64.b64encode(secret.encode()).decode()
    response = client.post(
        "/m/returns/postmark", json.dumps(event), content_type="application/json",
        headers={"authorization": authorization},
    )  # fmt: skip
    return response.status_code


# ---------------------------------------------------------------- sending
@pytest.mark.django_db
def test_a_campaign_goes_through_a_provider_and_its_webhook_finds_the_delivery(
    postmark: Postmark, client: Client
) -> None:
    campaign = running_campaign("ada", "bob", now=NOW)
    clock.set_now(NOW)
    tasks.dispatch_due(seconds=60)
    campaign.refresh_from_db()
    assert campaign.state == "FINISHED", campaign.note
    ada = Delivery.objects.get(customer__email="ada@example.com")
    sent = next(body for body in postmark.got if "ada@" in body["To"])
    headers = {header["Name"]: header["Value"] for header in sent["Headers"]}
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["List-Unsubscribe"].startswith(f"<{settings.PUBLIC_URL}/c/u/")
    assert sent["Metadata"] == {"coterie_message": ada.message_id}
    assert "<h1>" in sent["HtmlBody"]
    assert "Real Shop" in sent["TextBody"]
    assert ada.reply.startswith("accepted as 0a129aee-")
    event = {
        "RecordType": "SpamComplaint", "Type": "SpamComplaint", "ID": 42, "Email": "ada@example.com",
        "MessageID": "another number", "Metadata": sent["Metadata"],
        "BouncedAt": "2026-06-01T12:00:00Z",
    }  # fmt: skip
    assert [tell(client, event) for _ in range(3)] == [200, 200, 200]
    assert gate.refusal(ada.customer) == Refusal.SUPPRESSED
    assert DeliveryReport.objects.get().delivery == ada


@pytest.mark.parametrize(
    ("local_part", "verdict"),
    [
        ("refused", Verdict.REPUTATION), ("inactive", Verdict.PERMANENT), ("denied", Verdict.UNREACHABLE),
        ("unconfirmed", Verdict.REPUTATION), ("unpaid", Verdict.REPUTATION),
        ("malformed", Verdict.REPUTATION), ("nowhere", Verdict.REPUTATION),
        ("busy", Verdict.TEMPORARY), ("away", Verdict.TEMPORARY), ("broken", Verdict.AMBIGUOUS),
        ("hang", Verdict.AMBIGUOUS),
    ],
)  # fmt: skip
def test_answers_of_the_interface_are_told_apart(
    postmark: Postmark, local_part: str, verdict: Verdict
) -> None:
    channel = open_channel(settings.SMTP_URL)
    with pytest.raises(ChannelError) as raised:
        channel.send(letter(local_part))
    assert raised.value.verdict == verdict
    assert channel.send(letter("next")).startswith("accepted as ")
    channel.close()


@pytest.mark.parametrize(("error", "verdict"), [
    (AnymailUnsupportedFeature("metadata"), Verdict.UNREACHABLE),
    (AnymailAPIError("botocore: read timeout"), Verdict.AMBIGUOUS),
])  # fmt: skip
def test_an_error_without_an_answer_blames_no_address(
    error: AnymailError, verdict: Verdict
) -> None:
    assert refusal("postmark", error).verdict == verdict


def test_no_interface_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"POSTMARK_SERVER_TOKEN": "t", "POSTMARK_API_URL": "http://127.0.0.1:9/"}
    for name, value, said in (
        ("anymail+postmark://", keys, "postmark"),
        ("anymail+postmark://", {}, "POSTMARK_SERVER_TOKEN"),
        ("anymail+pigeon://", {}, "pigeon"),
    ):
        monkeypatch.setattr(settings, "ANYMAIL", value, raising=False)
        channel = open_channel(name)
        with pytest.raises(ChannelError, match=said) as raised:
            channel.send(letter("a"))
        assert raised.value.verdict == Verdict.UNREACHABLE
        channel.close()


def test_names_of_providers() -> None:
    assert provider_name("anymail+sesv2://") == "amazon_ses"
    assert provider_name("anymail+unisender-go://") == "unisender_go"
    assert provider_name("smtp://localhost") == ""
    assert [providers.VIEWS.load(name) for name in providers.VIEWS.names() if name != "amazon_ses"]


@pytest.mark.django_db
def test_a_provider_is_not_this_machine(
    postmark: Postmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "POSTAL_ADDRESS", settings.SAMPLE_POSTAL_ADDRESS)
    with pytest.raises(NotReadyError, match="COTERIE_POSTAL_ADDRESS"):
        running_campaign("a", now=NOW)


# ---------------------------------------------------------------- webhooks
@pytest.mark.django_db
def test_only_the_provider_we_send_with_is_heard_and_only_with_its_secret(
    postmark: Postmark, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = {"RecordType": "Delivery", "MessageID": "1", "Recipient": "a@example.com"}
    assert tell(client, event, secret="hook:wrong") == 400
    assert client.post("/m/returns/mailgun", {}).status_code == 404
    assert client.post("/m/returns/nobody", {}).status_code == 404
    monkeypatch.setattr(settings, "ANYMAIL", {"POSTMARK_SERVER_TOKEN": "t"}, raising=False)
    assert tell(client, event) == 404
    assert not DeliveryReport.objects.exists()


def bounce(kind: str, details: str = "", **more: Any) -> dict[str, Any]:
    return {
        "RecordType": "Bounce", "Type": kind, "ID": 7, "Email": "ada@example.com", "Details": details,
        "MessageID": "m1", "BouncedAt": "2026-06-01T12:00:00Z", **more,
    }  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("event", "said"),
    [
        (bounce("HardBounce", "smtp;550 5.1.1 unknown user"), ("BOUNCED", "HARD")),
        (bounce("HardBounce"), ("BOUNCED", "HARD")),
        (bounce("HardBounce", "smtp;550 5.7.26 unauthenticated"), ("BOUNCED", "REPUTATION")),
        (bounce("SoftBounce", "smtp;452 4.2.2 full"), ("BOUNCED", "SOFT")),
        (bounce("SoftBounce"), ("BOUNCED", "SOFT")),
        (bounce("Transient"), ("DELAYED", "")),
        (bounce("BadEmailAddress"), ("BOUNCED", "HARD")),
        (bounce("Blocked"), ("BOUNCED", "REPUTATION")),
        (bounce("AutoResponder"), ("AUTOREPLY", "")),
        (bounce("SpamNotification"), ("COMPLAINED", "")),
        ({"RecordType": "Delivery", "MessageID": "m", "Recipient": "a@b.example"}, ("DELIVERED", "")),
        ({"RecordType": "SubscriptionChange", "MessageID": "m", "Recipient": "a@b.example",
          "SuppressSending": True, "SuppressionReason": "ManualSuppression"}, ("UNSUBSCRIBED", "")),
    ],
)  # fmt: skip
def test_events_become_facts(
    postmark: Postmark, client: Client, event: dict[str, Any], said: tuple[str, str]
) -> None:
    assert tell(client, event) == 200
    report = DeliveryReport.objects.get()
    assert (report.kind, report.bounce) == said
    assert (report.source, report.delivery) == ("postmark", None)


@pytest.mark.django_db
def test_half_a_character_in_an_event_is_kept_as_a_question_mark(
    postmark: Postmark, client: Client
) -> None:
    half = "\ud83d"
    event = bounce(
        "SoftBounce", f"full {half}", ID=half, MessageID=f"m{half}", Email=f"{half}@a.example"
    )
    event["Metadata"] = {"coterie_message": half}
    assert "\\ud83d" in json.dumps(event)
    assert [tell(client, event) for _ in range(2)] == [200, 200]
    report = DeliveryReport.objects.get()
    assert (report.detail, report.provider_number) == ("full ?", "m?")


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["Open", "Click"])
def test_who_opened_what_is_not_taken(postmark: Postmark, client: Client, kind: str) -> None:
    event = {"RecordType": kind, "MessageID": "m", "Recipient": "a@b.example"}
    assert tell(client, event) == 200
    assert not DeliveryReport.objects.exists()


@pytest.mark.django_db
def test_an_unsubscription_at_the_provider_is_honoured(postmark: Postmark, client: Client) -> None:
    delivery = _marked("ada")
    event = {
        "RecordType": "SubscriptionChange", "MessageID": "number-ada", "Recipient": "ada@example.com",
        "SuppressSending": True, "SuppressionReason": "ManualSuppression",
    }  # fmt: skip
    tell(client, event)
    assert gate.refusal(delivery.customer) == Refusal.SUPPRESSED
    assert Event.objects.get(kind="UNSUBSCRIBED").delivery_id == delivery.pk


@pytest.mark.django_db
def test_a_number_with_another_recipient_is_not_ours(postmark: Postmark, client: Client) -> None:
    _marked("ada")
    tell(client, bounce("HardBounce", MessageID="number-ada", Email="eve@example.com"))
    assert DeliveryReport.objects.get().delivery is None
    assert not Suppression.objects.exists()


def _marked(*names: str) -> Delivery:
    running_campaign(*names, now=NOW)
    for delivery in Delivery.objects.select_related("customer"):
        name = delivery.customer.email.split("@")[0]
        delivery.reply, delivery.state = f"accepted as number-{name}", DeliveryState.SENT
        delivery.address_hmac, delivery.intent_at = delivery.customer.email_hmac, NOW
        delivery.save()
    return Delivery.objects.select_related("customer").earliest("pk")


@pytest.mark.django_db
def test_webhooks_in_any_order_and_number_end_in_the_same_state(
    postmark: Postmark, client: Client
) -> None:
    """Without numbers of their own (Delivery has none) and with them, before and after the mark."""
    events = [
        {"RecordType": "Delivery", "MessageID": f"number-{name}", "Recipient": f"{name}@example.com",
         "DeliveredAt": f"2026-06-01T12:00:0{second}Z"}
        for name in ("ada", "bob") for second in range(2)
    ] + [
        bounce("HardBounce", ID=1, MessageID="number-ada", Email="ada@example.com"),
        bounce("SpamComplaint", ID=2, MessageID="number-bob", Email="BOB@example.com"),
        bounce("SoftBounce", ID=3, MessageID="number-bob", Email="bob@example.com"),
    ]  # fmt: skip
    _marked("ada", "bob")

    def after(order: list[dict[str, Any] | None]) -> set[Any]:
        with transaction.atomic():
            Delivery.objects.update(reply="")
            for one in order:
                if one is not None:
                    assert tell(client, one) == 200
                    continue
                for name in ("ada", "bob"):
                    Delivery.objects.filter(customer__email__startswith=name).update(
                        reply=f"accepted as number-{name}"
                    )
            tasks.read_returns()
            state = {
                *DeliveryReport.objects.values_list("key", "delivery_id"),
                *Suppression.objects.values_list("address_hmac", "reason"),
                *Event.objects.values_list("external_id", "kind", "delivery_id"),
            }
            transaction.set_rollback(True)
        return state

    expected = after([None, *events])
    assert len([one for one in expected if one[1] in {"HARD_BOUNCE", "COMPLAINT"}]) == 2

    @hypothesis_settings(max_examples=6, deadline=None)
    @given(st.data())
    def same(data: st.DataObject) -> None:
        copies = data.draw(st.lists(st.sampled_from(events), max_size=4))
        assert after(data.draw(st.permutations([None, *events, *copies]))) == expected

    same()
