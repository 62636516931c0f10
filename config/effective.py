"""What Celery and the broker make of our settings, asked of them: each of these was once lost on the way."""

from __future__ import annotations

from celery import Celery
from django.conf import settings
from kombu.transport.redis import Channel


EXPECTED = {
    "task_acks_late": True,  # both, or a killed child's task counts as done (celery#1628)
    "task_reject_on_worker_lost": True,
    "task_acks_on_failure_or_timeout": True,
    "worker_prefetch_multiplier": 1,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "accept_content": ["json"],
    "task_serializer": "json",
    "task_ignore_result": True,
    "enable_utc": True,
    "timezone": "UTC",
}


def problems(app: Celery) -> list[str]:
    """What differs, in words; empty when all is as meant. Raises what the broker's client raises."""
    found = [
        f"{name} is {app.conf[name]!r} and not {value!r}"
        for name, value in EXPECTED.items()
        if app.conf[name] != value
    ]
    wanted = settings.CELERY_VISIBILITY_TIMEOUT
    if not app.conf.task_time_limit < wanted:
        found.append("a task may take longer than the broker waits before it gives it to another")
    with app.connection_for_read(connect_timeout=5) as connection:
        channel = connection.default_channel
        if not isinstance(channel, Channel):
            return [*found, "the broker is not Redis or Valkey"]
        taken = {channel.visibility_timeout, app.conf.visibility_timeout}
        if taken != {wanted}:  # one side may ignore it (celery#7651); the shortest wins
            times = " and ".join(str(seconds) for seconds in sorted(taken))
            found.append(f"tasks are given to another after {times} s, and not after {wanted}")
        policy = channel.client.config_get("maxmemory-policy").get("maxmemory-policy", "")
        if policy not in {"noeviction", ""}:
            found.append(f"the broker forgets tasks when it is full: maxmemory-policy is {policy}")
    return found
