import copy

import pytest

from customers.sources.simulation.parameters import ParameterError, ShopParameters


@pytest.mark.parametrize("name", ["regulars", "sparse"])
def test_shipped_parameters_load_and_come_back_from_their_dict(name):
    parameters = ShopParameters.load(name)

    assert ShopParameters.from_dict(parameters.to_dict()) == parameters


@pytest.mark.parametrize(
    ("table", "key", "value", "words"),
    [
        ("mail", "colour", 1, "Unknown key mail.colour"),
        ("mail", "click_share", 7, "mail.click_share must be a number from 0 to 0.5"),
        ("mail", "click_share", "many", "mail.click_share must be a number"),
        ("mail", "click_share", True, "mail.click_share must be a number"),
        ("mail", "click_share", float("nan"), "mail.click_share must be a number"),
        ("mail", "window_days", 1.5, "mail.window_days must be a whole number"),
        ("history", "tracking_days", 3000, "tracking_days may not exceed"),
    ],
)
def test_impossible_values_give_one_clear_error(table, key, value, words):
    tree = copy.deepcopy(ShopParameters.load("regulars").to_dict())
    tree[table][key] = value

    with pytest.raises(ParameterError, match=words):
        ShopParameters.from_dict(tree)


def test_orders_must_fit_the_window():
    tree = ShopParameters.load("regulars").to_dict()
    tree["population"]["orders_per_year"] = 20
    tree["mail"]["window_days"] = 30

    with pytest.raises(ParameterError, match="does not fit a window of 30 days"):
        ShopParameters.from_dict(tree)


def test_missing_table_and_missing_key_are_named():
    tree = ShopParameters.load("regulars").to_dict()
    del tree["mail"]["click_share"]
    with pytest.raises(ParameterError, match=r"Missing key mail\.click_share"):
        ShopParameters.from_dict(tree)

    del tree["mail"]
    with pytest.raises(ParameterError, match="Missing key mail"):
        ShopParameters.from_dict(tree)


def test_unknown_name_and_broken_file_say_what_to_do(tmp_path):
    with pytest.raises(ParameterError, match="one of regulars, sparse"):
        ShopParameters.load("nobody")

    broken = tmp_path / "broken.toml"
    broken.write_bytes(b"\xff not toml")
    with pytest.raises(ParameterError, match="not a TOML file"):
        ShopParameters.load(broken)
