"""
An SMTP server that keeps what it receives: for the demo, for tests, and for `manage.py reconcile`.

Every accepted message is one line of JSON in journal.jsonl, written before the 250 is; the first
messages of each run are also kept whole, numbered on from those of the runs before. A recipient's local part can script the answer:

    reply-550-5.1.1@...     that reply to RCPT TO          data-552-5.2.2@...   that reply after the dot
    greylist@...            451 4.7.1 the first time       drop-at-rcpt@...     hangs up at RCPT TO
    nodata-451-4.3.0@...    that reply to DATA             (reply|data|nodata)-lines-...  in several lines
    drop-at-data@...        hangs up at DATA               drop-mid@...    in the middle of the message
    drop-before@...         hangs up after the dot, message not kept
    drop-after@...          keeps the message and hangs up without a reply
    late-rcpt@, late-data@  answers after `late` seconds, to RCPT TO or after the dot, message kept
    garbage-rcpt@, garbage-data@, endless-data@, bytes-data@, bare-data@, feed-data@
                            what is no reply; a line without an end; a 250 with bytes that are no text,
                            with nothing after it, with a line feed alone (the last five keep the message)
    drip@...                every reply from here on byte by byte
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


_SCRIPT = re.compile(r"^(reply|data|nodata)(-lines)?-(\d{3})(?:-(\d\.\d+\.\d+))?", re.IGNORECASE)
_MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^>\r\n]*>)", re.IGNORECASE | re.MULTILINE)
_PATH = re.compile(r"^(?:MAIL FROM|RCPT TO):\s*<([^>]*)>", re.IGNORECASE)
_EXTENSIONS = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "SIZE 20000000")
_AFTER_THE_DOT = {
    "garbage-data": b"!\x00 HTTP/1.1 400 Bad Request\r\n",
    "endless-data": b"250-" + b"x" * 300_000,
    "bytes-data": b"250 2.0.0 \x00\xff\xed\xa0\x80 kept\r\n",
    "bare-data": b"250\r\n",
    "feed-data": b"250 2.0.0 kept\n",
}
_DRIP_SECONDS = 0.001
JOURNAL = "journal.jsonl"


@dataclass
class Sink:
    """Where messages are kept, shared by all connections."""

    folder: Path
    keep: int = 200  # messages kept whole, of those received since it was started
    delay: float = 0.0  # seconds before a message is answered
    pipelining: bool = True
    extended: bool = True  # False: it knows no EHLO, and so no extension
    late: float = 1.0  # seconds of `late-...`
    received: int = 0
    _before: int = 0  # the highest number that an earlier run has given a message
    _greylisted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        # addresses and names: for nobody else on this machine
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        messages = self.folder / "messages"
        messages.mkdir(mode=0o700, exist_ok=True)
        kept = (path.stem for path in messages.glob("*.eml"))
        self._before = max((int(stem) for stem in kept if stem.isdecimal()), default=0)
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
            name = f"{self._before + self.received:06}.eml"
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
        self.drips = False
        self._dripping = bytearray()

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
        if verb == "EHLO" and not self.sink.extended:
            self._say("502 5.5.1 what?")
        elif verb == "EHLO":
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
            self._data()
        elif verb in ("RSET", "NOOP", "HELO"):
            self.recipient = ""
            self._say("250 2.0.0 ok")
        elif verb == "QUIT":
            self._say("221 2.0.0 bye")
            self.transport.close()
        else:
            self._say("500 5.5.2 what?")

    def _data(self) -> None:
        if not self.recipient:
            self._say("503 5.5.1 no valid recipients")
        elif self.recipient.startswith("drop-at-data"):
            self.transport.abort()
        elif not self._scripted("nodata", self.recipient):
            self.in_data = True
            self._say("354 go on")

    def _recipient(self, address: str) -> None:
        self.drips = self.drips or address.startswith("drip")
        if address.startswith("drop-at-rcpt"):
            self.transport.abort()
        elif address.startswith("late-rcpt"):
            self.recipient = address
            self._later(self.sink.late, lambda: self._say("250 2.1.5 ok"))
        elif address.startswith("garbage-rcpt"):
            self._write(b"what is a reply?\r\n")
        elif self.sink.greylists(address):
            self._say("451 4.7.1 greylisted, come back later")
        elif not self._scripted("reply", address):
            self.recipient = address
            self._say("250 2.1.5 ok")

    def _scripted(self, kind: str, address: str) -> bool:
        found = _SCRIPT.match(address)
        if found is None or found[1].lower() != kind:
            return False
        code, enhanced = found[3], f"{found[4]} " if found[4] else ""
        if kind == "reply" and code < "400":
            self.recipient = address
        several = [f"{code}-{enhanced}{word}" for word in ("long", "story")] if found[2] else []
        self._say(*several, f"{code} {enhanced}scripted")
        if code == "421":
            self.transport.close()
        return True

    def _take_message(self) -> bool:
        if self.recipient.startswith("drop-mid") and len(self.buffer) > 100:
            self.transport.abort()
            return False
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
            self._later(self.sink.delay, lambda: self._answer(content))
        else:
            self._answer(content)
        return True

    def _later(self, seconds: float, work: Callable[[], None]) -> None:
        """Do it, and whatever else was asked meanwhile, after so long."""

        def finish() -> None:
            self.busy = False
            work()
            self._work()

        self.busy = True
        asyncio.get_running_loop().call_later(seconds, finish)

    def _answer(self, content: bytes) -> None:
        recipient, self.recipient = self.recipient, ""
        if recipient.startswith("drop-before"):
            self.transport.abort()
        elif not self._scripted("data", recipient):
            self.sink.store(sender=self.sender, recipient=recipient, content=content)
            self._kept(recipient)

    def _kept(self, recipient: str) -> None:
        script = recipient.partition("@")[0]
        if script.startswith("drop-after"):
            self.transport.abort()
        elif script in _AFTER_THE_DOT:
            self._write(_AFTER_THE_DOT[script])
        elif script == "late-data":
            self._later(self.sink.late, lambda: self._say("250 2.0.0 kept"))
        else:
            self._say("250 2.0.0 kept")

    def _say(self, *lines: str) -> None:
        self._write("".join(f"{line}\r\n" for line in lines).encode())

    def _write(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self.drips:
            if not self._dripping:
                asyncio.get_running_loop().call_soon(self._drip)
            self._dripping += data
        else:
            self.transport.write(data)

    def _drip(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(bytes(self._dripping[:1]))
            del self._dripping[:1]
            if self._dripping:
                asyncio.get_running_loop().call_later(_DRIP_SECONDS, self._drip)


async def serve(sink: Sink, *, host: str, port: int) -> asyncio.Server:
    """Listen; port 0 takes a free one. The caller closes the server."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(sink), host, port)
