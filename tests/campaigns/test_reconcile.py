from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from campaigns.enums import DeliveryState
from campaigns.models import Delivery
from campaigns.reconcile import Reconciled, read_record, reconcile
from customers.models import Event
from tests.factories.campaigns import running_campaign
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def unknown(sink: Any) -> list[Delivery]:
    running_campaign("a", "b", "c", now=NOW)
    for number in Delivery.objects.values_list("pk", flat=True):
        Delivery.objects.filter(pk=number).update(
            state=DeliveryState.UNKNOWN, intent_at=NOW, message_id=f"<{number}@x>"
        )
    return list(Delivery.objects.order_by("pk"))


def test_the_record_settles_what_is_unknown_and_sends_nothing(
    unknown: list[Delivery], sink: Any
) -> None:
    accepted = frozenset({unknown[0].message_id, "<somebody-else@x>"})
    assert reconcile(accepted=accepted, now=LATER) == Reconciled(delivered=1, not_delivered=2)
    assert [(row.state, row.accepted_at) for row in Delivery.objects.order_by("pk")] == [
        (DeliveryState.SENT, NOW), (DeliveryState.FAILED, None), (DeliveryState.FAILED, None),
    ]  # fmt: skip
    assert Delivery.objects.latest("pk").reply.startswith("not delivered")
    event = Event.objects.get()
    assert (event.kind, event.delivery_id, event.happened_at) == ("DELIVERED", unknown[0].pk, NOW)
    assert reconcile(accepted=accepted, now=LATER) == Reconciled(delivered=0, not_delivered=0)
    assert sink.received == []


def test_the_command_reads_a_list(
    unknown: list[Delivery], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "accepted.txt"
    path.write_text("\n".join(row.message_id for row in unknown) + "\n\n")
    call_command("reconcile", "--file", str(path), "--json")
    assert json.loads(capsys.readouterr().out) == {"delivered": 3, "not_delivered": 0}


@pytest.mark.parametrize("content", ["hello\n", '{"other": 1}\n', "{broken\n", None])
def test_a_file_that_is_no_record_is_refused(
    unknown: list[Delivery], tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "record"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("reconcile", "--file", str(path))
    assert Delivery.objects.filter(state=DeliveryState.UNKNOWN).count() == 3


def test_both_kinds_of_record_are_read() -> None:
    assert read_record(['{"message_id": "<1@x>"}\n', "<2@x>\n", "\n"]) == {"<1@x>", "<2@x>"}
