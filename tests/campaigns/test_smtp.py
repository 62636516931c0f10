from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from campaigns import policy
from campaigns.channels import open_channel
from campaigns.channels.base import ChannelError, Letter, Verdict
from campaigns.channels.sink import Sink
from campaigns.channels.smtp import SmtpChannel, classify
from campaigns.enums import BounceClass
from core.registry import UnknownNameError


BODY = b"From: a@shop.example\r\nMessage-ID: <1@x>\r\n\r\n.hidden dot\r\n..two\r\nend.\r\n"


def letter(local_part: str, content: bytes = BODY) -> Letter:
    return Letter(sender="a@shop.example", recipient=f"{local_part}@example.com", content=content)


@pytest.fixture(params=[True, False], ids=["pipelining", "one-by-one"])
def channel(request: pytest.FixtureRequest, sink: Any) -> Iterator[SmtpChannel]:
    sink.sink.pipelining = request.param
    opened = open_channel(sink.url)
    assert isinstance(opened, SmtpChannel)
    yield opened
    opened.close()


def test_messages_arrive_whole_over_one_connection(channel: SmtpChannel, sink: Any) -> None:
    for number in range(5):
        assert channel.send(letter(f"c{number}")) == "250 2.0.0 kept"
    assert sink.recipients == [f"c{number}@example.com" for number in range(5)]
    assert (sink.sink.folder / "messages" / "000001.eml").read_bytes() == BODY
    assert sink.received[0]["message_id"] == "<1@x>"


@pytest.mark.parametrize(
    ("local_part", "verdict", "enhanced", "hard"),
    [
        ("reply-550-5.1.1", Verdict.PERMANENT, "5.1.1", True),
        ("reply-550-5.1.2", Verdict.PERMANENT, "5.1.2", True),
        ("reply-553", Verdict.PERMANENT, "", False),
        ("reply-550-5.1.0", Verdict.PERMANENT, "5.1.0", False),
        ("reply-550-5.1.8", Verdict.REPUTATION, "5.1.8", False),
        ("reply-450-4.1.8", Verdict.REPUTATION, "4.1.8", False),
        ("reply-550-5.2.1", Verdict.PERMANENT, "5.2.1", False),
        ("data-552-5.2.2", Verdict.PERMANENT, "5.2.2", False),
        ("data-554-5.6.0", Verdict.PERMANENT, "5.6.0", False),
        ("reply-450-4.2.1", Verdict.TEMPORARY, "4.2.1", False),
        ("reply-451", Verdict.TEMPORARY, "", False),
        ("reply-452-4.2.2", Verdict.TEMPORARY, "4.2.2", False),
        ("data-451-4.3.0", Verdict.TEMPORARY, "4.3.0", False),
        ("reply-421-4.3.2", Verdict.TEMPORARY, "4.3.2", False),
        ("greylist", Verdict.TEMPORARY, "4.7.1", False),
        ("reply-550-5.7.1", Verdict.REPUTATION, "5.7.1", False),
        ("reply-550-5.7.26", Verdict.REPUTATION, "5.7.26", False),
        ("data-550-5.7.515", Verdict.REPUTATION, "5.7.515", False),
        ("reply-421-4.7.28", Verdict.REPUTATION, "4.7.28", False),
        ("drop-at-rcpt", Verdict.TEMPORARY, "", False),
        ("drop-before", Verdict.AMBIGUOUS, "", False),
        ("drop-after", Verdict.AMBIGUOUS, "", False),
    ],
)
def test_replies_are_told_apart_and_the_next_message_goes_out(
    channel: SmtpChannel, sink: Any, *, local_part: str, verdict: Verdict, enhanced: str, hard: bool
) -> None:
    channel.send(letter("before"))
    with pytest.raises(ChannelError) as raised:
        channel.send(letter(local_part))
    assert (raised.value.verdict, raised.value.enhanced) == (verdict, enhanced)
    said = policy.refusal_class(raised.value.verdict, raised.value.enhanced)
    assert (said == BounceClass.HARD) == hard
    channel.send(letter("after"))
    kept = ["drop-after@example.com"] if local_part == "drop-after" else []
    assert sink.recipients == ["before@example.com", *kept, "after@example.com"]


def test_greylisting_lets_the_second_attempt_in(channel: SmtpChannel, sink: Any) -> None:
    with pytest.raises(ChannelError):
        channel.send(letter("greylist"))
    channel.send(letter("greylist"))
    assert sink.recipients == ["greylist@example.com"]


def test_a_connection_that_the_server_closed_in_the_meantime_is_opened_again(
    channel: SmtpChannel, sink: Any
) -> None:
    channel.send(letter("first"))
    for transport in list(sink.loop._transports.values()):
        sink.loop.call_soon_threadsafe(transport.abort)
    channel.send(letter("second"))
    assert sink.recipients == ["first@example.com", "second@example.com"]


def test_no_server_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        with pytest.raises(ChannelError) as raised:
            open_channel(f"smtp://127.0.0.1:{taken.getsockname()[1]}").connect()
    assert raised.value.verdict == Verdict.UNREACHABLE


def test_a_refused_sender_is_about_us(start_sink: Callable[..., Any]) -> None:
    with start_sink() as server:
        channel = open_channel(server.url)
        with pytest.raises(ChannelError) as raised:
            channel.send(
                Letter(sender="reply-550@x.example", recipient="a@b.example", content=BODY)
            )
        channel.close()
    assert raised.value.verdict == Verdict.REPUTATION


@pytest.mark.parametrize(
    ("code", "enhanced", "verdict"),
    [
        (535, "5.7.8", Verdict.REPUTATION), (530, "", Verdict.REPUTATION), (500, "", Verdict.PERMANENT),
        (421, "4.7.0", Verdict.TEMPORARY), (450, "4.7.1", Verdict.TEMPORARY),
        (421, "4.7.26", Verdict.REPUTATION), (451, "4.7.500", Verdict.REPUTATION),
        (552, "5.3.4", Verdict.PERMANENT), (452, "4.5.3", Verdict.TEMPORARY),
    ],
)  # fmt: skip
def test_classes_of_replies(code: int, enhanced: str, verdict: Verdict) -> None:
    assert classify(code, enhanced) == verdict


def test_an_unknown_channel_is_named() -> None:
    with pytest.raises(UnknownNameError, match="console, smtp, smtps"):
        open_channel("pigeon://loft")


def test_the_sink_keeps_what_it_gets_from_other_users_of_the_machine(tmp_path: Path) -> None:
    kept = Sink(folder=tmp_path / "sink")
    kept.store(sender="a@b.example", recipient="c@d.example", content=BODY)
    kept.close()
    assert (tmp_path / "sink").stat().st_mode & 0o077 == 0
    assert (tmp_path / "sink" / "journal.jsonl").stat().st_mode & 0o077 == 0


def test_a_sink_started_again_goes_on_counting_and_overwrites_nothing(tmp_path: Path) -> None:
    for text in (b"first", b"second", b"third"):
        run = Sink(folder=tmp_path, keep=1)
        for content in (text, b"not kept whole"):
            run.store(sender="a@b.example", recipient="c@d.example", content=content)
        run.close()
    kept = sorted((tmp_path / "messages").iterdir())
    assert [(one.name, one.read_bytes()) for one in kept] == [
        ("000001.eml", b"first"), ("000002.eml", b"second"), ("000003.eml", b"third"),
    ]  # fmt: skip
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert [line["file"] for line in lines] == [
        "000001.eml", "", "000002.eml", "", "000003.eml", "",
    ]  # fmt: skip
