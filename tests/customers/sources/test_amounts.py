from __future__ import annotations

import pytest

from customers.sources.amounts import decimal_sign


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["12,50"], (",", "12,50")),
        (["7", "", "1.234,5 €"], (",", "1.234,5 €")),
        (["-12.50"], (".", "-12.50")),
        (["$1,234.00"], (".", "$1,234.00")),
        (["0.9999"], (".", "0.9999")),
        (["1.234", "1,234", "12"], ("", "")),  # thousands, or not
        (["12,50", "12.50"], ("", "")),
        (["31.05.2026", "free"], ("", "")),
        ([], ("", "")),
    ],
)
def test_decimal_sign_is_told_by_amounts_that_are_sure(
    texts: list[str], found: tuple[str, str]
) -> None:
    assert decimal_sign(texts) == found
