"""
Fetches what came back from a mailbox of its own, by IMAP or POP3.

    imaps://user:password@host/INBOX      imap:// and pop3:// without TLS, pop3s:// with it

A mail goes from the mailbox once the database has what it says. By IMAP one that nobody could make
sense of stays, marked as read, for a human to look at; POP3 knows no such mark. One that cannot be
kept stays as it is, and the others go on.
"""

from __future__ import annotations

import imaplib
import logging
import poplib
import ssl
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from django.db import DataError
from django.db import Error as DatabaseTrouble

from campaigns.enums import ReportKind
from campaigns.returns.parsing import MAX_BYTES


log = logging.getLogger(__name__)

SECONDS = 30.0  # for each answer of the server
AT_MOST = 500  # mails in one visit
PORTS: Final = {"imaps": 993, "imap": 143, "pop3s": 995, "pop3": 110}
Take = Callable[[bytes], ReportKind]


class MailboxError(Exception):
    """The mailbox cannot be read; the message has no password in it."""


def fetch(url: str, *, take: Take) -> int:
    """Hand each waiting mail to `take` and remove it; returns how many were kept. Raises MailboxError."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS:
        raise MailboxError(f"a mailbox is {', '.join(PORTS)}; not {parts.scheme!r}")
    visit = _by_imap if parts.scheme.startswith("imap") else _by_pop
    try:
        return visit(parts, take)
    except (OSError, imaplib.IMAP4.error, poplib.error_proto) as error:
        words = b" ".join(arg for arg in error.args if isinstance(arg, bytes)).decode("latin-1")
        raise MailboxError(f"{parts.hostname}: {words or error}") from error


def _by_imap(parts: SplitResult, take: Take) -> int:
    with _imap(parts) as server:
        folder = unquote(parts.path.strip("/")) or "INBOX"
        if server.select(f'"{folder}"')[0] != "OK":
            raise MailboxError(f"{parts.hostname}: there is no folder {folder}")
        found = (
            server.uid("SEARCH", "UNSEEN")[1][0] or b""
        )  # None: a server without a word for nothing
        numbers, kept = found.split()[:AT_MOST], 0
        for number in numbers:
            answer = server.uid("FETCH", number.decode(), f"(BODY.PEEK[]<0.{MAX_BYTES}>)")[1]
            raw = next((item[1] for item in answer if isinstance(item, tuple)), None)
            if raw is None:  # somebody else has taken it
                continue
            kind = _kept(take, raw)
            if kind is None:
                continue
            kept += 1
            flags = r"(\Seen)" if kind == ReportKind.UNKNOWN else r"(\Seen \Deleted)"
            server.uid("STORE", number.decode(), "+FLAGS", flags)
        server.expunge()
    return kept


def _kept(take: Take, raw: bytes) -> ReportKind | None:
    """What the mail was; None, and a word in the log, where it cannot be kept. Raises when the database is away."""
    try:
        return take(raw)
    except Exception as error:
        if isinstance(error, DatabaseTrouble) and not isinstance(error, DataError):
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        log.error(  # noqa: TRY400 - the message of the error may quote the mail
            "a mail in the mailbox of bounces cannot be kept: %s in %s, line %s",
            type(error).__name__, last.name, last.lineno,
        )  # fmt: skip
        return None


@contextmanager
def _imap(parts: SplitResult) -> Iterator[imaplib.IMAP4]:
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    server = (
        imaplib.IMAP4_SSL(host, port, ssl_context=ssl.create_default_context(), timeout=SECONDS)
        if parts.scheme == "imaps"
        else imaplib.IMAP4(host, port, timeout=SECONDS)
    )
    try:
        server.login(unquote(parts.username or ""), unquote(parts.password or ""))
        yield server
    finally:
        with suppress(OSError, imaplib.IMAP4.error):
            server.logout()


def _by_pop(parts: SplitResult, take: Take) -> int:
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    server = (
        poplib.POP3_SSL(host, port, timeout=SECONDS, context=ssl.create_default_context())
        if parts.scheme == "pop3s"
        else poplib.POP3(host, port, timeout=SECONDS)
    )
    try:
        server.user(unquote(parts.username or ""))
        server.pass_(unquote(parts.password or ""))
        waiting = min(len(server.list()[1]), AT_MOST)
        kept = 0
        for number in range(1, waiting + 1):
            if _kept(take, b"\r\n".join(server.retr(number)[1])) is not None:
                server.dele(number)
                kept += 1
        server.quit()  # only now they are removed
    finally:
        server.close()
    return kept
