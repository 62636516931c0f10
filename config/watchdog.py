"""
Ends a worker that lives and hears nothing, so that its supervisor starts a new one.

After a connection to Redis broke, a Celery worker may stay subscribed to nothing without noticing
(celery#8030, #8990, #10205). So each worker looks from outside of that connection: does something wait
in its queues, and has it neither work in hand nor taken any for a minute? Then its process ends. Nothing
is lost: it had nothing.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any

from celery import Celery
from celery.signals import task_received, worker_ready
from celery.worker import state
from kombu.exceptions import KombuError
from kombu.transport.redis import Channel
from redis.exceptions import RedisError

from config.processes import DEAF


log = logging.getLogger(__name__)

DEAF_SECONDS = 60.0


class Watchdog(threading.Thread):
    """`queues`: those that the worker serves."""

    def __init__(self, app: Celery, queues: list[str], *, seconds: float = DEAF_SECONDS) -> None:
        super().__init__(name="watchdog", daemon=True)
        self.app, self.queues, self.seconds = app, queues, seconds
        self.heard_at = time.monotonic()

    def hear(self, **kwargs: Any) -> None:
        self.heard_at = time.monotonic()

    def run(self) -> None:
        while True:
            time.sleep(self.seconds / 4)
            if self.is_deaf():
                log.critical(
                    "work waits and none arrives here: this worker ends, to be started anew"
                )
                os._exit(DEAF)

    def is_deaf(self) -> bool:
        if state.reserved_requests or state.active_requests or not self.backlog():
            self.hear()
        return time.monotonic() - self.heard_at > self.seconds

    def backlog(self) -> int:
        """Tasks that wait; 0 where the broker does not answer: then nobody hears anything."""
        try:
            with self.app.connection_for_read(connect_timeout=5) as connection:
                channel = connection.default_channel
                if not isinstance(channel, Channel):
                    return 0
                return sum(channel._size(queue) for queue in self.queues)
        except (OSError, KombuError, RedisError):
            return 0


@worker_ready.connect
def watch(sender: Any, **kwargs: Any) -> None:
    """`sender` is the consumer of a worker that has just begun to hear."""
    seconds = float(os.environ.get("COTERIE_DEAF_SECONDS", DEAF_SECONDS))
    watchdog = Watchdog(sender.app, list(sender.app.amqp.queues.consume_from), seconds=seconds)
    task_received.connect(watchdog.hear, weak=False)
    watchdog.start()
