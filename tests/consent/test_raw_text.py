"""Finding a person in text that is kept as it came, and nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from consent.desk.personal_data import Person
from consent.raw_text import Finder
from core import ids


ADDRESS = "ada.l+tea@bücher.example"


def finder(*numbers: str) -> Finder:
    hmac = ids.address_hmac(ADDRESS, pepper=settings.SUPPRESSION_PEPPER)
    return Finder(Person(address_hmacs=frozenset({hmac}), numbers=frozenset(numbers)))


@pytest.mark.parametrize(
    "text",
    [
        '{"email": "ada.l+tea@bücher.example"}',
        '{"email": "ADA.L+TEA@Bücher.Example"}',
        '{"email": "ada.l+tea@b\\u00fccher.example"}',
        '{"email": "ada.l\\u002Btea@xn--bcher-kva.example"}',
        "17;Ada;ada.l+tea@bücher.example;DE",
        "Ada <ada.l+tea@bücher.example>",
        "Write to ada.l+tea@bücher.example.",
        "email=ada.l+tea%40bücher.example&x=1",
    ],
)
def test_an_address_is_found_by_its_hash_however_it_is_written(text: str) -> None:
    assert finder().finds(text)
    assert finder().finds(text.encode())


@pytest.mark.parametrize(
    "text", ["", "no address", "other@bücher.example", "xada.l+tea@bücher.example", "@", "a@b@c"]
)
def test_others_are_not_found(text: str) -> None:
    assert not finder("12", "7000000001").finds(text)


@pytest.mark.parametrize(
    ("number", "text", "found"),
    [
        ("7000000001", '{"customer": {"id": 7000000001}}', True),
        ("7000000001", "x;7000000001;y", True),
        ("7000000001", '{"price": 17000000001}', False),
        ("7000000001", '{"price": 7000000001.5}', True),
        ("12", '{"userId": "12"}', True),
        ("12", "{'customer_external_id': '12'}", True),
        ("12", '{"quantity": 12}', False),
        ("12", '{"id": 123}', False),
        ("a.b", '{"id": "axb"}', False),
    ],
)
def test_a_number_is_found_where_it_is_one(number: str, text: str, *, found: bool) -> None:
    assert finder(number).finds(text) is found


def test_a_file_is_searched_line_by_line_and_what_is_no_text_may_name_anybody(
    tmp_path: Path,
) -> None:
    text, other, binary = (tmp_path / name for name in ("a.csv", "b.csv", "c.parquet"))
    text.write_text("x\n" * 1_000 + ADDRESS)
    other.write_text("x" * 2_500_000)
    binary.write_bytes(b"PAR1\0")
    assert [finder().in_file(path) for path in (text, other, binary, tmp_path / "none")] == [
        True, False, True, False,
    ]  # fmt: skip
    assert not Finder(Person()).in_file(text)
