"""What a sender leaves behind when the database fails it at the very end."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from campaigns import dispatch, sweeper
from campaigns.channels import open_channel
from campaigns.journal import Journal
from campaigns.models import Delivery
from core import clock
from tests.factories.campaigns import running_campaign
from tests.factories.customers import NOW
from tests.sessions import another_session


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sender(sink: Any) -> dispatch._Sender:
    """One that has sent and marked everything, and has not ended yet; its session is cut off."""
    clock.set_now(NOW)
    running_campaign("ada", "ben", now=NOW)
    sender = dispatch._Sender(
        now=clock.now, channel=open_channel(settings.SMTP_URL), bounds={},
        journal=Journal(settings.HOME / "journals"), deadline=time.monotonic() + 10,
    )  # fmt: skip
    assert sender.run() == 2
    with another_session() as other:
        other.execute(
            "SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid]
        )
    return sender


def test_what_may_be_lost_is_kept_for_the_sweeper_and_not_locked(sender: dispatch._Sender) -> None:
    with pytest.raises(OperationalError):
        sender.close()
    connection.close()
    assert sender.journal.path.exists()
    is_swept()


def test_a_new_connection_says_nothing_of_what_the_old_one_has_marked(
    sender: dispatch._Sender,
) -> None:
    connection.close()  # as the end of a transaction that fails does; the next question opens one
    sender.close()
    assert sender.journal.path.exists()
    is_swept()


def is_swept() -> None:
    sweeper.sweep(now=NOW, journals=settings.HOME / "journals")
    assert list((settings.HOME / "journals").iterdir()) == []
    assert set(Delivery.objects.values_list("state", flat=True)) == {"SENT"}
