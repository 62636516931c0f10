"""The processes of one machine: web, worker, beat and, where no mail server is given, a sink.

For trying out and for small installations; docker/compose.yaml runs the same commands as containers.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from core import clock


ROOT = Path(__file__).resolve().parent.parent


# Two processes (some 220 MB each), so that a slow page of one leaves the other to the shop's data. Many
# threads, because a request with shop data waits for the disk and all that wait share one commit
# (customers.intake.landing). A thread may hold a database connection: 64 of PostgreSQL's usual 100.
WEB_WORKERS = 2
WEB_THREADS = 32


def web_arguments(
    *, host: str, port: int, application: str = "config.wsgi:application"
) -> list[str]:
    """What Python is to run as the web server."""
    return [
        "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port), "--no-ws",
        "--workers", str(WEB_WORKERS), "--blocking-threads", str(WEB_THREADS), application,
    ]  # fmt: skip


DEAF = 75  # "temporary failure; try again" of sysexits.h: a worker ended itself, see watchdog.py


class ProcessDiedError(RuntimeError):
    """A process that must live has ended; the message carries the end of its log."""


class Processes:
    """Children with their logs under COTERIE_HOME/logs; stopped in the reverse order of starting."""

    def __init__(self) -> None:
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.commands: dict[str, tuple[str, ...]] = {}
        self.logs = clock.home() / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, *arguments: str) -> None:
        # threads of linear algebra that spin while they wait, on two cores, starve everybody else
        environment = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1", **os.environ}
        self.commands[name] = arguments
        with (self.logs / f"{name}.log").open("ab") as log:
            self.children[name] = subprocess.Popen(  # noqa: S603 - our own commands, no shell
                [sys.executable, *arguments],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def will_serve(self, *, port: int) -> None:
        """
        Let every address that is shown or mailed lead to `port` of this machine, unless one is given.

        To be called before anything is started. Raises ProcessDiedError when the port is taken.
        """
        with socket.socket() as probe:  # granian shares a port with whoever listens there already
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise ProcessDiedError(
                    f"port {port} is in use. Stop the other server, or choose another with PORT=."
                )
        if not os.environ.get("COTERIE_PUBLIC_URL"):
            address = f"http://127.0.0.1:{port}"
            os.environ["COTERIE_PUBLIC_URL"] = settings.PUBLIC_URL = address
            place = clock.home() / "run" / "web-address"  # for commands in another terminal
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(address)

    def start_sink(self) -> None:
        """Start the local SMTP sink and point COTERIE_SMTP_URL at it, unless a server is given."""
        if os.environ.get("COTERIE_SMTP_URL"):
            return
        folder = clock.home() / "sink"
        port_file = folder / "port"
        port_file.unlink(missing_ok=True)
        self.start("sink", "manage.py", "sink", "--port", "0", "--folder", str(folder))
        # there before the number is in it
        self._wait(lambda: port_file.exists() and bool(port_file.read_text()), "sink")
        # for the children, and for this process, whose settings were read before the sink had a port
        os.environ["COTERIE_SMTP_URL"] = f"smtp://127.0.0.1:{port_file.read_text().strip()}"
        settings.SMTP_URL = os.environ["COTERIE_SMTP_URL"]

    def start_worker_and_beat(self) -> None:
        """Four workers, because a training or an import keeps neither messages nor orders nor the other waiting, and the tick."""
        for name, queues, concurrency in (
            ("worker", "default", "2"),
            ("sender", "send", "1"),
            ("importer", "import", "1"),
            ("trainer", "train", "1"),
        ):
            self.start(
                name, "-m", "celery", "-A", "config", "worker", "--queues", queues,
                "--concurrency", concurrency, "--hostname", f"{name}@%h", "--loglevel", "INFO",
                "--without-gossip", "--without-mingle",
            )  # fmt: skip
        self.start("beat", "-m", "celery", "-A", "config", "beat", "--loglevel", "WARNING",
                   "--pidfile", "")  # fmt: skip

    def start_web(self, *, port: int) -> str:
        """Start the web server and return its address when it answers; raises ProcessDiedError."""
        address = f"http://127.0.0.1:{port}"
        self.start("web", *web_arguments(host="127.0.0.1", port=port))

        def answers() -> bool:
            try:
                with urllib.request.urlopen(f"{address}/healthz", timeout=2) as reply:  # noqa: S310
                    return bool(reply.status == 200)
            except OSError:
                return False

        self._wait(answers, "web")
        return address

    def _wait(self, ready: Callable[[], bool], name: str, *, seconds: float = 180) -> None:
        # long: a busy machine with two cores took 48 s. One that ends instead is noticed at once.
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ProcessDiedError(
                    f"{name} did not get ready in {seconds:.0f} s; {self._tail(name)}"
                )
            time.sleep(0.1)

    def check(self) -> None:
        """Start workers that were deaf anew; raise ProcessDiedError when another child has ended."""
        for name, child in list(self.children.items()):
            if child.poll() == DEAF:
                self.start(name, *self.commands[name])
            elif child.returncode is not None:
                raise ProcessDiedError(
                    f"{name} ended with code {child.returncode}; {self._tail(name)}"
                )

    def _tail(self, name: str) -> str:
        log = self.logs / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines()[-8:]
        return f"the end of {log}:\n" + "\n".join(lines)

    def stop(self) -> None:
        """Stop one after the other, the last started first: a sender ends before its mail server does."""
        for child in reversed(self.children.values()):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
            try:
                child.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        self.children.clear()


@contextmanager
def running() -> Iterator[Processes]:
    """Processes that are stopped when the block ends, also by Ctrl-C or SIGTERM."""
    processes = Processes()
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield processes
    finally:
        signal.signal(signal.SIGTERM, before)
        processes.stop()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
