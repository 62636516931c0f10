from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from campaigns.returns import naming, parsing, recording, scoring, verp
from campaigns.tracking import message_id
from consent import tokens
from tests.campaigns.returns.corpus import FOLDER, SAID, mail


BOUNCES = "b@bounces.shop.example"
MARKS = {
    "verp": verp.return_path(42, address=BOUNCES),
    "message_id": message_id(42),
    "unsubscribe_url": f"{settings.PUBLIC_URL}/c/u/{tokens.make(7, 3, 42, purpose=tokens.UNSUBSCRIBE)}",
}


def test_the_corpus_is_whole() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(SAID)
    assert len(SAID) == 50


@pytest.mark.parametrize("name", SAID)
def test_what_came_back_is_understood_and_names_its_delivery(name: str) -> None:
    finding = parsing.read(mail(name, **MARKS))
    said = f"{finding.kind} {finding.bounce or '-'} {finding.status or '-'}"
    assert said == SAID[name]
    assert naming.deliveries(finding.marks) == {42}
    assert finding.happened_at is not None
    assert finding.happened_at.year == 2026
    assert "\n" not in finding.detail


def test_a_report_without_any_mark_of_ours_names_nobody() -> None:
    bare = {"verp": "news@shop.example", "message_id": "<1@shop.example>", "unsubscribe_url": "x"}
    for name in SAID:
        assert naming.deliveries(parsing.read(mail(name, **bare)).marks) == set()


def test_the_place_of_delivery_names_it_too() -> None:
    found = parsing.read(b"Subject: hello\r\n\r\n", envelope_recipient=MARKS["verp"].upper())
    assert naming.deliveries(found.marks) == {42}


def test_marks_made_by_others_count_for_nothing() -> None:
    path, other = MARKS["verp"], verp.return_path(43, address=BOUNCES)
    forged = path.replace(path[6], "a" if path[6] != "a" else "b")
    wrong_id = MARKS["message_id"].replace("d.42.", "d.43.")
    assert naming.deliveries(naming.marks(f"{forged} {wrong_id} /c/u/{'A' * 40}")) == set()
    assert naming.deliveries(naming.marks(f"{path} {other}")) == {42, 43}


def test_return_paths_fit_a_local_part_and_survive_a_change_of_case() -> None:
    path = verp.return_path(2**62, address="b" * 20 + "@x.example")
    assert len(path.split("@")[0]) <= 64
    assert naming.deliveries(naming.marks(path.swapcase())) == {2**62}


@given(st.binary(max_size=400), st.sampled_from(sorted(SAID)), st.integers(0, 3000))
def test_no_mail_is_too_broken_to_be_read(noise: bytes, name: str, at: int) -> None:
    raw = mail(name, **MARKS)
    parsing.read(raw[:at] + noise + raw[at:])
    parsing.read(noise)


def test_a_nesting_without_end_is_read_too() -> None:
    deep = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(3000)
    )
    assert parsing.read(deep).kind == "UNKNOWN"


def test_moments_without_a_zone_are_of_utc() -> None:
    found = parsing.read(b"Date: Mon, 02 Nov 2026 09:00:00 -0000\r\n\r\n")
    assert found.happened_at == datetime(2026, 11, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "dead"),
    [
        ([], False), ([1, 2, 3, 4], False), ([1, 2, 3, 4, 5], True), ([5, 1, 4, 2, 3], True),
        ([1, 1, 1, 1, 1, 1], False), ([1, 8, 15, 22, 29], True), ([1, 9, 17, 25, 28], False),
        ([1, 2, 3, 20, 21, 22, 23], False), ([1, 2, 3, 20, 21, 22, 23, 24], True),
    ],
)  # fmt: skip
def test_soft_bounces_add_up_by_days(days: list[int], *, dead: bool) -> None:
    assert scoring.is_dead(datetime(2026, 1, day, tzinfo=UTC).date() for day in days) == dead


@pytest.mark.parametrize("raw", [
    "Subject: =?utf-7?q?+2AA-?=\r\n\r\nhello",
    "Message-ID: =?unicode_escape?q?=5Cud800?=\r\n\r\nhello",
    "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n<d.\u0661.abcdef01@shop.example>",
    "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nb+" + "\u017f" * 40 + "@x.example",
])  # fmt: skip
def test_a_mail_that_spells_what_no_database_takes_is_kept_all_the_same(raw: str) -> None:
    finding = parsing.read(raw.encode())
    assert naming.deliveries(finding.marks) == set()
    assert len(recording.of_mail(finding, fingerprint="x").key) == 64
    finding.detail.encode()
