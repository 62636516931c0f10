"""Rules by loops over rows, in two-valued logic, from the definition as JSON: what the SQL is held against."""

import json
import math
from datetime import UTC, date, datetime, time

import numpy as np

from core.ids import unit_interval
from segmentation.ml.features import FEATURES
from segmentation.rules.buckets import PURPOSE
from tests.segmentation.rules.shops import DAY, EVENT_KINDS, Shop


class Naive:
    """Answers for one shop at one second."""

    def __init__(self, shop: Shop, *, now: int) -> None:
        self.shop, self.now = shop, now

    def members(self, node: dict, *, profiling: bool) -> set[int]:
        return {
            person["customer_id"]
            for person in self.shop["people"]
            if (person["may_profile"] or not profiling) and self.holds(node, person)
        }

    def holds(self, node: dict, person: dict) -> bool:
        for quantifier, combine in (("all", all), ("any", any), ("none", lambda found: not any(found))):  # fmt: skip
            if quantifier in node:
                return combine([self.holds(one, person) for one in node[quantifier]])
        customer = person["customer_id"]
        if "field" in node:
            return self.field(node, person)
        if "score" in node:
            values = {one["customer_id"]: one["value"] for one in self.shop["scores"] if one["task"] == node["score"]}  # fmt: skip
            return compare(values.get(customer), node, among=list(values.values()))
        if "did" in node or "did_not" in node:
            return self.done(node, customer) == ("did" in node)
        return self.is_so(node, customer)

    def is_so(self, node: dict, customer: int) -> bool:
        if "consent" in node:
            granted = any(
                one["customer_id"] == customer and one["is_granted"]
                and all(one[key] == value for key, value in node["consent"].items())
                for one in self.shop["consents"]
            )  # fmt: skip
            return granted == (node["is"] == "given")
        if "segment" in node:
            inside = {"segment_id": node["segment"], "customer_id": customer} in self.shop[
                "memberships"
            ]
            return inside == (node["is"] == "in")
        asked = node["bucket"]
        (share,) = unit_interval(salt=asked["salt"], purpose=PURPOSE, keys=np.array([customer]))
        return asked["from"] / 100 <= share < asked["to"] / 100

    def field(self, node: dict, person: dict) -> bool:
        name = node["field"]
        if name in FEATURES:
            values = {one["customer_id"]: one.get(name) for one in self.shop["features"]}
            among = [value for value in values.values() if value is not None]
            return compare(values.get(person["customer_id"]), node, among=among)
        if name == "joined_days_ago":
            return compare((self.now - person["joined_at"]) / DAY, node)
        if name == "source":
            return compare(person["source_id"], node)
        if name.startswith("trait."):
            return compare(text_of(json.loads(person["traits"]).get(name[6:])), node)
        return compare(person[name], node)

    def done(self, node: dict, customer: int) -> bool:
        event = node.get("did", node.get("did_not"))
        where = node.get("where", [])
        if event == "ORDER":
            times = [
                one["placed_at"] for one in self.shop["orders"]
                if one["customer_id"] == customer and self.order_fits(one, where)
            ]  # fmt: skip
        else:
            column = "kind" if event in EVENT_KINDS else "name"
            times = [
                one["happened_at"] for one in self.shop["events"]
                if one["customer_id"] == customer and one[column] == event
                and all(compare(text_of(json.loads(one["properties"] or "{}").get(f["property"])), f) for f in where)
            ]  # fmt: skip
        ((how, number),) = node.get("count", {"at_least": 1}).items()
        found = sum(self.in_window(moment, node) for moment in times)
        return {"at_least": found >= number, "at_most": found <= number}.get(how, found == number)

    def order_fits(self, order: dict, where: list[dict]) -> bool:
        of_order = {
            "value_cents": "total_cents",
            "discount": "discount_cents",
            "channel": "channel",
        }
        for one in where:
            if one["property"] in of_order and not compare(order[of_order[one["property"]]], one):
                return False
        of_lines = [one for one in where if one["property"] not in of_order]
        if not of_lines:
            return True
        products = {one["product_id"]: one for one in self.shop["products"]}
        for line in self.shop["order_lines"]:
            product = products[line["product_id"]]
            known = {
                "category": line["category"],
                "product": product["external_id"],
                "brand": product["brand"],
            }
            if line["order_id"] == order["order_id"] and all(
                compare(known[one["property"]], one) for one in of_lines
            ):
                return True
        return False

    def in_window(self, moment: int, node: dict) -> bool:
        if moment > self.now:
            return False
        if "within_days" in node:
            return moment > self.now - node["within_days"] * DAY
        if "older_than_days" in node:
            return moment <= self.now - node["older_than_days"] * DAY
        if "between" in node:
            start, end = (
                datetime.combine(date.fromisoformat(day), time(), tzinfo=UTC).timestamp()
                for day in node["between"]
            )
            return start <= moment < end
        return True


def text_of(value: object) -> str | None:
    """A JSON value as the text that conditions compare."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


def compare(value: object, node: dict, *, among: list[float] = ()) -> bool:
    how, asked = node["is"], node.get("value")
    opposite = {"is_not": "is", "not_in": "in", "is_unknown": "is_known"}.get(how)
    if opposite:
        return not compare(value, {"is": opposite, "value": asked})
    if value is None or (value == "" and how == "is_known"):
        return False
    if how in {"at_least", "at_most", "between", "equals"}:
        number = as_number(value)
        low, high = asked if how == "between" else (asked, asked)
        return number is not None and (
            low <= number <= high
            if how in {"between", "equals"}
            else (number >= asked if how == "at_least" else number <= asked)
        )
    if how == "top_percent":
        best = sorted(among, reverse=True)
        return value >= best[math.ceil(len(best) * asked / 100) - 1]
    return {
        "is_known": lambda: True,
        "is": lambda: value == asked,
        "in": lambda: value in asked,
        "contains": lambda: asked.lower() in value.lower(),
    }[how]()


def as_number(value: object) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
