"""The envelope of the next message goes with the one before: what if it never comes, or all goes wrong?"""

from __future__ import annotations

import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from campaigns.channels import open_channel, smtp
from campaigns.channels.base import ChannelError, Letter, Verdict
from campaigns.channels.smtp import SmtpChannel
from campaigns.channels.wire import Wire
from tests.campaigns.test_smtp import BODY, letter


@pytest.fixture
def channel(sink: Any) -> Iterator[SmtpChannel]:
    opened = open_channel(sink.url)
    assert isinstance(opened, SmtpChannel)
    yield opened
    opened.close()


def send_all(channel: SmtpChannel, *local_parts: str) -> list[str]:
    """Reply or verdict for each, every letter announced by the one before."""
    letters: list[Letter | None] = [letter(name) for name in local_parts]
    told = []
    for one, following in zip(letters, [*letters[1:], None], strict=True):
        assert one is not None
        try:
            told.append(channel.send(one, following=following))
        except ChannelError as error:
            told.append(error.verdict.value)
    return told


def names(sink: Any) -> list[str]:
    return [recipient.partition("@")[0] for recipient in sink.recipients]


def connections(sink: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    opened: list[int] = []
    really = SmtpChannel._open

    def counted(channel: SmtpChannel) -> smtplib.SMTP:
        opened.append(1)
        return really(channel)

    monkeypatch.setattr(SmtpChannel, "_open", counted)
    return opened


def test_each_arrives_once_whole_and_over_one_connection(
    channel: SmtpChannel, sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = connections(sink, monkeypatch)
    assert send_all(channel, "a", "b", "c", "d") == ["250 2.0.0 kept"] * 4
    assert names(sink) == ["a", "b", "c", "d"]
    assert (sink.sink.folder / "messages" / "000003.eml").read_bytes() == BODY
    assert len(opened) == 1


@pytest.mark.parametrize("pipelining", [True, False])
def test_replies_go_to_the_letter_they_are_about(
    channel: SmtpChannel, sink: Any, *, pipelining: bool
) -> None:
    sink.sink.pipelining = pipelining
    told = send_all(
        channel, "a", "reply-550-5.1.1", "b", "data-552-5.2.2", "c", "reply-421-4.3.2", "d", "drop-at-rcpt",
        "e", "drop-before", "f", "drop-after", "g", "data-550-5.7.26", "reply-451", "h",
    )  # fmt: skip
    kept, permanent, temporary = "250 2.0.0 kept", "PERMANENT", "TEMPORARY"
    assert told == [
        kept, permanent, kept, permanent, kept, temporary, kept, temporary, kept, "AMBIGUOUS", kept,
        "AMBIGUOUS", kept, "REPUTATION", temporary, kept,
    ]  # fmt: skip
    assert names(sink) == ["a", "b", "c", "d", "e", "f", "drop-after", "g", "h"]


def test_an_announced_letter_that_is_not_sent_is_not_delivered(
    channel: SmtpChannel, sink: Any
) -> None:
    channel.send(letter("a"), following=letter("never"))
    channel.connect()  # as before the next group
    channel.send(letter("b"), following=letter("never"))
    channel.send(letter("c"))  # another than was announced
    channel.send(letter("d"), following=letter("never"))
    channel.close()
    assert names(sink) == ["a", "b", "c", "d"]


def test_connections_end_after_their_number_of_letters(
    channel: SmtpChannel, sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = connections(sink, monkeypatch)
    monkeypatch.setattr(smtp, "LETTERS_PER_CONNECTION", 3)
    assert send_all(channel, *(f"c{n}" for n in range(8))) == ["250 2.0.0 kept"] * 8
    assert names(sink) == [f"c{n}" for n in range(8)]
    assert len(opened) == 3


def test_the_next_is_made_while_the_server_has_this_one(channel: SmtpChannel, sink: Any) -> None:
    made: list[list[str]] = []
    sink.sink.delay = 0.05
    channel.send(letter("a"), meanwhile=lambda: made.append(names(sink)))
    assert made == [[]]
    assert names(sink) == ["a"]


# ---------------------------------------------------------------- a server that says what it likes
class Talker(threading.Thread):
    """Answers what it gets, piece by piece, with what it was told to, then hangs up."""

    def __init__(self, *answers: bytes) -> None:
        super().__init__()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtp://127.0.0.1:{self.listening.getsockname()[1]}"
        self.answers = answers
        self.start()

    def run(self) -> None:
        connected, _ = self.listening.accept()
        with connected:
            connected.sendall(b"220 talker\r\n")
            for answer in self.answers:
                if not connected.recv(100_000):
                    return
                connected.sendall(answer)

    def end(self) -> None:
        self.join(5)
        self.listening.close()


HELLO = b"250-talker\r\n250 PIPELINING\r\n"
ENVELOPE = b"250 ok\r\n250 ok\r\n354 go\r\n"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (b"250-one\r\n250-two\r\n250 three\r\n", "250 one two three"),
        (b"250\r\n", "250"),
        (b"nonsense\r\n", Verdict.AMBIGUOUS),
        (b"25\r\n", Verdict.AMBIGUOUS),
        (b"250-no end", Verdict.AMBIGUOUS),
        (b"250-" + b"x" * 200_000, Verdict.AMBIGUOUS),
        (b"250-x\r\n" * 30_000, Verdict.AMBIGUOUS),
        (b"550-5.7.26 no\r\n550 5.7.26 really\r\n", Verdict.REPUTATION),
    ],
)
def test_what_a_server_may_say_after_the_dot(answer: bytes, verdict: str) -> None:
    talker = Talker(HELLO, ENVELOPE, answer)
    channel = open_channel(talker.url)
    try:
        told = channel.send(letter("a"))
    except ChannelError as error:
        told = error.verdict
    channel.close()
    talker.end()
    assert told.strip() == verdict


def test_a_server_that_hangs_up_behind_the_answer_has_accepted(sink: Any) -> None:
    """The envelope of the next had left: it goes by another connection."""
    talker = Talker(HELLO, ENVELOPE, b"250 ok\r\n")
    channel = open_channel(talker.url)
    assert isinstance(channel, SmtpChannel)
    following = letter("b")
    assert channel.send(letter("a"), following=following) == "250 ok"
    talker.end()
    channel.host, channel.port = "127.0.0.1", sink.port
    assert channel.send(following) == "250 2.0.0 kept"
    channel.close()
    assert names(sink) == ["b"]


def test_what_follows_a_message_does_not_say_whether_it_has_left() -> None:
    """Where only the next envelope could not leave, the message has, and its answer tells."""
    ours, theirs = socket.socketpair()
    server = smtplib.SMTP()
    server.sock = ours
    wire = Wire(server, seconds=0.2)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with closing(theirs), closing(ours):
        wire.send(b"x" * 1000, then=b"y" * 1_000_000)  # nobody reads: it runs into the timeout
        assert theirs.recv(1000, socket.MSG_WAITALL) == b"x" * 1000
        with pytest.raises(OSError, match="timed out"):
            wire.send(b"x" * 1_000_000, then=b"y")
