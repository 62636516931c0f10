"""
Would somebody who pressed unsubscribe be left alone? Tried out on the live path, every hour.

A customer is made, agrees, presses the button by a whole request of the web server's own stack, and the
gate is asked, before and after; all in one transaction that is rolled back, so nobody is counted and
nothing stays. Where Coterie is public the button is also pressed over the network, by a link of nobody:
proxies and certificates belong to the path too.
"""

from __future__ import annotations

import logging
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from io import BytesIO
from urllib.parse import urlsplit

from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.db import transaction
from django.urls import reverse

from consent import gate, ledger, tokens, wordings
from consent.enums import Channel, Purpose
from consent.models import OptOutProbe, Wording
from core import ids
from customers.enums import SourceKind
from customers.models import Customer, Source


log = logging.getLogger(__name__)

ADDRESS = "probe@unsubscribe.invalid"
KEPT = timedelta(days=30)
BODY = b"List-Unsubscribe=One-Click"
FORM = "application/x-www-form-urlencoded"
SECONDS = 10


class ProbeFailedError(Exception):
    """The step that failed, in words."""


def run(*, now: datetime) -> OptOutProbe:
    """Try it out and write down how it went."""
    failed = ""
    try:
        _within(now)
        if settings.PUBLIC_URL.startswith("https://"):
            _over_the_network()
    except Exception as error:  # noqa: BLE001 - whatever breaks the way out of our mails is the finding
        failed = (str(error) or type(error).__name__)[:300]
        log.error("the opt-out probe failed: %s", failed)  # noqa: TRY400 - the finding is the message
    OptOutProbe.objects.filter(at__lt=now - KEPT).delete()
    return OptOutProbe.objects.create(at=now, failed=failed)


def broken() -> OptOutProbe | None:
    """The last probe, if it failed."""
    last = OptOutProbe.objects.order_by("-at", "-pk").first()
    return last if last is not None and last.failed else None


def _within(now: datetime) -> None:
    with transaction.atomic():
        customer = _subscriber(now)
        path = _path(customer.pk)
        if (refused := gate.refusal(customer)) is not None:
            raise ProbeFailedError(f"a fresh consent does not open the gate: {refused}")
        status = _press(path)
        if status != 200:
            raise ProbeFailedError(f"one-click unsubscribe answers {status}")
        if gate.refusal(customer) is None:
            raise ProbeFailedError("the gate still lets messages to who unsubscribed")
        transaction.set_rollback(True)


def _subscriber(now: datetime) -> Customer:
    source = Source.objects.create(
        kind=SourceKind.CSV, name="The opt-out probe (rolled back)", created_at=now
    )
    customer = Customer.objects.create(
        source=source, external_id="probe", email=ADDRESS, joined_at=now, arrived_at=now,
        email_hmac=ids.address_hmac(ADDRESS, pepper=settings.SUPPRESSION_PEPPER),
    )  # fmt: skip
    wording = Wording.objects.get(
        purpose=Purpose.MARKETING, channel=Channel.EMAIL, language="en",
        version=wordings.DEFAULT_VERSION,
    )  # fmt: skip
    # a moment before: of two acts at the same moment the withdrawal would win anyway
    ledger.grant(customer=customer, wording=wording, method="probe", now=now - timedelta(seconds=1))
    return customer


def _path(customer_id: int) -> str:
    token = tokens.make(customer_id, 0, 0, purpose=tokens.UNSUBSCRIBE)
    return reverse("consent:unsubscribe", args=[token])


def _press(path: str) -> int:
    """As a mail program does it, through every layer of the web server; returns the status."""
    address = urlsplit(settings.PUBLIC_URL)
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "SCRIPT_NAME": "", "QUERY_STRING": "",
        "SERVER_NAME": address.hostname or "localhost", "SERVER_PORT": str(address.port or 443),
        "HTTP_HOST": address.netloc, "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": FORM, "CONTENT_LENGTH": str(len(BODY)), "wsgi.input": BytesIO(BODY),
        "wsgi.errors": BytesIO(), "wsgi.url_scheme": address.scheme,
        "HTTP_X_FORWARDED_PROTO": address.scheme, "wsgi.version": (1, 0),
        "wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False,
    }  # fmt: skip
    handler = BaseHandler()
    handler.load_middleware()
    # not by WSGIHandler: its signals close the connection that our transaction is on
    return handler.get_response(WSGIRequest(environ)).status_code


def _over_the_network() -> None:
    """The same press by a link that names nobody: it is answered alike and changes nothing."""
    request = urllib.request.Request(  # noqa: S310 - our own address, from the settings
        settings.PUBLIC_URL + _path(0), data=BODY, headers={"Content-Type": FORM}
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - see above
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    if status != 200:
        raise ProbeFailedError(f"{settings.PUBLIC_URL} answers one-click unsubscribe with {status}")
