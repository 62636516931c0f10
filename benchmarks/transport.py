"""How fast do messages leave over one connection? Beside Postfix's smtp-source and Django, same sink, one run.

    python -m benchmarks.transport
    python -m benchmarks.transport --sessions 4 --messages 20000

Wants Debian's `postfix` for smtp-source and smtp-sink, which need not run or be set up; without them our
own sink is used and the comparison is left out. Rounds alternate. benchmarks/README.md has the figures.
"""

# ruff: noqa: PLC0415 - nothing of Django can be imported before it is set up
from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))  # where Debian puts them


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--messages", type=int, default=5_000, help="a round")
    parser.add_argument("--bytes", type=int, default=8_000, help="of a message")
    parser.add_argument("--sessions", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    _set_up()
    source = shutil.which("smtp-source", path=PLACES)
    ways: dict[str, Callable[[int, argparse.Namespace], None]] = {"ours": ours, "Django": django}
    if source:
        ways["smtp-source -d"] = lambda port, asked: smtp_source(source, port, asked)
    with sink() as (port, name):
        rounds = [
            {way: measured(send, port, options) for way, send in ways.items()}
            for _ in range(options.rounds)
        ]
    report = {
        way: {
            "messages_per_second": statistics.median(one[way][0] for one in rounds),
            "cpu_us_per_message": statistics.median(one[way][1] for one in rounds),
            "ours_to_it": statistics.median(one["ours"][0] / one[way][0] for one in rounds),
        }
        for way in ways
    }
    if options.json:
        print(json.dumps({"sink": name, "load": os.getloadavg()[0], **report}))
    else:
        _print(report, name=name, options=options)
    return 0


def _print(report: dict[str, dict[str, float]], *, name: str, options: argparse.Namespace) -> None:
    print(
        f"{options.sessions} session(s), {options.messages:,} messages of {options.bytes:,} bytes to "
        f"{name}, median of {options.rounds} rounds, load {os.getloadavg()[0]:.1f}"
    )
    for way, figures in report.items():
        print(
            f"{way:>15}: {figures['messages_per_second']:7,.0f}/s {figures['cpu_us_per_message']:6.0f} us"
            f" of CPU a message; ours is {figures['ours_to_it']:.2f} of it"
        )


def measured(
    send: Callable[[int, argparse.Namespace], None], port: int, options: argparse.Namespace
) -> tuple[float, float]:
    """(messages a second, microseconds of CPU a message), of the senders alone."""
    before, start = cpu(), time.perf_counter()
    send(port, options)
    seconds = time.perf_counter() - start
    return options.messages / seconds, (cpu() - before) / options.messages * 1e6


def cpu() -> float:
    """Seconds of this process and of the children that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


# ---------------------------------------------------------------- who sends
def ours(port: int, options: argparse.Namespace) -> None:
    from campaigns.channels.base import Letter
    from campaigns.channels.smtp import SmtpChannel

    content = _content(options.bytes)

    def session(messages: int) -> None:
        channel = SmtpChannel(f"smtp://127.0.0.1:{port}")
        letters = (
            Letter(sender="a@shop.example", recipient=f"c{number}@example.com", content=content)
            for number in range(messages)
        )
        letter = next(letters, None)
        while letter is not None:
            following = next(letters, None)
            channel.send(letter, following=following)
            letter = following
        channel.close()

    _in_sessions(session, options)


def django(port: int, options: argparse.Namespace) -> None:
    """EmailMessage and a connection that stays open: what a Django project does at its best."""
    from django.core.mail import EmailMessage, get_connection

    body = _content(options.bytes).partition(b"\r\n\r\n")[2].decode()

    def session(messages: int) -> None:
        connection = get_connection(
            "django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=port
        )
        connection.open()
        for number in range(messages):
            mail = EmailMessage("Tea", body, "a@shop.example", [f"c{number}@example.com"])
            connection.send_messages([mail])
        connection.close()

    _in_sessions(session, options)


def smtp_source(program: str, port: int, options: argparse.Namespace) -> None:
    subprocess.run(  # noqa: S603 - a program of Debian's
        [program, "-d", "-s", str(options.sessions), "-m", str(options.messages),
         "-l", str(options.bytes), "-f", "a@shop.example", "-t", "c@example.com",
         f"127.0.0.1:{port}"],
        check=True, capture_output=True,
    )  # fmt: skip


def _in_sessions(session: Callable[[int], None], options: argparse.Namespace) -> None:
    if options.sessions == 1:
        session(options.messages)
        return
    fork = multiprocessing.get_context("fork")
    share = options.messages // options.sessions
    children = [fork.Process(target=session, args=(share,)) for _ in range(options.sessions)]
    for child in children:
        child.start()
    for child in children:
        child.join()


def _content(size: int) -> bytes:
    head = b"From: a@shop.example\r\nTo: c@example.com\r\nMessage-ID: <1@x>\r\n\r\n"
    line = b"x" * 70 + b"\r\n"
    return head + line * max(1, (size - len(head)) // len(line))


# ---------------------------------------------------------------- who receives
@contextmanager
def sink() -> Iterator[tuple[int, str]]:
    """A mail server that throws everything away: its port and what it is."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = shutil.which("smtp-sink", path=PLACES)
    command = (
        [program, "-c", *(["-u", "nobody"] if os.getuid() == 0 else []), f"127.0.0.1:{port}", "256"]
        if program
        else [sys.executable, "manage.py", "sink", "--port", str(port), "--keep", "0"]
    )
    process = subprocess.Popen(  # noqa: S603 - our own or Debian's
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port)
        yield port, "smtp-sink" if program else "our own sink"
    finally:
        process.terminate()
        process.wait()


def _wait(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > deadline:
            raise RuntimeError("the sink does not answer")
        time.sleep(0.05)


def _set_up() -> None:
    """Django's own sender wants settings; ours wants nothing."""
    from django.conf import settings

    settings.configure(USE_TZ=True)


if __name__ == "__main__":
    sys.exit(main())
