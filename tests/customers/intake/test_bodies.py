"""Bodies are read whatever they are called, inflated within limits, and refused only when no JSON."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.intake import bodies, tolerant
from customers.intake.replies import RefusedError


def refused(error: pytest.ExceptionInfo[RefusedError]) -> tuple[int, str]:
    return error.value.reply.status, json.loads(error.value.reply.body)["code"]


def inflate(raw: bytes, encoding: str = "gzip") -> bytes:
    return bodies.inflate(raw, encoding=encoding, limit=bodies.CALL_BYTES)


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (b'{"a":1}', ""),
        (gzip.compress(b'{"a":1}', mtime=0), "GZIP"),
        (gzip.compress(b'{"a"', mtime=0) + gzip.compress(b":1}", mtime=0), "gzip"),
        (gzip.compress(b'{"a":1}', mtime=0) + b"\0\0", "x-gzip"),
        (zlib.compress(b'{"a":1}'), "deflate"),
    ],
)
def test_a_body_is_inflated(raw: bytes, encoding: str) -> None:
    assert inflate(raw, encoding) == b'{"a":1}'


@pytest.mark.parametrize(
    ("raw", "encoding", "code"),
    [
        (b"no gzip", "gzip", "not_gzip"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-9], "gzip", "not_gzip"),
        (b"", "br", "unknown_encoding"),
    ],
)
def test_what_cannot_be_inflated_is_refused(raw: bytes, encoding: str, code: str) -> None:
    with pytest.raises(RefusedError) as error:
        inflate(raw, encoding)
    assert refused(error) == (400, code)


def test_a_bomb_is_refused_without_its_contents() -> None:
    bomb = gzip.compress(b"\0" * 60_000_000, mtime=0)
    assert len(bomb) < 60_000
    tracemalloc.start()
    with pytest.raises(RefusedError) as error:
        inflate(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused(error) == (413, "too_large")
    assert peak < 4 * bodies.CALL_BYTES


def test_a_bomb_of_many_members_is_refused() -> None:
    with pytest.raises(RefusedError) as error:
        inflate(gzip.compress(b"x" * 100_000, mtime=0) * 6)
    assert refused(error) == (413, "too_large")


def environ(body: bytes, **more: Any) -> dict[str, Any]:
    return {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), **more}


def test_a_body_is_read_by_its_length_or_to_its_end() -> None:
    assert bodies.read(environ(b"abc"), limit=3) == b"abc"
    chunked = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
    assert bodies.read(environ(b"abc", **chunked), limit=3) == b"abc"
    assert bodies.read(environ(b"abc", CONTENT_LENGTH=""), limit=3) == b""
    for more in ({}, chunked):
        with pytest.raises(RefusedError) as error:
            bodies.read(environ(b"abcd", **more), limit=3)
        assert refused(error) == (413, "too_large")
    with pytest.raises(RefusedError) as error:
        bodies.read(environ(b"abc", CONTENT_LENGTH="4"), limit=9)
    assert refused(error) == (400, "cut_short")


DEEP = b"[" * 5000 + b"]" * 5000
TOLERATED = {
    "NaN": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "400 digits": b'{"a":' + b"9" * 400 + b"}",
    "5,000 digits": b'{"a":' + b"9" * 5000 + b"}",
    "beyond a float": b'{"a":1e999}',
    "5,000 levels": DEEP,
    "5,000 levels of objects": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "lone surrogate": rb'{"a":"\ud800"}',
    "NUL": rb'{"a":"\u0000"}',
    "raw NUL": b'{"a":"\0"}',
    "duplicate keys": b'{"a":1,"a":2}',
    "no UTF-8": b'{"a":"\xff"}',
    "line feed": b'{"a":"x\ny"}',
    "unknown escape": rb'{"a":"\q"}',
}


@pytest.mark.parametrize("item", TOLERATED.values(), ids=TOLERATED)
def test_one_odd_item_spoils_neither_the_key_nor_its_neighbours(item: bytes) -> None:
    body = b'{"writeKey": "k", "batch": [{"good": 1}, ' + item + b', {"good": 2}]}'
    assert bodies.look_over(body).write_key == "k"
    assert bodies.items_of_batch(body) == [b'{"good": 1}', item, b'{"good": 2}']


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"hello", b"webhook_id=3", b"[]", b"null", b'"text"', b'{"a":1', b'{"a":1}}', b'{"a" 1}',
        b'{"a":1,}', b"{1:2}", b'{"a":[1}]', b'{"a":"x', b'{"a":1} x', b'{"a":tru}', b"\x1f\x8b\x08",
        DEEP[:-1], b'{"a":' + DEEP[:-1] + b"}",
    ],
)  # fmt: skip
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedError) as error:
        bodies.look_over(body)
    assert refused(error) == (400, "not_json")


@pytest.mark.parametrize("key", [b"null", b"3", b"{}", rb'"\ud800"', b'""'])
def test_a_key_that_is_no_text_is_no_key(key: bytes) -> None:
    assert bodies.look_over(b'{"writeKey":' + key + b"}").write_key == ""


def test_a_byte_order_mark_is_passed_over() -> None:
    assert bodies.look_over(b'\xef\xbb\xbf{"writeKey":"k"}').write_key == "k"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(items=st.lists(JSON, max_size=5), ascii_only=st.booleans())
def test_taking_apart_gives_back_every_element(*, items: list[Any], ascii_only: bool) -> None:
    texts = [json.dumps(item, ensure_ascii=ascii_only) for item in items]
    try:
        body = ("[ " + " ,\n".join(texts) + "]").encode()
    except UnicodeEncodeError:  # a lone surrogate has no UTF-8
        return
    assert tolerant.elements(body) == [text.encode() for text in texts]


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_taking_apart_gives_back_every_member(members: dict[str, Any]) -> None:
    found = tolerant.members(json.dumps(members).encode())
    assert list(found.values()) == [json.dumps(value).encode() for value in members.values()]


@given(st.binary(max_size=40) | st.text('{}[],:"ab\\ 1-.eNntrufals', max_size=20).map(str.encode))
def test_looking_over_accepts_all_that_is_json_and_raises_only_refusals(body: bytes) -> None:
    try:
        is_object = isinstance(json.loads(body), dict)
    except (ValueError, UnicodeDecodeError):
        is_object = False
    try:
        bodies.look_over(body)
    except RefusedError:
        assert not is_object
