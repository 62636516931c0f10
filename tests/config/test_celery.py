"""What Celery makes of our settings, asked of Celery and of a live broker."""

from __future__ import annotations

import pytest
from django.conf import settings

from campaigns import dispatch, tasks
from campaigns.channels import smtp
from config import effective
from config.celery import app
from config.schedule import SCHEDULE


def test_the_broker_takes_our_visibility_timeout() -> None:
    """celery#7651: one side may ignore it; #5935: the shortest wins."""
    with app.connection_for_write() as connection, connection.channel() as channel:
        assert channel.visibility_timeout == 900
        assert channel.client.connection_pool.connection_kwargs["health_check_interval"] == 25
        assert channel.client.connection_pool.connection_kwargs["socket_keepalive"] is True
    assert app.conf.visibility_timeout == 900
    assert app.conf.result_backend_transport_options["visibility_timeout"] == 900


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("task_acks_late", True), ("task_reject_on_worker_lost", True),
        ("task_acks_on_failure_or_timeout", True), ("worker_prefetch_multiplier", 1),
        ("task_ignore_result", True), ("accept_content", ["json"]), ("task_serializer", "json"),
        ("worker_cancel_long_running_tasks_on_connection_loss", False),
        ("worker_soft_shutdown_timeout", 30.0), ("worker_eta_task_limit", 100),
        ("broker_connection_max_retries", None), ("broker_connection_retry_on_startup", True),
        ("enable_utc", True), ("timezone", "UTC"),
    ],
)  # fmt: skip
def test_celery_knows_each_setting_by_its_name(name: str, value: object) -> None:
    assert app.conf[name] == value


def test_sending_ends_within_the_limit_of_a_task() -> None:
    longest = tasks.SECONDS + 3 * smtp.CONNECT_SECONDS + dispatch.HANDOVER_SECONDS
    assert longest + smtp.AFTER_DOT_SECONDS < settings.CELERY_TASK_SOFT_TIME_LIMIT
    assert settings.CELERY_TASK_TIME_LIMIT < settings.CELERY_VISIBILITY_TIMEOUT


def test_every_scheduled_task_exists_and_goes_to_a_queue_that_somebody_serves() -> None:
    app.loader.import_default_modules()
    served = {"default", "send", "import", "train"}
    for entry in SCHEDULE.values():
        assert entry["task"] in app.tasks
        route = app.amqp.router.route({}, entry["task"])
        assert route["queue"].name in served
    assert app.amqp.router.route({}, "campaigns.tasks.read_returns")["queue"].name == "default"
    assert app.amqp.router.route({}, "campaigns.tasks.dispatch_due")["queue"].name == "send"


def test_what_is_in_effect_is_what_was_meant() -> None:
    assert effective.problems(app) == []


def test_what_is_lost_on_the_way_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(effective.EXPECTED, "worker_prefetch_multiplier", 4)
    monkeypatch.setattr(settings, "CELERY_VISIBILITY_TIMEOUT", 60)
    found = effective.problems(app)
    assert found[0] == "worker_prefetch_multiplier is 1 and not 4"
    assert "longer than the broker waits" in found[1]
    assert found[2] == "tasks are given to another after 60 and 900 s, and not after 60"
