"""`evaluate recommend`: lists against what was bought, beside nothing else: the lists of others are judged the same way."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import numpy as np

from segmentation.ml.offline import files, tasks
from segmentation.ml.offline.files import FileError
from segmentation.ml.recommend.judging import judge, ndcg
from segmentation.ml.tables import Ints


HELP = "Judge recommendations: NDCG, recall and hit rate at k, coverage, with intervals; suppressed products in lists."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--k", type=int, default=10, metavar="N", help="default 10")
    parser.add_argument(
        "--known", metavar="FILE",
        help="earlier purchases (customer_id, sku): they are taken out of the truth, and coverage is of their products",
    )  # fmt: skip
    parser.add_argument(
        "--suppressed", metavar="FILE", help="customer_id, sku: counted where a list shows them"
    )


def evaluate(options: Namespace) -> tasks.Evaluation:
    """truth: customer_id, sku (bought afterwards). Customers without a list count as 0. Raises FileError."""
    if options.k < 1:
        raise FileError("--k must be 1 or more")
    identifier = options.id or "customer_id"
    said = _pairs(options.pred, identifier, rank=True)
    true = _pairs(options.truth, identifier)
    known = _pairs(options.known, identifier) if options.known else {}
    number = {sku: place for place, sku in enumerate(sorted(_skus(said, true, known)))}
    bought: list[Ints] = []
    ranked: list[list[int]] = []
    for customer in sorted(true):
        new = true[customer].keys() - known.get(customer, {}).keys()
        if not new:
            continue
        bought.append(np.array(sorted(number[sku] for sku in new)))
        order = sorted(said.get(customer, {}).items(), key=lambda pair: (pair[1], pair[0]))
        shown = [number[sku] for sku, _ in order][: options.k]
        ranked.append(shown + [-1] * (options.k - len(shown)))
    if not bought:
        raise FileError(f"{options.truth}: nobody bought anything that counts")
    lists = np.array(ranked)
    assortment = _skus(known) or _skus(said, true)
    judged = judge(lists, bought, products=len(assortment)).to_dict()
    gained = ndcg(lists, bought)
    rng = np.random.default_rng(options.seed)
    means = [gained[rng.integers(0, len(gained), len(gained))].mean() for _ in range(1_000)]
    metrics = {name: round(value, 6) for name, value in judged.items()}
    metrics |= {
        "k": options.k,
        "customers_with_a_list": sum(bool((row >= 0).any()) for row in lists),
    }
    if options.suppressed:
        closed = _pairs(options.suppressed, identifier)
        metrics["suppressed_in_lists"] = sum(
            sku in said.get(customer, {}) for customer, skus in closed.items() for sku in skus
        )
    low, high = np.quantile(means, [0.025, 0.975])
    return tasks.Evaluation(
        metrics={**metrics, "intervals": {"ndcg": [round(float(low), 6), round(float(high), 6)]}}
    )


def _pairs(path: str, identifier: str, *, rank: bool = False) -> dict[str, dict[str, float]]:
    """Of each customer the products with their rank (0 where the file has none)."""
    raw = files.read(Path(path))
    with raw.database:
        found = {
            identifier: files.column_like(raw, identifier),
            "sku": files.column_like(raw, "sku", "StockCode"),
            **({"rank": files.column_like(raw, "rank")} if rank else {}),
        }
        files.need(Path(path), found, raw=raw)
        selected = ", ".join(files.quoted(str(column)) for column in found.values())
        rows = raw.database.execute(f"SELECT {selected} FROM file ORDER BY row").fetchall()
    pairs: dict[str, dict[str, float]] = {}
    for customer, sku, *more in rows:
        if customer is None or sku is None:
            continue
        try:
            place = float(more[0]) if more else 0.0
        except (TypeError, ValueError) as error:
            raise FileError(f"{path}: the rank {more[0]!r} is not a number") from error
        pairs.setdefault(customer.strip().removesuffix(".0"), {}).setdefault(sku.strip(), place)
    return pairs


def _skus(*parts: dict[str, dict[str, float]]) -> set[str]:
    return {sku for part in parts for skus in part.values() for sku in skus}
