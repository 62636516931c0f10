from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

import pytest
from django.conf import settings

from campaigns import rendering
from campaigns.models import Campaign
from campaigns.rendering import CampaignTemplate, Recipient, RenderError
from consent import tokens
from customers.models import Customer
from tests.factories.campaigns import BODY, CampaignFactory


SENT_AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


def campaign(**fields: Any) -> Campaign:
    built: Campaign = CampaignFactory.build(id=5, segment=None, salt="salt", **fields)
    return built


def recipient(**fields: Any) -> Recipient:
    return Recipient(**{
        "delivery_id": 7, "customer_id": 3, "email": "ada@example.com", "first_name": "Ada",
        "last_name": "Lovelace", "tracks_clicks": False, **fields,
    })  # fmt: skip


def sent(to: Recipient | None = None, **fields: Any) -> EmailMessage:
    raw = CampaignTemplate(campaign(**fields)).render(to or recipient(), now=SENT_AT).as_bytes()
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 200
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def text_of(message: EmailMessage, kind: str = "html") -> str:
    part = message.get_body((kind,))
    assert part is not None
    return part.get_content()


def test_bytes_say_what_an_email_message_says() -> None:
    to = recipient(first_name='Zoë "Z"', last_name="Müller, d. Ältere", email="z@bücher.example")
    subject = "Grüße an {{ customer.first_name }}: " + "langer Betreff " * 10
    ours = sent(to, subject=subject, from_name="Täglich Tee")
    rendered = CampaignTemplate(campaign(subject=subject)).render(to, now=SENT_AT)
    theirs = EmailMessage(policy=email.policy.SMTP)
    theirs["From"] = Address("Täglich Tee", addr_spec="news@shop.example")
    theirs["To"] = Address(
        f"{to.first_name} {to.last_name}".strip(), addr_spec="z@xn--bcher-kva.example"
    )
    theirs["Subject"] = rendered.subject
    theirs["Date"] = SENT_AT
    theirs.set_content(rendered.text)
    theirs.add_alternative(rendered.html, subtype="html")
    theirs = email.message_from_bytes(theirs.as_bytes(), policy=email.policy.default)
    for header in ("From", "To", "Subject", "Date", "MIME-Version"):
        assert ours[header] == theirs[header], header
    for kind in ("plain", "html"):
        assert text_of(ours, kind).strip() == text_of(theirs, kind).strip()
    assert ours.get_content_type() == theirs.get_content_type()


def test_headers_of_bulk_mail() -> None:
    message = sent()
    token = re.fullmatch(r"<http://127\.0\.0\.1:8000/c/u/(\S+)>", message["List-Unsubscribe"])
    assert token
    assert tokens.read(token[1], count=3, purpose=tokens.UNSUBSCRIBE) == (3, 5, 7)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"<d\.7\.[0-9a-f]{8}@coterie\.example>", message["Message-ID"])
    assert message["Message-ID"] == sent()["Message-ID"]
    assert (message["Precedence"], message["Auto-Submitted"]) == ("bulk", "auto-generated")
    assert message["List-Id"] == "<marketing.coterie.example>"
    assert message["Feedback-ID"].startswith("5:")
    assert "example.com" not in message["List-Unsubscribe"]  # no address in a link


def test_links_are_plain_without_consent_and_named_by_number_with_it() -> None:
    plain, tracked = sent(), sent(recipient(tracks_clicks=True))
    assert 'href="https://shop.example/tea?a=1&amp;b=2"' in text_of(plain)
    assert "[all our tea](https://shop.example/tea?a=1&b=2)" in text_of(plain, "plain")
    found = re.findall(r'href="http://127\.0\.0\.1:8000/m/c/([^/"]+)/(\d)"', text_of(tracked))
    assert [number for _, number in found] == ["1", "2"]
    assert tokens.read(found[0][0], count=1, purpose=tokens.CLICK) == (7,)
    for kind in ("plain", "html"):
        assert "shop.example/tea" not in text_of(tracked, kind)
        assert "/c/u/" in text_of(tracked, kind)


def test_text_part_keeps_the_words() -> None:
    text = text_of(sent(recipient(first_name="")), "plain")
    assert "Hello there" in text
    assert "15 % on" in text
    assert settings.POSTAL_ADDRESS in text
    assert "<" not in text


CORPUS = [
    "x\r\nBcc: evil@example.com", "x\nBcc: evil@example.com", "x\rBcc: evil@example.com",
    "x\x00Bcc: evil@example.com", "x\u2028Bcc: evil@example.com", "x\x85Bcc: evil@example.com",
    "x\r\n\r\n<script>alert(1)</script>", "=?utf-8?q?=0D=0ABcc:_evil@example.com?=",
    '"><script>alert(1)</script>', "</title><img src=x onerror=alert(1)>", "{{ unsubscribe_url }}",
    "{% assign x = 1 %}", "a@b, <evil@example.com>", '" <evil@example.com>, "', "\\", '\\"', "(c)",
    "--=_coterie_5_salt", "--=_coterie_5_salt--\r\n", ".", "\r\n.\r\n", "\ud800", "\ue0000\ue001",
    "مرحبا\u202e", "=" * 80, "é" * 200, "a" * 199, "'; DROP TABLE customers_customer; --", "\ufeff",
]  # fmt: skip


@pytest.mark.parametrize("name", CORPUS, ids=[f"{n:02}" for n in range(len(CORPUS))])
def test_no_name_injects_anything(name: str) -> None:
    clean = sent()
    for message in (sent(recipient(first_name=name)), sent(recipient(last_name=name))):
        assert message.keys() == clean.keys()
        assert [str(a.addr_spec) for a in message["To"].addresses] == ["ada@example.com"]
        assert len(list(message.iter_parts())) == 2
        html = text_of(message)
        assert html.count("<") == text_of(clean).count("<")
        assert (
            "script>" not in html.replace("&lt;", "").replace("&gt;", ">") or "<script" not in html
        )
    stored = sent(subject="{{ customer.first_name }}!", to=recipient(first_name=name))
    assert stored.keys() == clean.keys()


@pytest.mark.parametrize(
    "address",
    ["", "a", "@b.example", "a@", "a b@c.example", "a@b.example\r\nRCPT TO:<x@y.example>", "a@b@c.example",
     "<a@b.example>,x@y.example", "a@b..example", "ä@b.example", "a@-b.example", "a\x00@b.example",
     "a" * 250 + "@b.example", '"a b"@c.example', "a@b.example>"],
)  # fmt: skip
def test_an_address_that_is_none_is_a_render_error(address: str) -> None:
    with pytest.raises(RenderError, match="address"):
        sent(recipient(email=address))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"body_html": BODY + "\n{{ customer.email }}"}, "Body, line 8: {{ customer.email }} is not"),
        ({"body_html": BODY + "{{ links[0] }}"}, "{{ links[0] }} is not a merge field"),
        ({"body_html": BODY + "{{ customer.__class__ }}"}, "is not a merge field"),
        ({"body_html": BODY + "{% for x in (1..9999999) %}a{% endfor %}"}, "Body, line 7"),
        ({"body_html": BODY + "{% include 'x' %}"}, "Body, line 7"),
        ({"body_html": BODY + "{{ customer.first_name | safe }}"}, "no filter 'safe'"),
        ({"body_html": BODY + "{{ customer.first_name"}, "Body, line 7"),
        ({"body_html": BODY + "{% if discount_percent %}"}, "Body"),
        ({"subject": "{{ firstname }}"}, "Subject, line 1: {{ firstname }} is not a merge field"),
        ({"subject": "{{ customer.first_name }}"}, "Subject: it is empty"),
        ({"body_html": BODY.replace("{{ unsubscribe_url }}", "#")}, "{{ unsubscribe_url }} is missing"),
        ({"body_html": BODY.replace("{{ shop.postal_address }}", "")}, "postal_address }} is missing"),
        ({"body_html": BODY + '<a href="javascript:alert(1)">x</a>'}, "must start with https://"),
        ({"body_html": BODY + '<a href="https://x.example/{{ customer.last_name }}">x</a>'}, "cannot hold"),
        ({"body_html": BODY + "<script>1</script>"}, "scripts"),
        ({"body_html": "{% if customer.first_name != '' %}" + BODY + "{% endif %}"}, "is missing"),
        ({"from_email": "a b@c"}, "Sender"),
    ],
)  # fmt: skip
def test_problems_are_named_with_their_line(change: dict[str, str], problem: str) -> None:
    found = rendering.problems(campaign(**change))
    assert len(found) == 1
    assert problem in found[0]


def test_a_good_campaign_has_no_problems() -> None:
    assert rendering.problems(campaign()) == []


def test_preview_shows_the_message_and_unsubscribes_nobody() -> None:
    customer = Customer(pk=3, email="ada@example.com", first_name="Ada & Co", last_name="")
    message = rendering.preview(campaign(), customer)
    assert message.subject == "Tea for Ada & Co"
    assert "Hello Ada &amp; Co" in message.html
    assert message.headers["To"] == "Ada & Co <ada@example.com>"
    token = message.headers["List-Unsubscribe"].strip("<>").rpartition("/")[2]
    assert tokens.read(token, count=3, purpose=tokens.UNSUBSCRIBE) == (0, 5, 0)


def test_a_value_that_a_filter_cannot_take_spoils_one_message_and_no_more() -> None:
    template = CampaignTemplate(campaign(subject="{{ customer.first_name | round }}"))
    with pytest.raises(RenderError):
        template.render(recipient(first_name="Inf"), now=SENT_AT)
    assert template.render(recipient(first_name="7.4"), now=SENT_AT).subject == "7"


def test_characters_that_stand_for_merge_fields_within_are_left_out() -> None:
    made = campaign(body_html=f"{campaign().body_html}\ue0009\ue001")
    assert rendering.problems(made) == []


PRODUCTS = (
    {"name": "A <b>lamp</b>", "price": "€9.00", "reason": "because you bought a bulb", "category": "",
     "url": "https://shop.example/lamp", "image_url": ""},
    {"name": "Coffee", "price": "", "reason": "you usually buy this every 41 days", "category": "",
     "url": "", "image_url": ""},
)  # fmt: skip
BLOCK = """{% for product in recommendations limit: 2 %}
<p>{% if product.url != "" %}<a href="{{ product.url }}">{{ product.name }}</a>{% else %}{{ product.name }}{% endif %}
{{ product.price }}, {{ product.reason }}</p>{% else %}<p>Come and see what is new.</p>{% endfor %}"""


def test_message_shows_the_products_of_its_recipient_escaped_and_with_reasons() -> None:
    message = sent(
        recipient(recommendations=PRODUCTS), body_html=BODY.replace("</body>", BLOCK + "</body>")
    )
    html, text = text_of(message), text_of(message, "plain")
    assert "A &lt;b&gt;lamp&lt;/b&gt;" in html
    assert 'href="https://shop.example/lamp"' in html
    assert "you usually buy this every 41 days" in html
    assert "because you bought a bulb" in text
    assert "what is new" not in html


def test_message_without_products_says_what_the_template_has_for_that_case() -> None:
    body = BODY.replace("</body>", BLOCK + "</body>")
    assert "Come and see what is new." in text_of(sent(body_html=body))
    assert rendering.problems(campaign(body_html=body)) == []


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("{% for x in (1..9000) %}.{% endfor %}", "the only loop there is"),
        ("{% for product in recommendations %}{{ product.colour }}{% endfor %}", "colour"),
        ('<a href="{{ recommendations.url }}">x</a>', "recommendations.url"),
        ('<a href="{{ customer.first_name }}">x</a>', "cannot hold merge fields"),
    ],
)
def test_message_may_loop_over_products_only_and_ask_for_what_they_have(
    block: str, problem: str
) -> None:
    found = rendering.problems(campaign(body_html=BODY.replace("</body>", block + "</body>")))
    assert found
    assert problem in found[0]
