"""The hourly try of the way out: it leaves nothing, and it finds a way that is broken."""

from __future__ import annotations

import pytest
from django.db import connection

from consent import tasks
from consent.accountability import probing
from consent.models import ConsentEvent, OptOutProbe, Suppression
from customers.models import Customer, Event, Source
from feedback.reports.attention import attention
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db
# the statement that every press runs into; the press itself is answered with 200 all the same
SILENT = {
    "nothing is written": """CREATE FUNCTION do_nothing() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RETURN NULL; END $$;
        CREATE TRIGGER do_nothing BEFORE INSERT ON consent_suppression
            FOR EACH ROW EXECUTE FUNCTION do_nothing();
        CREATE TRIGGER do_nothing BEFORE UPDATE ON consent_consentstate
            FOR EACH ROW EXECUTE FUNCTION do_nothing();""",
}


def told() -> list[str]:
    return [one.text for one in attention(now=NOW) if "Unsubscribing" in one.text]


def test_it_works_and_leaves_nothing_behind() -> None:
    assert probing.run(now=NOW).failed == ""
    for model in (Customer, Source, Event, ConsentEvent, Suppression):
        assert not model._default_manager.exists()
    assert told() == []


def test_a_press_that_says_done_and_stops_nothing_is_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute(SILENT["nothing is written"])
    assert probing.run(now=NOW).failed == "the gate still lets messages to who unsubscribed"
    (line,) = told()
    assert "does not work" in line


def test_a_web_server_that_turns_the_press_away_is_found(settings) -> None:
    settings.ALLOWED_HOSTS = ["elsewhere.example"]
    assert probing.run(now=NOW).failed == "one-click unsubscribe answers 400"


def test_an_address_where_nobody_answers_is_found(settings) -> None:
    settings.PUBLIC_URL = "https://localhost:1"
    assert "refused" in probing.run(now=NOW).failed


def test_the_task_writes_down_that_it_works_again(settings) -> None:
    OptOutProbe.objects.create(at=NOW, failed="something")
    assert len(told()) == 1
    tasks.probe_opt_out()
    assert told() == []
