"""Keys are shown once, work until they are revoked, and are nowhere in plain."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection

from customers.enums import Power, SourceKind
from customers.intake import holders, keys
from customers.models import InboundRequest, SourceKey
from tests.customers.intake.requests import EVENT, post, segment_source


pytestmark = pytest.mark.django_db


def test_a_key_is_long_random_and_kept_as_a_hash(now: datetime) -> None:
    opened = segment_source()
    assert str(opened.write_key).startswith("cs_")
    assert str(opened.browser_key).startswith("cb_")
    for key in (opened.write_key, opened.browser_key):
        row = SourceKey.objects.get(key_sha256=keys.digest(str(key)))
        assert str(key).startswith(row.prefix)
        # what is not shown still has more than 128 bits of base 64
        assert (len(str(key)) - len(row.prefix)) * 6 > 128
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(k::text, '') FROM customers_sourcekey k")
        (everything,) = cursor.fetchone()
    assert str(opened.write_key) not in everything


def test_rotation_replaces_one_power_and_may_keep_the_old_key_for_a_while(now: datetime) -> None:
    opened = segment_source()
    new = keys.rotate(
        source=opened.source, power=Power.SERVER, now=now, keep_for=timedelta(hours=1)
    )
    later = now + timedelta(hours=1)
    assert holders.of_key(str(opened.write_key), now=now) is not None
    holders.forget()
    assert holders.of_key(str(opened.write_key), now=later) is None
    assert holders.of_key(new, now=later) is not None
    assert holders.of_key(str(opened.browser_key), now=later) is not None


def test_rotating_again_does_not_let_an_old_key_live_longer(now: datetime) -> None:
    opened = segment_source()
    keys.rotate(source=opened.source, power=Power.SERVER, now=now, keep_for=timedelta(days=9))
    keys.rotate(source=opened.source, power=Power.SERVER, now=now)
    assert holders.of_key(str(opened.write_key), now=now) is None


def test_a_revoked_key_stops_working_when_memory_ends(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = segment_source()
    moment = [100.0]
    monkeypatch.setattr(holders.time, "monotonic", lambda: moment[0])
    assert holders.of_key(str(opened.write_key), now=now) is not None
    keys.revoke(key=SourceKey.objects.get(power=Power.SERVER), now=now)
    assert holders.of_key(str(opened.write_key), now=now) is not None
    moment[0] += holders.REMEMBERED_SECONDS
    assert holders.of_key(str(opened.write_key), now=now) is None
    assert holders.REMEMBERED_SECONDS + holders.LOOKING_SECONDS <= 5


def test_while_one_looks_a_key_up_again_the_others_go_on(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = segment_source()
    key = str(opened.write_key)
    moment = [100.0]
    monkeypatch.setattr(holders.time, "monotonic", lambda: moment[0])
    known = holders.of_key(key, now=now)
    moment[0] += holders.REMEMBERED_SECONDS
    during = []
    real = holders._ask_key

    def look(*given: Any, **named: Any) -> Any:
        during.append(holders.of_key(key, now=now))
        return real(*given, **named)

    monkeypatch.setattr(holders, "_ask_key", look)
    assert holders.of_key(key, now=now) == known
    assert during == [known]


def test_a_known_key_is_not_looked_up_again(now: datetime) -> None:
    opened = segment_source()
    holders.of_key(str(opened.write_key), now=now)
    SourceKey.objects.all().delete()
    assert holders.of_key(str(opened.write_key), now=now) is not None


def test_a_key_in_the_body_is_not_kept(now: datetime) -> None:
    opened = segment_source()
    body = {"batch": [EVENT], "writeKey": opened.write_key}
    assert post("/v1/batch", body).status_code == 200
    kept = bytes(InboundRequest.objects.get().body)
    assert str(opened.write_key).encode() not in kept
    assert b'"messageId": "m1"' in kept


def test_a_secret_is_sealed_and_opens_only_with_its_key(
    settings: LazySettings, now: datetime
) -> None:
    opened = keys.open_source(kind=SourceKind.SHOPIFY, name="Shop", now=now)
    assert str(opened.secret) not in opened.source.sealed_secret
    assert keys.unseal(opened.source.sealed_secret) == opened.secret
    settings.SOURCE_KEY = b"another"
    with pytest.raises(keys.SealError, match="COTERIE_SOURCE_KEY"):
        keys.unseal(opened.source.sealed_secret)


def test_a_woocommerce_secret_is_kept_as_wordpress_signs_with_it(now: datetime) -> None:
    opened = keys.open_source(kind=SourceKind.WOOCOMMERCE, name="Shop", now=now)
    keys.set_secret(source=opened.source, secret=" a&amp;b&lt;&copy \n")
    assert keys.unseal(opened.source.sealed_secret) == "a&b<&copy"


@pytest.mark.parametrize("secret", ["", "  \n"])
def test_an_empty_secret_is_refused(secret: str, now: datetime) -> None:
    opened = keys.open_source(kind=SourceKind.SHOPIFY, name="Shop", now=now)
    with pytest.raises(ValueError, match="empty"):
        keys.set_secret(source=opened.source, secret=secret)


def test_a_source_of_events_has_no_webhook_secret(now: datetime) -> None:
    with pytest.raises(ValueError, match="no source of webhooks"):
        keys.set_secret(source=segment_source().source, secret="s")
