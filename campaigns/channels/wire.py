"""
An SMTP connection that smtplib has opened, from then on spoken to without it.

smtplib asks and waits, command by command. Here several commands leave in one write, and the replies
are read as they come, many of them from one packet.
"""

from __future__ import annotations

import smtplib
import socket
import ssl


_PIECE = 65_536  # bytes read at once
_LONGEST_REPLY = 65_536  # bytes; nobody says more


class Wire:
    """Every failure is an OSError. `pipelines`: whether commands may be sent without waiting."""

    def __init__(self, server: smtplib.SMTP, *, seconds: float) -> None:
        if server.sock is None:
            raise smtplib.SMTPServerDisconnected("connection closed")
        self.pipelines = server.has_extn("pipelining")
        self._server = server
        self._socket: socket.socket = server.sock
        self._is_tls = isinstance(self._socket, ssl.SSLSocket)
        self._heard = b""
        self._seconds = seconds
        self._socket.settimeout(seconds)

    def send(self, data: bytes, *, then: bytes = b"") -> None:
        """
        Raises unless all of `data` has left.

        `then` goes with it, in the same write where one can tell how much has left. Where it cannot
        leave, the next reply will not come.
        """
        if not then:
            self._socket.sendall(data)
            return
        if self._is_tls:  # a failed write does not say how much of it has left
            self._socket.sendall(data)
            data = b""
        both = memoryview(data + then)
        left = 0
        try:
            while left < len(both):
                left += self._socket.send(both[left:])
        except OSError:
            if left < len(data):
                raise

    def reply(self, *, seconds: float) -> tuple[int, str]:
        """(code, text without it) of the next reply, of all its lines."""
        words = []
        while True:
            line = self._line(seconds)
            if len(line) < 3 or not line[:3].isdigit():
                raise smtplib.SMTPServerDisconnected("not a reply")
            words.append(line[4:])
            if line[3:4] != b"-":
                text = b" ".join(words).decode("utf-8", "replace")
                return int(line[:3]), " ".join(text.split())[:280]
            if sum(map(len, words)) > _LONGEST_REPLY:
                raise smtplib.SMTPServerDisconnected("a reply without an end")

    def _line(self, seconds: float) -> bytes:
        while (end := self._heard.find(b"\n")) < 0:
            if seconds != self._seconds:  # it is a system call
                self._socket.settimeout(seconds)
                self._seconds = seconds
            piece = self._socket.recv(_PIECE)
            if not piece:
                raise smtplib.SMTPServerDisconnected("connection closed")
            self._heard += piece
            if len(self._heard) > 2 * _LONGEST_REPLY:
                raise smtplib.SMTPServerDisconnected("a line without an end")
        line, self._heard = self._heard[:end], self._heard[end + 1 :]
        return line

    def close(self) -> None:
        self._server.close()
