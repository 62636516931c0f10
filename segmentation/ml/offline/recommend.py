"""`predict recommend`: what to offer each customer next, and what not, from a file of purchases."""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.offline import files, tasks, transactions
from segmentation.ml.offline.files import FileError
from segmentation.ml.offline.transactions import Transactions
from segmentation.ml.recommend.engine import Engine, Recommended, Wishes
from segmentation.ml.recommend.hybrid import PARTS
from segmentation.ml.recommend.purchases import Products, Purchases
from segmentation.ml.recommend.ranking import Offer
from segmentation.ml.recommend.reverse import RulesError, rules_from
from segmentation.ml.recommend.wording import in_words
from segmentation.ml.tables import Floats


HELP = (
    "Recommend products to each customer: a learned mixture of recommenders; what was bought lately and is not "
    "bought again so soon is left out."
)
CHUNK = 1_000
FEWEST_BUYERS = 3
"""Of a product, for it to be recommended: from fewer nothing is learned."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Items:
    """What a file of products tells, by sku; each may be unknown."""

    words: dict[str, str]
    category: dict[str, str]
    numbers: dict[str, dict[str, float]]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--transactions", required=True, metavar="FILE",
        help="customer_id, date, sku, and where there are any quantity, category, description",
    )  # fmt: skip
    parser.add_argument(
        "--items", metavar="FILE",
        help="sku, and where there are any category, description, price, stock, margin (a share of the price)",
    )  # fmt: skip
    parser.add_argument(
        "--cutoff", required=True, metavar="DATE",
        help="the moment of asking; rows at or after it are ignored",
    )  # fmt: skip
    parser.add_argument("--k", type=int, default=20, metavar="N", help="products each; default 20")
    parser.add_argument(
        "--exclude-owned", action="store_true", help="only products the customer never bought"
    )
    parser.add_argument(
        "--cooldown", metavar="FILE",
        help='JSON: {"category or sku": days}; goes before what is learned; 0 opens',
    )  # fmt: skip
    parser.add_argument(
        "--suppressed", metavar="FILE",
        help="where to write what is left out; default suppressed.csv beside --out",
    )  # fmt: skip
    parser.add_argument(
        "--diversity", type=float, default=Wishes.diversity, metavar="0..1",
        help=f"how much alike products keep each other out of a list; default {Wishes.diversity}",
    )  # fmt: skip
    parser.add_argument("--min-margin", type=float, metavar="SHARE", help="needs margin in --items")
    parser.add_argument(
        "--own-price-tier", action="store_true", help="only prices near those the customer pays"
    )
    parser.add_argument(
        "--min-buyers", type=int, default=FEWEST_BUYERS, metavar="N",
        help=f"products with fewer buyers are not recommended; default {FEWEST_BUYERS}",
    )  # fmt: skip


def predict(options: Namespace) -> tasks.Prediction:
    """Raises FileError, also when there is nothing to learn from."""
    if options.k < 1 or not 0 <= options.diversity <= 1:
        raise FileError("--k must be 1 or more, and --diversity between 0 and 1")
    cutoff = _moment(options.cutoff)
    known = transactions.read(Path(options.transactions), id_column=options.id, needs_amount=False)
    files.need(
        Path(options.transactions), {"sku": "sku" if "sku" in known.columns else None},
        raw=_columns_of(known),
    )  # fmt: skip
    warnings = list(tasks.unusable(known, options.transactions))
    known, late = known.until(cutoff)
    warnings += tasks.ignored(late, cutoff=options.cutoff)
    if not known.customers:
        raise FileError(f"{options.transactions}: no row before {options.cutoff}")
    items = _items(Path(options.items)) if options.items else None
    everything = purchases_of(known, items)
    past = everything.keeping(everything.bought_by(_fewest(everything, options.min_buyers)))
    if len(past.products) < len(everything.products):
        warnings.append(
            f"{len(everything.products) - len(past.products)} products with fewer than "
            f"{options.min_buyers} buyers are not recommended"
        )
    try:
        engine = Engine.fit(past, as_of=cutoff, seed=options.seed)
    except ValueError as error:
        raise FileError(f"{options.transactions}: {error}") from error
    if not engine.hybrid.learned_from:
        warnings.append(
            "too little history to learn weights (four weeks with 50 customers who return are needed): "
            "documented defaults serve"
        )
    wishes = Wishes(
        k=options.k, exclude_owned=options.exclude_owned, rules=_rules(options.cooldown),
        offer=_offer(past.products, items, options), diversity=options.diversity,
    )  # fmt: skip
    unknown = set(wishes.rules) - set(past.products.categories) - set(past.products.keys)
    if unknown:
        warnings.append(f"rules for what is not sold: {', '.join(sorted(unknown))}")
    ranked, closed = [], []
    for begin in range(0, past.customers, CHUNK):
        chosen = np.arange(begin, min(begin + CHUNK, past.customers))
        said = engine.recommend(past.of_customers(chosen), as_of=cutoff, wishes=wishes)
        names = [known.customers[number] for number in chosen]
        ranked.append(_ranked(said, names, past.products))
        closed.append(_closed(said, names, past.products))
    suppressed = options.suppressed or str(Path(options.out).with_name("suppressed.csv"))
    return tasks.Prediction(
        table=pa.concat_tables(ranked),
        meta=_meta(engine, past),
        warnings=tuple(warnings),
        extra={suppressed: pa.concat_tables(closed)},
    )


def purchases_of(known: Transactions, items: Items | None = None) -> Purchases:
    """The lines that name a product, as the recommenders take them; of two descriptions, the later."""
    with duckdb.connect(config={"threads": 1}) as database:
        database.register("lines", known.lines)
        named = database.sql(
            """SELECT sku, arg_max(description, placed_at) FILTER (description IS NOT NULL),
                arg_max(category, placed_at) FILTER (category IS NOT NULL),
                median(unit_price) FILTER (unit_price > 0)
            FROM lines WHERE sku IS NOT NULL GROUP BY 1 ORDER BY 1"""
        ).fetchall()
        database.execute("CREATE TABLE names AS SELECT sku, row_number() OVER (ORDER BY sku) - 1 AS p "
                         "FROM (SELECT DISTINCT sku FROM lines WHERE sku IS NOT NULL)")  # fmt: skip
        table = database.sql(
            """SELECT customer, p, placed_at, coalesce(quantity, 1) AS quantity
            FROM lines JOIN names USING (sku) ORDER BY customer, placed_at, p"""
        ).to_arrow_table()
    skus = [row[0] for row in named]
    told = items or Items(words={}, category={}, numbers={})
    price = told.numbers.get("price", {})
    products = Products.of(
        skus,
        words=[told.words.get(sku) or words or sku for sku, words, _, _ in named],
        categories=[told.category.get(sku) or category for sku, _, category, _ in named],
        price=np.array(
            [price.get(sku, np.nan if paid is None else paid) for sku, _, _, paid in named],
            dtype=np.float64,
        ),
    )

    def column(name: str) -> Any:
        return table.column(name).to_numpy()

    return Purchases(
        customer=column("customer").astype(np.int64), product=column("p").astype(np.int64),
        at=column("placed_at").astype(np.int64), quantity=column("quantity").astype(np.float64),
        customers=len(known.customers), products=products,
    )  # fmt: skip


def _fewest(past: Purchases, wanted: int) -> int:
    """Fewer in a shop where no product has so many."""
    while wanted > 1 and not past.bought_by(wanted).any():
        wanted -= 1
    return wanted


def _ranked(said: Recommended, names: list[str], products: Products) -> pa.Table:
    rows, ranks = np.nonzero(said.product >= 0)
    product = said.product[rows, ranks]
    why = said.reasons
    return pa.table(
        {
            "customer_id": pa.array([names[row] for row in rows], pa.string()),
            "rank": pa.array(ranks + 1, pa.int64()),
            "sku": pa.array([products.keys[number] for number in product], pa.string()),
            "score": pa.array(np.round(said.score[rows, ranks], 5), pa.float64()),
            "reason": pa.array(
                [
                    in_words(int(code), product=products.words[because], days=int(days))
                    for code, because, days in zip(
                        why.code[rows, ranks], why.product[rows, ranks], why.days[rows, ranks],
                        strict=True,
                    )
                ],
                pa.string(),
            ),
        }
    )  # fmt: skip


def _closed(said: Recommended, names: list[str], products: Products) -> pa.Table:
    """One row a customer and product that is closed to them: what they bought, and all else of its category."""
    of_category: dict[int, list[int]] = {}
    for number, category in enumerate(products.category):
        of_category.setdefault(int(category), []).append(number)
    columns: dict[str, list[str]] = {"customer_id": [], "sku": [], "until": [], "why": []}
    out = said.suppressed
    for row in range(len(out)):
        category, because = int(out.category[row]), int(out.because[row])
        until = np.datetime64(int(out.until[row]), "s").astype("datetime64[D]")
        source = "learned" if out.learned[row] else "a rule of the shop"
        name = products.categories[category] if category >= 0 else ""
        for number in of_category[category] if category >= 0 else [because]:
            same = "" if number == because else f"; the same category {name!r}"
            columns["customer_id"].append(names[out.customer[row]])
            columns["sku"].append(products.keys[number])
            columns["until"].append(str(until))
            columns["why"].append(
                f"bought {products.words[because]} {int(out.ago[row])} days ago, closed for "
                f"{int(np.ceil(out.days[row]))} days ({source}){same}"
            )
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def _meta(engine: Engine, past: Purchases) -> dict[str, Any]:
    clocks, products = engine.hybrid.clocks, engine.products
    cool = clocks.cool_down()
    named = [number for number, name in enumerate(products.categories) if name]
    return {
        "model": "learned hybrid of recommenders",
        "parts": list(PARTS),
        "weights_of_new": [round(float(value), 4) for value in engine.hybrid.fresh],
        "weights_of_all": [round(float(value), 4) for value in engine.hybrid.every],
        "customers_of_inner_splits": engine.hybrid.learned_from,
        "customers": past.customers,
        "products": len(products),
        "days_of_history": int((past.at.max() - past.at.min()) // SECONDS_PER_DAY),
        "clocks": [
            {
                "category": products.categories[number],
                "cool_down_days": int(cool[number]),
                "median_days_between": _or_none(clocks.median[number]),
                "gaps": int(clocks.gaps[number]),
                "returns": int(clocks.returns[number]),
            }
            for number in named
        ],
    }


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _moment(text: str) -> int:
    try:
        return transactions.moment(text)
    except ValueError as error:
        raise FileError(f"--cutoff: {error}") from error


def _rules(path: str | None) -> dict[str, float]:
    if path is None:
        return {}
    try:
        return rules_from(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    except (RulesError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: {error}") from error


def _items(path: Path) -> Items:
    raw = files.read(path)
    with raw.database:
        found = {
            "sku": files.column_like(raw, "sku", "StockCode"),
            "category": files.column_like(raw, "category"),
            "description": files.column_like(raw, "description", "name", "title"),
            "price": files.column_like(raw, "price", "unit_price"),
            "stock": files.column_like(raw, "stock", "inventory"),
            "margin": files.column_like(raw, "margin"),
        }
        files.need(path, {"sku": found["sku"]}, raw=raw)
        read = {
            name: dict(
                raw.database.execute(
                    f"SELECT trim({files.quoted(str(found['sku']))}), {files.quoted(column)} FROM file "
                    f"WHERE {files.quoted(column)} IS NOT NULL ORDER BY row"
                ).fetchall()
            )
            for name, column in found.items()
            if column is not None and name != "sku"
        }
    numbers: dict[str, dict[str, float]] = {}
    for name in ("price", "stock", "margin"):
        numbers[name] = {}
        for sku, text in read.get(name, {}).items():
            try:
                value = float(text)
            except ValueError as error:
                raise FileError(f"{path}: the {name} of {sku} is not a number: {text!r}") from error
            numbers[name][sku] = value
    return Items(
        words=read.get("description", {}), category=read.get("category", {}), numbers=numbers
    )


def _offer(products: Products, items: Items | None, options: Namespace) -> Offer:
    def column(name: str) -> Floats | None:
        told = items.numbers[name] if items else {}
        return np.array([told.get(key, np.nan) for key in products.keys]) if told else None

    if options.min_margin is not None and column("margin") is None:
        raise FileError("--min-margin needs a column margin in --items")
    return Offer(
        stock=column("stock"), margin=column("margin"), least_margin=options.min_margin,
        own_price_tier=options.own_price_tier,
    )  # fmt: skip


def _columns_of(known: Transactions) -> files.RawTable:
    return files.RawTable(
        database=duckdb.connect(), columns=tuple(sorted(known.columns)), rejected={}
    )


__all__ = ["HELP", "add_arguments", "predict", "purchases_of"]
