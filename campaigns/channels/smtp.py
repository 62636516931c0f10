"""
SMTP with a reused connection and pipelining (RFC 2920): where it is known which message follows, its
envelope goes with the one before, and a message costs one round trip; else two.

The moment that matters is the final dot. Before it, nothing can have been accepted, and every
failure may be tried again. After it, only a reply tells; without one the verdict is AMBIGUOUS.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from math import inf
from urllib.parse import unquote, urlsplit

from campaigns.channels.base import ChannelError, Letter, Verdict
from campaigns.channels.wire import Wire
from campaigns.faults import crash_point
from campaigns.policy import is_about_us


CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 30.0
AFTER_DOT_SECONDS = 120.0  # RFC 5321 asks for ten minutes; a relay of one's own answers in these
LETTERS_PER_CONNECTION = 100

_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})\b")


class SmtpChannel:
    """`smtp://host:port` (STARTTLS where offered) or `smtps://user:password@host:port`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or "127.0.0.1"
        self.tls = parts.scheme == "smtps"
        self.port = parts.port or (465 if self.tls else 25)
        self.user, self.password = unquote(parts.username or ""), unquote(parts.password or "")
        self._wire: Wire | None = None
        self._letters = 0
        self._announced: Letter | None = None  # its envelope has left, with the message before it

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()  # reads every certificate of the machine: 40 ms
        if not self.tls and not self.user:
            # STARTTLS where it happens to be offered: better than clear text, whoever signed it
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def connect(self) -> None:
        if self._announced is not None:  # the server waits for a message that does not come
            self._drop()
        self._connect()

    def _connect(self) -> None:
        if self._wire is not None and self._letters < LETTERS_PER_CONNECTION:
            return
        self.close()
        try:
            self._wire = Wire(self._open(), seconds=COMMAND_SECONDS)
        except (OSError, smtplib.SMTPException) as error:
            raise ChannelError(
                f"{self.host}:{self.port} does not let us in: {_words(error)}",
                verdict=Verdict.UNREACHABLE,
            ) from error
        self._letters = 0

    def _open(self) -> smtplib.SMTP:
        server = (
            smtplib.SMTP_SSL(self.host, self.port, timeout=CONNECT_SECONDS, context=self._trust)
            if self.tls
            else smtplib.SMTP(self.host, self.port, timeout=CONNECT_SECONDS)
        )
        try:
            if server.sock is not None:
                server.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.ehlo_or_helo_if_needed()
            if not self.tls and server.has_extn("starttls"):
                server.starttls(context=self._trust)
                server.ehlo()
            if self.user:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server

    def send(
        self,
        letter: Letter,
        *,
        following: Letter | None = None,
        meanwhile: Callable[[], object] | None = None,
        by: float = inf,
    ) -> str:
        if self._announced is not letter:
            self.connect()
        fresh = self._wire is None or self._letters == 0
        try:
            self._envelope(letter)
        except _ConnectionLostError as error:
            self._drop()
            if fresh or error.said_something:
                raise ChannelError(str(error), verdict=Verdict.TEMPORARY) from error
            # the server had hung up before we spoke, or before it heard us: nothing was handed over
            self._connect()
            try:
                self._envelope(letter)
            except _ConnectionLostError as again:
                self._drop()
                raise ChannelError(str(again), verdict=Verdict.TEMPORARY) from again
        if time.monotonic() > by:
            self._drop()
            raise ChannelError(
                "the server took too long over the envelope; the message was not given to it",
                verdict=Verdict.TEMPORARY,
            )
        self._content(letter, following=following)
        if meanwhile is not None:
            meanwhile()
        return self._answer()

    def _envelope(self, letter: Letter) -> None:
        """Have the server wait for the message. Raises _ConnectionLostError, ChannelError."""
        wire = self._open_wire()
        sent, self._announced = self._announced is letter, None
        commands = _commands(letter) if not sent else ()
        replies: list[tuple[int, str]] = []
        try:
            if sent or wire.pipelines:
                if not sent:
                    wire.send(b"".join(commands))
                for _ in _VERBS:  # one by one: the replies before a lost connection count
                    replies.append(wire.reply(seconds=COMMAND_SECONDS))  # noqa: PERF401
            else:
                for command in commands:
                    wire.send(command)
                    replies.append(wire.reply(seconds=COMMAND_SECONDS))
                    if replies[-1][0] >= 400:
                        break
            refused = next((reply for reply in replies if reply[0] >= 400), None)
            if refused is None:
                _expect_content(replies)
                return
            if replies[-1][0] == 354:  # it wants the message of a recipient it refused
                wire.send(b".\r\n")
                wire.reply(seconds=COMMAND_SECONDS)
        except OSError as error:
            if replies and replies[-1][0] >= 400:  # it refused us, then hung up
                raise self._refusal(*replies[-1], of_sender=len(replies) == 1) from error
            raise _ConnectionLostError(_words(error), said_something=bool(replies)) from error
        raise self._refusal(*refused, of_sender=refused is replies[0])

    def _content(self, letter: Letter, *, following: Letter | None) -> None:
        """
        The message, its final dot, and the envelope of the next one.

        RFC 2920, 3.1, allows the latter in one go. Nobody is harmed if the next message never comes:
        without a dot of its own, nothing was handed over.
        """
        wire = self._open_wire()
        body = letter.content.replace(b"\r\n.", b"\r\n..")
        body += b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n"
        if not wire.pipelines or self._letters + 1 >= LETTERS_PER_CONNECTION:
            following = None
        try:
            crash_point("after-envelope")
            crash_point("mid-data", first=lambda: wire.send(body[: len(body) // 2]))
            wire.send(body, then=b"".join(_commands(following)) if following else b"")
            crash_point("after-dot")
        except OSError as error:
            self._drop()
            raise ChannelError(
                f"connection lost before the message: {_words(error)}", verdict=Verdict.TEMPORARY
            ) from error
        self._announced = following

    def _answer(self) -> str:
        try:
            code, text = self._open_wire().reply(seconds=AFTER_DOT_SECONDS)
        except OSError as error:
            self._drop()
            raise ChannelError(
                f"no answer after the message: {_words(error)}", verdict=Verdict.AMBIGUOUS
            ) from error
        self._letters += 1
        if code >= 400:
            raise self._refusal(code, text, of_sender=False)
        if code // 100 != 2:
            self._drop()
            raise ChannelError(
                f"{code} {text} is no answer to a message", verdict=Verdict.AMBIGUOUS
            )
        return f"{code} {text}"

    def _refusal(self, code: int, text: str, *, of_sender: bool) -> ChannelError:
        if code == 421:
            self._drop()
        elif self._wire is not None and self._announced is None:
            try:
                self._wire.send(b"RSET\r\n")
                self._wire.reply(seconds=COMMAND_SECONDS)
            except OSError:
                self._drop()
        found = _ENHANCED.match(text)
        enhanced = found[1] if found else ""
        return ChannelError(
            f"{code} {text}",
            verdict=classify(code, enhanced, of_sender=of_sender),
            enhanced=enhanced,
        )

    def _open_wire(self) -> Wire:
        assert self._wire is not None  # noqa: S101 - connect() has just been called
        return self._wire

    def close(self) -> None:
        if self._wire is not None and self._announced is None:
            with suppress(OSError):
                self._wire.send(b"QUIT\r\n")
                self._wire.reply(seconds=2.0)
        self._drop()

    def _drop(self) -> None:
        """Without a word; a message that was announced and not sent is forgotten by the server."""
        wire, self._wire, self._announced = self._wire, None, None
        if wire is not None:
            wire.close()


class _ConnectionLostError(Exception):
    """Before the final dot; `said_something` when the server had answered a command of this letter."""

    def __init__(self, words: str, *, said_something: bool) -> None:
        super().__init__(f"connection lost before the message: {words}")
        self.said_something = said_something


def classify(code: int, enhanced: str, *, of_sender: bool = False) -> Verdict:
    """What a refusal with this reply code and enhanced status code (RFC 3463) means."""
    if is_about_us(enhanced):
        return Verdict.REPUTATION
    if code < 500:
        return Verdict.TEMPORARY
    if of_sender or code in (530, 535):
        return Verdict.REPUTATION
    return Verdict.PERMANENT


_VERBS = ("MAIL", "RCPT", "DATA")


def _commands(letter: Letter) -> tuple[bytes, bytes, bytes]:
    return (
        f"MAIL FROM:<{letter.sender}>\r\n".encode("ascii"),
        f"RCPT TO:<{letter.recipient}>\r\n".encode("ascii"),
        b"DATA\r\n",
    )


def _expect_content(replies: list[tuple[int, str]]) -> None:
    """Raises OSError unless the server took both addresses and waits for the message."""
    if [code // 100 for code, _ in replies] != [2, 2, 3]:
        codes = ", ".join(str(code) for code, _ in replies)
        raise smtplib.SMTPServerDisconnected(f"{codes} are no answers to an envelope")


def _words(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return f"{error.smtp_code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"
    return str(error) or type(error).__name__
