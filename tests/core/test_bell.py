"""A ring is a message to the broker; a broker that is away is no reason to wait."""

from __future__ import annotations

import time

from celery import current_app

from core import bell
from segmentation import tasks


def waiting(task: str) -> int:
    """Messages that ask for `task`, taken out of every queue they may be in."""
    found = 0
    with current_app.connection_for_read() as connection:
        queue = current_app.amqp.router.route({}, task)["queue"]
        simple = connection.SimpleQueue(queue)
        while True:
            try:
                message = simple.get(block=False)
            except simple.Empty:
                break
            found += message.headers["task"] == task
            message.ack()
        simple.close()
    return found


def test_ring_asks_for_the_task() -> None:
    waiting(tasks.refresh_dirty.name)
    bell.ring(tasks.refresh_dirty.name)
    assert waiting(tasks.refresh_dirty.name) == 1


def test_what_was_read_is_followed_and_nothing_is_not() -> None:
    waiting(tasks.refresh_dirty.name)
    tasks.follow_what_was_read(result=0)
    assert waiting(tasks.refresh_dirty.name) == 0
    tasks.follow_what_was_read(result=3)
    assert waiting(tasks.refresh_dirty.name) == 1


def test_many_who_ask_at_once_are_one_ring_now_and_one_later() -> None:
    waiting(tasks.refresh_dirty.name)
    asked, start = bell.Bell(tasks.refresh_dirty.name), time.monotonic()
    for _ in range(1_000):
        asked.ask()
    seconds = time.monotonic() - start
    found, until = 0, time.monotonic() + 60
    while not found and time.monotonic() < until:
        found += waiting(tasks.refresh_dirty.name)
    time.sleep(2 * bell.PAUSE)
    most = 2 + int(seconds / bell.PAUSE)  # who is stopped in the middle of asking asks anew
    assert 1 <= found + waiting(tasks.refresh_dirty.name) <= most
