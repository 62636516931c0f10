from __future__ import annotations

import os
from pathlib import Path

import pytest

from campaigns import policy
from campaigns.channels.base import Verdict
from campaigns.enums import DeliveryState
from campaigns.journal import Journal, Reply, dead_journals, is_here
from tests.factories.customers import NOW


def reply(delivery_id: int) -> Reply:
    return Reply(
        delivery_id=delivery_id, epoch=1, verdict="", reply='250 "ok"\n', enhanced="", at=NOW
    )


def write(folder: Path) -> Journal:
    journal = Journal(folder)
    for delivery_id in (1, 2):
        journal.started(delivery_id, 1)
    journal.replied(reply(1))
    return journal


def test_a_dead_sender_tells_what_it_did_and_is_forgotten(tmp_path: Path) -> None:
    journal = write(tmp_path)
    journal.close(keep=True)
    with journal.path.open("ab") as file:
        file.write(b'{"id": 3, "ep')  # torn by a full disk
    with dead_journals(tmp_path) as [past]:
        assert past.owner == journal.owner
        assert past.started == {(1, 1), (2, 1)}
        assert past.replies == {(1, 1): reply(1)}
    assert not is_here(journal.owner, tmp_path)


def test_a_living_sender_is_left_alone_and_a_finished_one_leaves_nothing(tmp_path: Path) -> None:
    journal = write(tmp_path)
    with dead_journals(tmp_path) as pasts:
        assert pasts == []
    assert is_here(journal.owner, tmp_path)
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_a_journal_stays_when_replaying_it_fails(tmp_path: Path) -> None:
    journal = write(tmp_path)
    journal.close(keep=True)
    with pytest.raises(RuntimeError), dead_journals(tmp_path):
        raise RuntimeError
    with dead_journals(tmp_path) as pasts:
        assert len(pasts) == 1
        with dead_journals(tmp_path) as others:  # two sweepers: the second finds nothing to do
            assert others == []


def test_a_full_disk_stops_the_sender_before_a_torn_line_hides_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = write(tmp_path)
    whole = os.write
    monkeypatch.setattr(os, "write", lambda file, data: whole(file, data[:7]))
    with pytest.raises(OSError, match="the journal takes no more"):
        journal.started(3, 1)
    monkeypatch.undo()
    journal.close(keep=True)
    with dead_journals(tmp_path) as [past]:
        assert past.started == {(1, 1), (2, 1)}


@pytest.mark.parametrize(
    ("verdict", "attempt", "state"),
    [
        ("", 1, DeliveryState.SENT), (Verdict.PERMANENT, 1, DeliveryState.FAILED),
        (Verdict.TEMPORARY, 4, DeliveryState.DEFERRED), (Verdict.TEMPORARY, 5, DeliveryState.FAILED),
        (Verdict.REPUTATION, 1, DeliveryState.DEFERRED), (Verdict.AMBIGUOUS, 1, DeliveryState.UNKNOWN),
        (Verdict.UNREACHABLE, 5, DeliveryState.PLANNED),
    ],
)  # fmt: skip
def test_verdicts_become_states(verdict: str, attempt: int, state: DeliveryState) -> None:
    assert policy.next_state(verdict, attempt=attempt) == state


def test_waiting_grows_and_the_budget_ends() -> None:
    assert [policy.retry_seconds(attempt) for attempt in (1, 2, 3, 4)] == [300, 1200, 4800, 19200]
    assert policy.over_budget(policy.REPUTATION_BUDGET - 1) is None
    assert "20 messages" in (policy.over_budget(policy.REPUTATION_BUDGET) or "")
