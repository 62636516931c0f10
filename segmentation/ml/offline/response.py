"""`predict response`: learn from a file who answers, and whom it pays to contact."""

from argparse import ArgumentParser, Namespace

import numpy as np
import pyarrow as pa

from segmentation.ml.contacts.model import MEMBERS, ContactModel
from segmentation.ml.offline import tasks
from segmentation.ml.offline.files import FileError
from segmentation.ml.offline.tables import read_pair
from segmentation.ml.records import leaks


HELP = "Learn from a file with an outcome how likely each customer is to answer, and whom it pays to contact."
DIGITS = 8


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--train", required=True, metavar="FILE", help="one row a customer, with the outcome"
    )
    parser.add_argument("--score", required=True, metavar="FILE", help="customers to predict for")
    parser.add_argument("--outcome", required=True, metavar="COLUMN", help="0/1 or yes/no")
    parser.add_argument(
        "--cost", type=float, default=0.0, metavar="MONEY", help="of one contact; default 0"
    )
    parser.add_argument(
        "--revenue", type=float, default=1.0, metavar="MONEY",
        help="of one answer; default 1. Whoever is likelier to answer than cost / revenue is contacted",
    )  # fmt: skip
    parser.add_argument(
        "--exclude", nargs="+", default=[], metavar="COLUMN",
        help="columns not to learn from, for instance those recorded after the outcome",
    )  # fmt: skip


def predict(options: Namespace) -> tasks.Prediction:
    """Raises FileError, also when nothing can be learned."""
    if not (options.cost >= 0 and 0 < options.revenue < float("inf")):
        raise FileError("--cost must be zero or more and --revenue above zero")
    pair = read_pair(options, named=(options.outcome,))
    if not np.isin(pair.outcome, (0.0, 1.0)).all():
        raise FileError(
            f"{options.train}: column {options.outcome} must be 0/1, yes/no or true/false"
        )
    happened = pair.outcome == 1
    try:
        model = ContactModel.fit(pair.train, pair.outcome, seed=options.seed, jobs=options.jobs)
    except ValueError as error:
        raise FileError(f"{options.train}: {error}") from error
    suspected = leaks.suspects(pair.train, happened=happened)
    p = model.predict(pair.score).round(DIGITS)
    contact = p * options.revenue > options.cost
    encoder = model.pair.encoder
    return tasks.Prediction(
        table=pa.table({"id": list(pair.ids), "p": p, "contact": contact.astype(np.int64)}),
        meta={
            "outcome": options.outcome,
            "rows_learned_from": len(happened),
            "rate": round(float(happened.mean()), DIGITS),
            "columns": list(encoder.names),
            "columns_left_out": {**pair.left_out, **encoder.left_out},
            "suspected_leaks": {one.column: one.reason for one in suspected},
            "weights": dict(zip(MEMBERS, model.weights.round(4).tolist(), strict=True)),
            "offset": round(model.offset, 4),
            "inner_scores": model.inner,
            "cost": options.cost,
            "revenue": options.revenue,
            "contacted": int(contact.sum()),
            "expected_profit": round(float((p * options.revenue - options.cost)[contact].sum()), 6),
        },
        warnings=(
            *pair.warnings,
            *leaks.told(suspected),
            *leaks.spread(encoder.unseen(pair.score)),
        ),
    )
