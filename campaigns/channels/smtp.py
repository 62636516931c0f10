"""
SMTP with a reused connection and pipelining (RFC 2920): two round trips a message.

The moment that matters is the final dot. Before it, nothing can have been accepted, and every
failure may be tried again. After it, only a reply tells; without one the verdict is AMBIGUOUS.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from contextlib import suppress
from functools import cached_property
from urllib.parse import unquote, urlsplit

from campaigns.channels.base import ChannelError, Letter, Verdict
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
        self._server: smtplib.SMTP | None = None
        self._letters = 0

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()  # reads every certificate of the machine: 40 ms
        if not self.tls and not self.user:
            # STARTTLS where it happens to be offered: better than clear text, whoever signed it
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def connect(self) -> None:
        if self._server is not None and self._letters < LETTERS_PER_CONNECTION:
            return
        self.close()
        try:
            self._server = self._open()
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
            _socket(server).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.ehlo_or_helo_if_needed()
            if not self.tls and server.has_extn("starttls"):
                server.starttls(context=self._trust)
                server.ehlo()
            if self.user:
                server.login(self.user, self.password)
            _socket(server).settimeout(COMMAND_SECONDS)
        except BaseException:
            server.close()
            raise
        return server

    def send(self, letter: Letter) -> str:
        fresh = self._server is None or self._letters == 0
        self.connect()
        try:
            return self._converse(letter)
        except _ConnectionLostError as error:
            self.close()
            if fresh or error.said_something:
                raise ChannelError(str(error), verdict=Verdict.TEMPORARY) from error
        # the server had hung up on an idle connection before we spoke: nothing was handed over
        self.connect()
        try:
            return self._converse(letter)
        except _ConnectionLostError as error:
            self.close()
            raise ChannelError(str(error), verdict=Verdict.TEMPORARY) from error

    def _converse(self, letter: Letter) -> str:
        server = self._server
        assert server is not None  # noqa: S101 - connect() has just been called
        commands = [
            f"MAIL FROM:<{letter.sender}>\r\n".encode("ascii"),
            f"RCPT TO:<{letter.recipient}>\r\n".encode("ascii"),
            b"DATA\r\n",
        ]
        replies: list[tuple[int, str]] = []
        try:
            if server.has_extn("pipelining"):
                server.send(b"".join(commands))
                for _ in commands:  # one by one: the replies before a lost connection count
                    replies.append(_reply(server))  # noqa: PERF401
            else:
                for command in commands:
                    server.send(command)
                    replies.append(_reply(server))
                    if replies[-1][0] >= 400:
                        break
            refused = next((reply for reply in replies if reply[0] >= 400), None)
            if refused is not None:
                if replies[-1][0] == 354:  # it wants the message of a recipient it refused
                    server.send(b".\r\n")
                    _reply(server)
                raise self._refusal(*refused, of_sender=refused is replies[0])
            body = letter.content.replace(b"\r\n.", b"\r\n..")
            crash_point("after-envelope")
            crash_point("mid-data", first=lambda: server.send(body[: len(body) // 2]))
            server.send(body + (b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n"))
            crash_point("after-dot")
        except (OSError, smtplib.SMTPException) as error:
            if replies and replies[-1][0] >= 400:  # it refused us, then hung up
                raise self._refusal(*replies[-1], of_sender=len(replies) == 1) from error
            raise _ConnectionLostError(_words(error), said_something=bool(replies)) from error
        return self._after_the_dot(server)

    def _after_the_dot(self, server: smtplib.SMTP) -> str:
        try:
            _socket(server).settimeout(AFTER_DOT_SECONDS)
            code, text = _reply(server)
            _socket(server).settimeout(COMMAND_SECONDS)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise ChannelError(
                f"no answer after the message: {_words(error)}", verdict=Verdict.AMBIGUOUS
            ) from error
        self._letters += 1
        if code >= 400:
            raise self._refusal(code, text, of_sender=False)
        return f"{code} {text}"

    def _refusal(self, code: int, text: str, *, of_sender: bool) -> ChannelError:
        if code == 421:
            self.close()
        elif self._server is not None:
            try:
                self._server.rset()
            except (OSError, smtplib.SMTPException):
                self.close()
        found = _ENHANCED.match(text)
        enhanced = found[1] if found else ""
        return ChannelError(
            f"{code} {text}",
            verdict=classify(code, enhanced, of_sender=of_sender),
            enhanced=enhanced,
        )

    def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            with suppress(OSError, smtplib.SMTPException):
                _socket(server).settimeout(2.0)
                server.quit()
            server.close()


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


def _reply(server: smtplib.SMTP) -> tuple[int, str]:
    code, text = server.getreply()
    if code < 0:
        raise smtplib.SMTPServerDisconnected("not a reply")
    return code, " ".join(text.decode("utf-8", "replace").split())[:280]


def _socket(server: smtplib.SMTP) -> socket.socket:
    if server.sock is None:
        raise smtplib.SMTPServerDisconnected("connection closed")
    return server.sock


def _words(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return f"{error.smtp_code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"
    return str(error) or type(error).__name__
