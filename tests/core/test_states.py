from __future__ import annotations

import pytest

from core.states import IllegalMoveError, LostRaceError, StateMachine
from customers.enums import ImportStatus
from customers.models import Import
from tests.factories.customers import NOW, SourceFactory


MACHINE = StateMachine({"RUNNING": frozenset({"FINISHED"})}, field="status")


@pytest.fixture
def running(db: None) -> Import:
    return Import.objects.create(source=SourceFactory(), started_at=NOW)


def test_move_changes_state_and_the_fields_that_go_with_it(running: Import) -> None:
    MACHINE.move(running, ImportStatus.FINISHED, finished_at=NOW)
    running.refresh_from_db()
    assert (running.status, running.finished_at) == ("FINISHED", NOW)


def test_move_refuses_a_transition_that_does_not_exist(running: Import) -> None:
    with pytest.raises(IllegalMoveError, match="cannot go from RUNNING to FAILED"):
        MACHINE.move(running, ImportStatus.FAILED)


def test_move_tells_that_the_race_was_lost(running: Import) -> None:
    Import.objects.filter(pk=running.pk).update(status=ImportStatus.FAILED)
    with pytest.raises(LostRaceError, match="was RUNNING and is now FAILED"):
        MACHINE.move(running, ImportStatus.FINISHED)
