from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from campaigns import tasks
from campaigns.dkim import DkimError, signer
from campaigns.enums import CampaignState
from campaigns.models import Campaign, Delivery
from campaigns.returns import naming
from core import clock
from tests.factories.campaigns import running_campaign
from tests.factories.customers import NOW as FACTORY_NOW


NOW = datetime(2026, 6, 1, tzinfo=UTC)
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EDWARDS = ed25519.Ed25519PrivateKey.generate()
MESSAGE = b"""\
From: =?utf-8?b?VGVl?=\r
 <news@shop.example>\r
To: Ada  Lovelace <ada@example.com>\r
Subject: Tea \t for you\r
Date: Mon, 01 Jun 2026 12:00:00 +0000\r
Message-ID: <d.1.aaaaaaaa@shop.example>\r
List-Unsubscribe: <https://shop.example/c/u/abc>\r
List-Unsubscribe-Post: List-Unsubscribe=One-Click\r
MIME-Version: 1.0\r
Content-Type: text/plain\r
\r
Hello,  \r
\r
 tea \t is ready.\r
\r
\r
"""


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def record(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    """What the domain's DNS says."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        raw = key.public_key().public_bytes_raw()
        return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(raw)
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(der)


def verified(message: bytes) -> bool:
    """By dkimpy, which asks our DNS."""

    def dns(name: bytes, timeout: int = 5) -> bytes:
        assert name == b"s1._domainkey.shop.example."
        return record(RSA)

    return bool(dkim.verify(message, dnsfunc=dns))


def sign(message: bytes) -> bytes:
    return signer(domain="shop.example", selector="s1", key=pem(RSA)).sign(message, now=NOW)


def test_dkimpy_verifies_what_we_sign() -> None:
    signed = sign(MESSAGE)
    assert verified(signed)
    assert signed.endswith(MESSAGE)
    named = signed.split(b"h=")[1].split(b";")[0].split(b":")
    assert {b"list-unsubscribe", b"list-unsubscribe-post"} <= set(named)
    assert named.count(b"from") == 2
    assert max(map(len, signed.split(b"\r\n\r\n")[0].split(b"\r\n"))) < 200


@pytest.mark.django_db
def test_a_sent_message_is_signed_and_its_return_path_names_it(
    sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("DKIM_KEY", pem(RSA)), ("DKIM_SELECTOR", "s1"), ("DKIM_DOMAIN", "shop.example"),
        ("BOUNCE_ADDRESS", "b@bounces.shop.example"),
    ):  # fmt: skip
        monkeypatch.setattr(settings, name, value)
    running_campaign("ada", now=FACTORY_NOW, subject="Tee für {{ customer.first_name }}")
    clock.set_now(FACTORY_NOW)
    tasks.dispatch_due(seconds=5)
    (entry,) = sink.received
    raw = (sink.sink.folder / "messages" / entry["file"]).read_bytes()
    assert verified(raw)
    named = raw.split(b"h=")[1].split(b";")[0].split(b":")
    assert {b"list-unsubscribe", b"list-unsubscribe-post", b"list-id", b"feedback-id"} <= set(named)
    assert naming.deliveries(naming.marks(f"<{entry['sender']}>")) == {Delivery.objects.get().pk}


@pytest.mark.django_db
def test_a_broken_key_pauses_the_campaign_in_words(
    sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    running_campaign("ada", now=FACTORY_NOW)
    monkeypatch.setattr(settings, "DKIM_KEY", "nonsense")
    tasks.dispatch_due(seconds=5)
    campaign = Campaign.objects.get()
    assert campaign.state == CampaignState.PAUSED
    assert "COTERIE_DKIM_KEY" in campaign.note
    assert sink.received == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"One-Click", b"Two-Clicks"), (b"/c/u/abc", b"/c/u/abd"), (b"Tea \t for", b"Tea for two"),
        (b"tea \t is", b"tea was"), (b"To: ", b"From: evil@x.example\r\nTo: "),
    ],
)  # fmt: skip
def test_what_was_signed_cannot_be_changed(old: bytes, new: bytes) -> None:
    assert not verified(sign(MESSAGE).replace(old, new, 1))


def test_what_relays_do_to_blanks_and_folds_breaks_nothing() -> None:
    signed = sign(MESSAGE)
    assert verified(signed.replace(b"Subject: Tea \t for you", b"Subject: Tea\r\n for you"))
    assert verified(signed.replace(b"Hello,  \r\n", b"Hello,\r\n"))


@given(
    st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b".", b"\xc3\xa4", b"="]), max_size=30)
)
def test_every_body_is_canonical_as_dkimpy_says(pieces: list[bytes]) -> None:
    head = MESSAGE.split(b"\r\n\r\n")[0]
    assert verified(sign(head + b"\r\n\r\n" + b"".join(pieces) + b"\r\n"))


def test_ed25519_signs_the_hash_of_the_same_headers() -> None:
    """RFC 8463. dkimpy wants one more library for this algorithm, so the signature is checked by hand."""
    signed = signer(domain="shop.example", selector="s1", key=pem(EDWARDS)).sign(MESSAGE, now=NOW)
    fields = {name.lower(): value for name, value in dkim.DKIM(signed).headers}
    told, _, signature = fields.pop(b"dkim-signature").partition(b" b=")
    names = dict.fromkeys(told.split(b"h=")[1].split(b";")[0].split(b":"))
    lines = [name + b":" + b" ".join(fields[name].split()) + b"\r\n" for name in names]
    lines.append(b"dkim-signature:" + b" ".join(told.split()) + b" b=")
    digest = hashlib.sha256(b"".join(lines)).digest()
    EDWARDS.public_key().verify(base64.b64decode(b"".join(signature.split())), digest)
    assert b"a=ed25519-sha256" in told


@pytest.mark.parametrize(
    "key",
    ["", "no key", pem(ec.generate_private_key(ec.SECP256R1()))],
)
def test_a_key_that_cannot_sign_is_refused_in_words(key: str) -> None:
    with pytest.raises(DkimError, match="DKIM key"):
        signer(domain="shop.example", selector="s1", key=key)
