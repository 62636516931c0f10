"""
An SMTP server that keeps what it receives: for the demo, for tests, and for `manage.py reconcile`.

Every accepted message is one line of JSON in journal.jsonl, written before the 250 is; the first
messages are also kept whole. A recipient's local part can script the answer:

    reply-550-5.1.1@...     that reply to RCPT TO          data-552-5.2.2@...   that reply after the dot
    greylist@...            451 4.7.1 the first time       drop-at-rcpt@...     hangs up at RCPT TO
    drop-before@...         hangs up after the dot, message not kept
    drop-after@...          keeps the message and hangs up without a reply
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path


_SCRIPT = re.compile(r"^(reply|data)-(\d{3})(?:-(\d\.\d+\.\d+))?", re.IGNORECASE)
_MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^>\r\n]*>)", re.IGNORECASE | re.MULTILINE)
_PATH = re.compile(r"^(?:MAIL FROM|RCPT TO):\s*<([^>]*)>", re.IGNORECASE)
_EXTENSIONS = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "SIZE 20000000")
JOURNAL = "journal.jsonl"


@dataclass
class Sink:
    """Where messages are kept, shared by all connections."""

    folder: Path
    keep: int = 200  # messages kept whole
    delay: float = 0.0  # seconds before a message is answered
    pipelining: bool = True
    received: int = 0
    _greylisted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        # addresses and names: for nobody else on this machine
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.folder / "messages").mkdir(mode=0o700, exist_ok=True)
        self._journal = os.open(
            self.folder / JOURNAL, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
        )

    def store(self, *, sender: str, recipient: str, content: bytes) -> None:
        """Append the message to the journal by one write, which a killed process cannot tear."""
        self.received += 1
        head = content[: content.find(b"\r\n\r\n") + 2]
        found = _MESSAGE_ID.search(head)
        name = ""
        if self.received <= self.keep:
            name = f"{self.received:06}.eml"
            (self.folder / "messages" / name).write_bytes(content)
        line = json.dumps({
            "message_id": found[1].decode("ascii", "replace") if found else "",
            "sender": sender, "recipient": recipient, "received_at": time.time(),
            "bytes": len(content), "file": name,
        })  # fmt: skip
        os.write(self._journal, line.encode() + b"\n")

    def greylists(self, recipient: str) -> bool:
        """Whether this recipient is to be put off: the first time only."""
        if not recipient.lower().startswith("greylist") or recipient in self._greylisted:
            return False
        self._greylisted.add(recipient)
        return True

    def close(self) -> None:
        os.close(self._journal)


class Connection(asyncio.Protocol):
    """One client. Commands may come in one packet; replies go out in their order."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.buffer = bytearray()
        self.in_data = False
        self.busy = False
        self.sender = ""
        self.recipient = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a TCP server gives
        self.transport = transport
        self._say("220 sink ESMTP")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self._work()

    def _work(self) -> None:
        while not self.busy and not self.transport.is_closing():
            if self.in_data:
                if not self._take_message():
                    return
            else:
                end = self.buffer.find(b"\n")
                if end < 0:
                    return
                line = self.buffer[:end].rstrip(b"\r").decode("utf-8", "replace")
                del self.buffer[: end + 1]
                self._command(line)

    def _command(self, line: str) -> None:
        verb = line[:4].upper()
        if verb == "EHLO":
            extensions = _EXTENSIONS if self.sink.pipelining else _EXTENSIONS[1:]
            lines = ["sink", *extensions]
            self._say(*(f"250-{text}" for text in lines[:-1]), f"250 {lines[-1]}")
        elif verb == "MAIL" and (found := _PATH.match(line)):
            self.sender, self.recipient = found[1], ""
            if not self._scripted("reply", found[1]):
                self._say("250 2.1.0 ok")
        elif verb == "RCPT" and (found := _PATH.match(line)):
            self._recipient(found[1])
        elif verb == "DATA":
            if self.recipient:
                self.in_data = True
                self._say("354 go on")
            else:
                self._say("503 5.5.1 no valid recipients")
        elif verb in ("RSET", "NOOP", "HELO"):
            self.recipient = ""
            self._say("250 2.0.0 ok")
        elif verb == "QUIT":
            self._say("221 2.0.0 bye")
            self.transport.close()
        else:
            self._say("500 5.5.2 what?")

    def _recipient(self, address: str) -> None:
        if address.startswith("drop-at-rcpt"):
            self.transport.abort()
        elif self.sink.greylists(address):
            self._say("451 4.7.1 greylisted, come back later")
        elif not self._scripted("reply", address):
            self.recipient = address
            self._say("250 2.1.5 ok")

    def _scripted(self, kind: str, address: str) -> bool:
        found = _SCRIPT.match(address)
        if found is None or found[1].lower() != kind:
            return False
        self._say(f"{found[2]} {found[3] + ' ' if found[3] else ''}scripted")
        if found[2] == "421":
            self.transport.close()
        return True

    def _take_message(self) -> bool:
        if self.buffer.startswith(b".\r\n"):
            content, length = b"", 3
        else:
            end = self.buffer.find(b"\r\n.\r\n")
            if end < 0:
                return False
            content, length = bytes(self.buffer[: end + 2]), end + 5
        del self.buffer[:length]
        self.in_data = False
        content = content.replace(b"\r\n..", b"\r\n.")
        if self.sink.delay:
            self.busy = True
            asyncio.get_running_loop().call_later(self.sink.delay, self._finish, content)
        else:
            self._answer(content)
        return True

    def _finish(self, content: bytes) -> None:
        self.busy = False
        self._answer(content)
        self._work()

    def _answer(self, content: bytes) -> None:
        recipient, self.recipient = self.recipient, ""
        if recipient.startswith("drop-before"):
            self.transport.abort()
        elif not self._scripted("data", recipient):
            self.sink.store(sender=self.sender, recipient=recipient, content=content)
            if recipient.startswith("drop-after"):
                self.transport.abort()
            else:
                self._say("250 2.0.0 kept")

    def _say(self, *lines: str) -> None:
        if not self.transport.is_closing():
            self.transport.write("".join(f"{line}\r\n" for line in lines).encode())


async def serve(sink: Sink, *, host: str, port: int) -> asyncio.Server:
    """Listen; port 0 takes a free one. The caller closes the server."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(sink), host, port)
