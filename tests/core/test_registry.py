import pytest

from core.registry import Registry, UnknownNameError


def test_load_imports_on_first_use() -> None:
    assert Registry("thing", {"clock": "core.clock:now"}).load("clock").__name__ == "now"


def test_load_names_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="no thing named 'b'; known: a, c"):
        Registry("thing", {"a": "x:y", "c": "x:z"}).load("b")
