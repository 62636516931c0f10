from __future__ import annotations

import numpy as np
import pytest

from core import ids


def test_unit_interval_is_stable_and_uniform() -> None:
    keys = np.arange(200_000)
    first = ids.unit_interval(salt="a", purpose="holdout", keys=keys)
    assert np.array_equal(first, ids.unit_interval(salt="a", purpose="holdout", keys=keys))
    assert first.min() >= 0
    assert first.max() < 1
    counts = np.histogram(first, bins=100, range=(0, 1))[0]
    # chi-square with 99 degrees of freedom: 150 is beyond the 99.9th percentile
    assert ((counts - 2000) ** 2 / 2000).sum() < 150


def test_unit_interval_of_another_salt_or_purpose_is_independent() -> None:
    keys = np.arange(100_000)
    base = ids.unit_interval(salt="a", purpose="holdout", keys=keys)
    for salt, purpose in (("b", "holdout"), ("a", "explore")):
        other = ids.unit_interval(salt=salt, purpose=purpose, keys=keys)
        assert abs(np.corrcoef(base, other)[0, 1]) < 0.015
        assert abs(((base < 0.1) & (other < 0.1)).mean() - 0.01) < 0.002


def test_unit_interval_does_not_depend_on_who_else_is_asked() -> None:
    alone = ids.unit_interval(salt="a", purpose="x", keys=np.array([77]))
    among = ids.unit_interval(salt="a", purpose="x", keys=np.arange(100))
    assert alone[0] == among[77]


@pytest.mark.parametrize(
    "spelling",
    [
        "Ada@Example.com",
        " ada@example.com ",
        "<ada@example.com>",
        "ADA@EXAMPLE.COM.",
        "ada@EXAMPLE.com",
    ],
)
def test_address_hmac_recognises_an_address_in_other_spellings(spelling: str) -> None:
    assert ids.address_hmac(spelling, pepper=b"p") == ids.address_hmac(
        "ada@example.com", pepper=b"p"
    )


def test_address_hmac_needs_the_pepper() -> None:
    assert ids.address_hmac("a@b.c", pepper=b"p") != ids.address_hmac("a@b.c", pepper=b"q")


def test_derive_key_gives_each_purpose_its_own() -> None:
    assert ids.derive_key(b"secret", purpose="a") != ids.derive_key(b"secret", purpose="b")
