"""Small shops at random: the analytic tables as rows, and definitions of rules over them."""

import json
from dataclasses import dataclass
from functools import cache

import duckdb
import pyarrow as pa
from hypothesis import strategies as st

from segmentation.ml.features import FEATURES


DAY = 86_400
NOW = 20_000 * DAY + 12 * 3_600
"""2024-10-04 12:00 UTC, a Friday."""

INT, TEXT, REAL, BOOL = pa.int64(), pa.string(), pa.float64(), pa.bool_()
SCHEMAS = {
    "people": {
        "customer_id": INT, "may_profile": BOOL, "country": TEXT, "language": TEXT, "email_domain": TEXT, "joined_at": INT,
        "arrived_at": INT, "source_id": INT, "traits": TEXT, "has_email": BOOL,
    },
    "customers": {"customer_id": INT, "joined_at": INT, "arrived_at": INT, "country": TEXT},
    "orders": {
        "order_id": INT, "customer_id": INT, "placed_at": INT, "arrived_at": INT, "total_cents": INT,
        "discount_cents": INT, "margin_cents": INT, "channel": TEXT,
    },
    "order_lines": {
        "order_id": INT, "customer_id": INT, "product_id": INT, "category": TEXT, "quantity": INT,
        "unit_price_cents": INT, "placed_at": INT, "arrived_at": INT,
    },
    "refunds": {"customer_id": INT, "refunded_at": INT, "arrived_at": INT, "amount_cents": INT},
    "events": {
        "customer_id": INT, "kind": TEXT, "name": TEXT, "happened_at": INT, "arrived_at": INT, "campaign_id": INT,
        "properties": TEXT,
    },
    "reviews": {
        "customer_id": INT, "product_id": INT, "written_at": INT, "arrived_at": INT, "rating": INT, "polarity": REAL,
    },
    "consents": {"customer_id": INT, "purpose": TEXT, "channel": TEXT, "is_granted": BOOL, "changed_at": INT},
    "products": {"product_id": INT, "external_id": TEXT, "name": TEXT, "category": TEXT, "brand": TEXT, "price_cents": INT},
    "features": {"customer_id": INT, **dict.fromkeys(FEATURES, REAL)},
    "scores": {"customer_id": INT, "task": TEXT, "value": REAL, "sd": REAL},
    "memberships": {"segment_id": INT, "customer_id": INT},
}  # fmt: skip


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        config={"threads": 1}
    )  # starting one costs more than all that a test asks it


@dataclass
class Shop:
    """Rows by table; a column that a row leaves out is NULL."""

    rows: dict[str, list[dict]]

    def __getitem__(self, table: str) -> list[dict]:
        return self.rows.get(table, [])

    def connect(self) -> duckdb.DuckDBPyConnection:
        """The one connection of the process, with this shop's tables in place of the last one's."""
        connection = _connection()
        for name, columns in SCHEMAS.items():
            table = pa.Table.from_pylist(self[name], schema=pa.schema(list(columns.items())))
            connection.register(name, table)
        return connection


COUNTRIES = ["DE", "AT", "", "it's; DROP TABLE people --"]
CATEGORIES = ["tea", "coffee", "Tea pots", ""]
EVENT_KINDS = ["CLICKED", "SITE_VISIT"]
EVENT_NAMES = ["Quiz finished", "o'clock"]
KEYS = ["plan", "a/b~c", 'quo"te', "$.x", "*"]
TASKS = ["CHURN", "PURCHASE"]
FEATURE_NAMES = ["orders", "recency_days", "net_revenue_cents", "rating_last"]
PRODUCTS = [
    {"product_id": 1, "external_id": "A-1", "category": "tea", "brand": "Acme"},
    {"product_id": 2, "external_id": "A-1", "category": "coffee", "brand": ""},
    {"product_id": 3, "external_id": "B", "category": "", "brand": "Bolt"},
]

edges = st.sampled_from([0, 1, 2, 7, 30, 90])
moments = st.one_of(
    st.builds(lambda days, more: NOW - days * DAY + more, edges, st.integers(-1, 1)),
    st.integers(NOW - 100 * DAY, NOW + 5 * DAY),
)
small = st.sampled_from([0, 1, 2, 3, 30, 90, 2.5])
foreign = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 3), st.sampled_from([2.5, 1e300]), st.just({"k": 1}),
    st.sampled_from(["gold", "Gold ", "2", "2.5", "nan", "inf", "", "true"]),
)  # fmt: skip
documents = st.one_of(st.none(), st.dictionaries(st.sampled_from(KEYS), foreign, max_size=3))


@st.composite
def shops(draw: st.DrawFn, customers: int = 4) -> Shop:
    """A shop of a few customers, some of whom did not agree to profiling and have no other rows."""
    people, rows = [], {name: [] for name in SCHEMAS}
    for number in range(1, draw(st.integers(1, customers)) + 1):
        traits, may_profile = draw(documents), draw(st.sampled_from([True, True, False]))
        people.append({
            "customer_id": number, "may_profile": may_profile, "country": draw(st.sampled_from([*COUNTRIES, None])),
            "language": draw(st.sampled_from(["en", "de", ""])), "email_domain": "example.com",
            "joined_at": draw(moments), "arrived_at": NOW, "source_id": draw(st.integers(1, 2)),
            "traits": "{}" if traits is None else json.dumps(traits), "has_email": True,
        })  # fmt: skip
        rows["memberships"] += [
            {"segment_id": one, "customer_id": number} for one in draw(st.sets(st.integers(1, 3)))
        ]
        rows["consents"] += [
            {"customer_id": number, "purpose": "MARKETING", "channel": one, "is_granted": draw(st.booleans())}
            for one in draw(st.sets(st.sampled_from(["EMAIL", "SMS"])))
        ]  # fmt: skip
        if may_profile:
            _behaviour(draw, number, rows)
    return Shop({**rows, "people": people, "products": PRODUCTS})


def _behaviour(draw: st.DrawFn, customer: int, rows: dict[str, list[dict]]) -> None:
    for _ in range(draw(st.integers(0, 5))):
        order, placed = 1 + len(rows["orders"]), draw(moments)
        rows["orders"].append({
            "order_id": order, "customer_id": customer, "placed_at": placed, "arrived_at": placed,
            "total_cents": draw(st.sampled_from([0, 90, 5_000])), "discount_cents": draw(st.sampled_from([0, 90])),
            "margin_cents": 1, "channel": draw(st.sampled_from(["web", "shop", ""])),
        })  # fmt: skip
        for product in draw(st.lists(st.sampled_from(PRODUCTS), max_size=2)):
            rows["order_lines"].append({
                "order_id": order, "customer_id": customer, "product_id": product["product_id"],
                "category": draw(st.sampled_from(CATEGORIES)), "quantity": 1, "unit_price_cents": 10,
                "placed_at": placed, "arrived_at": placed,
            })  # fmt: skip
    for _ in range(draw(st.integers(0, 4))):
        properties = draw(documents)
        rows["events"].append({
            "customer_id": customer, "kind": draw(st.sampled_from([*EVENT_KINDS, "OTHER"])),
            "name": draw(st.sampled_from([*EVENT_NAMES, ""])), "happened_at": draw(moments), "arrived_at": NOW,
            "properties": json.dumps(properties) if properties else "",
        })  # fmt: skip
    if draw(st.booleans()):
        rows["features"].append({
            "customer_id": customer,
            **{name: draw(st.one_of(st.none(), small.map(float))) for name in FEATURE_NAMES},
        })  # fmt: skip
    for task in draw(st.sets(st.sampled_from(TASKS))):
        rows["scores"].append(
            {"customer_id": customer, "task": task, "value": draw(small.map(float))}
        )


numbers = st.one_of(
    st.builds(
        lambda how, value: {"is": how, "value": value},
        st.sampled_from(["at_least", "at_most", "equals"]), small,
    ),
    st.builds(lambda a, b: {"is": "between", "value": sorted([a, b])}, small, small),
    st.sampled_from([{"is": "is_known"}, {"is": "is_unknown"}]),
)  # fmt: skip
tops = st.builds(
    lambda value: {"is": "top_percent", "value": value}, st.sampled_from([10, 25, 50, 100])
)


def texts(values: list[str]) -> st.SearchStrategy[dict]:
    given_values = [value for value in values if value]
    return st.one_of(
        st.builds(
            lambda how, value: {"is": how, "value": value},
            st.sampled_from(["is", "is_not", "contains"]), st.sampled_from(given_values),
        ),
        st.builds(
            lambda how, value: {"is": how, "value": value},
            st.sampled_from(["in", "not_in"]), st.lists(st.sampled_from(given_values), min_size=1, max_size=3),
        ),
        st.sampled_from([{"is": "is_known"}, {"is": "is_unknown"}]),
    )  # fmt: skip


anything = st.one_of(numbers, texts(["gold", "2", "GOLD", "true", '{"k":1}']))


def _named(key: str, names: st.SearchStrategy[str], how: st.SearchStrategy[dict]) -> st.SearchStrategy[dict]:  # fmt: skip
    return st.builds(lambda name, compared: {key: name, **compared}, names, how)


features = _named("field", st.sampled_from(FEATURE_NAMES), st.one_of(numbers, tops))
profile = st.one_of(
    _named("field", st.just("country"), texts(COUNTRIES)),
    _named("field", st.just("joined_days_ago"), numbers),
    st.builds(
        lambda how, value: {"field": "source", "is": how, "value": value},
        st.sampled_from(["is", "is_not"]), st.integers(1, 3),
    ),
    _named("field", st.sampled_from(KEYS).map("trait.{}".format), anything),
)  # fmt: skip
windows = st.one_of(
    st.just({}),
    st.builds(
        lambda kind, days: {kind: days},
        st.sampled_from(["within_days", "older_than_days"]), st.sampled_from([1, 2, 7, 30, 90]),
    ),
    st.sampled_from([
        {"between": ["2024-09-01", "2024-10-05"]},
        {"between": ["2024-10-04", "2024-10-09"]},
        {"between": ["2024-08-01", "2024-10-03"]},
    ]),
)  # fmt: skip
counts = st.one_of(
    st.just({}),
    st.builds(
        lambda how, number: {"count": {how: number}},
        st.sampled_from(["at_least", "at_most", "exactly"]), st.integers(1, 3),
    ),
    st.sampled_from([{"count": {"at_most": 0}}, {"count": {"exactly": 0}}]),
)  # fmt: skip
order_filters = st.one_of(
    _named("property", st.just("category"), texts(CATEGORIES)),
    _named("property", st.just("product"), texts(["A-1", "B", "b"])),
    _named("property", st.just("brand"), texts(["Acme", "Bolt"])),
    _named("property", st.just("channel"), texts(["web", "shop"])),
    _named("property", st.sampled_from(["value_cents", "discount"]), numbers),
)


def deeds(events: st.SearchStrategy[str], filters: st.SearchStrategy[dict]) -> st.SearchStrategy[dict]:  # fmt: skip
    return st.builds(
        lambda key, event, count, window, where: {
            key: event, **count, **window, **({"where": where} if where else {}),
        },
        st.sampled_from(["did", "did_not"]), events, counts, windows, st.just([]) | st.lists(filters, max_size=2),
    )  # fmt: skip


orders = deeds(st.just("ORDER"), order_filters)
events = deeds(
    st.sampled_from([*EVENT_KINDS, *EVENT_NAMES]),
    _named("property", st.sampled_from(KEYS), anything),
)
others = st.one_of(
    _named("score", st.sampled_from(TASKS), st.one_of(numbers, tops)),
    st.builds(
        lambda channel, how: {"consent": {"purpose": "MARKETING", "channel": channel}, "is": how},
        st.sampled_from(["EMAIL", "SMS"]), st.sampled_from(["given", "not_given"]),
    ),
    st.builds(
        lambda number, how: {"segment": number, "is": how}, st.integers(1, 4), st.sampled_from(["in", "not_in"])
    ),
    st.builds(
        lambda start, share, salt: {"bucket": {"from": start, "to": min(100, start + share), "salt": salt}},
        st.sampled_from([0, 12.5, 50]), st.sampled_from([1, 37.5, 50]), st.sampled_from(["a", "b", "'; --"]),
    ),
)  # fmt: skip
conditions = st.one_of(features, profile, orders, events, others)


def groups(nodes: st.SearchStrategy[dict]) -> st.SearchStrategy[dict]:
    return st.builds(
        lambda how, inner: {how: inner},
        st.sampled_from(["all", "any", "none"]), st.lists(nodes, min_size=1, max_size=3),
    )  # fmt: skip


definitions = groups(st.one_of(conditions, groups(conditions)))
