"""Fetching from real sockets: two small servers that speak just enough IMAP and POP3."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError

from campaigns import tasks
from campaigns.enums import ReportKind
from campaigns.models import DeliveryReport
from campaigns.returns import mailbox
from campaigns.returns.mailbox import MailboxError
from tests.campaigns.returns.corpus import mail


BARE = {"verp": "news@shop.example", "message_id": "<1@x.example>", "unsubscribe_url": ""}
MAILS = [mail("07-mailbox-full", **BARE), mail("50-a-person-writes-back", **BARE)]


class Mailbox(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, handler: type[socketserver.StreamRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.mails = dict(enumerate(MAILS, start=1))
        self.flags: dict[int, set[str]] = {number: set() for number in self.mails}


class Speaker(socketserver.StreamRequestHandler):
    server: Mailbox

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def lines(self) -> Iterator[str]:
        while line := self.rfile.readline():
            yield line.decode().strip()


class Pop(Speaker):
    def handle(self) -> None:
        self.say("+OK hello")
        gone = set()
        for line in self.lines():
            verb, _, rest = line.partition(" ")
            if verb.upper() == "PASS" and rest != "s:cret":
                self.say("-ERR no")
            elif verb.upper() == "LIST":
                self.say("+OK")
                for number, raw in self.server.mails.items():
                    self.say(f"{number} {len(raw)}")
                self.say(".")
            elif verb.upper() == "RETR":
                self.say("+OK")
                self.wfile.write(
                    self.server.mails[int(rest)].replace(b"\r\n.", b"\r\n..") + b".\r\n"
                )
            elif verb.upper() == "DELE":
                gone.add(int(rest))
                self.say("+OK")
            elif verb.upper() == "QUIT":
                for number in gone:  # before the answer: whoever has it may look
                    del self.server.mails[number]
                self.say("+OK")
                return
            else:
                self.say("+OK")


class Imap(Speaker):
    def handle(self) -> None:
        self.say("* OK [CAPABILITY IMAP4rev1] hello")
        for line in self.lines():
            tag, _, command = line.partition(" ")
            if not self.untagged(command):
                self.say(f"{tag} NO no")
                continue
            self.say(f"{tag} OK done")
            if command == "LOGOUT":
                return

    def untagged(self, command: str) -> bool:
        """Whether the command is obeyed."""
        box = self.server
        if command == "CAPABILITY":
            self.say("* CAPABILITY IMAP4rev1")
        elif command.startswith("LOGIN"):
            return "s:cret" in command
        elif command.startswith("SELECT"):
            self.say(f"* {len(box.mails)} EXISTS")
            return "INBOX" in command
        elif command == "UID SEARCH UNSEEN":
            unseen = [str(number) for number in box.mails if "\\Seen" not in box.flags[number]]
            self.say(f"* SEARCH {' '.join(unseen)}".strip())
        elif found := re.match(r"UID FETCH (\d+) \(BODY.PEEK\[\]<0.1000000>\)", command):
            raw = box.mails[int(found[1])]
            self.say(f"* {found[1]} FETCH (UID {found[1]} BODY[]<0> {{{len(raw)}}}")
            self.wfile.write(raw)
            self.say(")")
        elif found := re.match(r"UID STORE (\d+) \+FLAGS \((.*)\)", command):
            box.flags[int(found[1])] |= set(found[2].split())
        elif command == "EXPUNGE":
            for number in [n for n, flags in box.flags.items() if "\\Deleted" in flags]:
                box.mails.pop(number, None)
        return True


@contextmanager
def serving(handler: type[Speaker]) -> Iterator[Mailbox]:
    with Mailbox(handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def url(scheme: str, server: Mailbox, *, password: str = "s%3Acret") -> str:
    return f"{scheme}://me:{password}@127.0.0.1:{server.server_address[1]}"


def keeping(into: list[bytes]) -> Callable[[bytes], ReportKind]:
    def take(raw: bytes) -> ReportKind:
        into.append(raw)
        return ReportKind.UNKNOWN if b"green tea" in raw else ReportKind.BOUNCED

    return take


@pytest.mark.parametrize(("scheme", "handler", "left"), [("pop3", Pop, []), ("imap", Imap, [2])])
def test_mails_are_fetched_once_and_the_understood_ones_go(
    scheme: str, handler: type[Speaker], left: list[int]
) -> None:
    taken: list[bytes] = []
    with serving(handler) as server:
        assert mailbox.fetch(url(scheme, server), take=keeping(taken)) == 2
        assert [raw.strip() for raw in taken] == [raw.strip() for raw in MAILS]
        assert list(server.mails) == left
        assert mailbox.fetch(url(scheme, server), take=keeping(taken)) == 0


@pytest.mark.parametrize(("scheme", "handler"), [("pop3", Pop), ("imap", Imap)])
def test_a_mail_that_could_not_be_kept_stays(scheme: str, handler: type[Speaker]) -> None:
    def fail(raw: bytes) -> ReportKind:
        raise OperationalError

    with serving(handler) as server:
        with pytest.raises(OperationalError):
            mailbox.fetch(url(scheme, server), take=fail)
        assert list(server.mails) == [1, 2]
        assert server.flags == {1: set(), 2: set()}


@pytest.mark.parametrize(("scheme", "handler"), [("pop3", Pop), ("imap", Imap)])
def test_one_mail_that_cannot_be_kept_stays_and_the_others_go_on(
    scheme: str, handler: type[Speaker], caplog: Any
) -> None:
    def choke(raw: bytes) -> ReportKind:
        if raw.strip() == MAILS[0].strip():
            raise ValueError("ada@example.com")
        return ReportKind.BOUNCED

    with serving(handler) as server:
        assert mailbox.fetch(url(scheme, server), take=choke) == 1
        assert list(server.mails) == [1]
        assert server.flags[1] == set()
    assert "ValueError in choke" in caplog.text
    assert "ada@" not in caplog.text


def test_an_imap_server_that_answers_a_search_with_nothing_has_an_empty_box() -> None:
    class Silent(Imap):
        def untagged(self, command: str) -> bool:
            return command.startswith("UID SEARCH") or super().untagged(command)

    with serving(Silent) as server:
        assert mailbox.fetch(url("imap", server), take=keeping([])) == 0


@pytest.mark.parametrize(("scheme", "handler"), [("pop3", Pop), ("imap", Imap)])
def test_a_refusal_is_told_without_the_password(scheme: str, handler: type[Speaker]) -> None:
    with serving(handler) as server, pytest.raises(MailboxError) as raised:
        mailbox.fetch(url(scheme, server, password="wrong"), take=keeping([]))
    assert "wrong" not in str(raised.value)
    assert "127.0.0.1" in str(raised.value)
    with pytest.raises(MailboxError, match="imaps"):
        mailbox.fetch("https://me:wrong@127.0.0.1", take=keeping([]))


@pytest.mark.django_db
def test_the_task_reads_the_mailbox_and_an_outage_is_only_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    with serving(Imap) as server:
        monkeypatch.setattr(settings, "BOUNCE_MAILBOX_URL", url("imap", server))
        assert tasks.read_returns() == 2
    assert set(DeliveryReport.objects.values_list("kind", flat=True)) == {"BOUNCED", "UNKNOWN"}
    assert tasks.read_returns() == 0
    assert "cannot be read" in caplog.text
