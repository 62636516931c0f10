"""How good predicted sentiment is: three classes, and good against bad where the truth is one of the two."""

from typing import Any

import numpy as np

from segmentation.ml.metrics import auc, macro_f1
from segmentation.ml.tables import Floats, Ints


RESAMPLES = 500


def judge(*, shares: Floats, classes: Ints, seed: int = 42) -> dict[str, Any]:
    """
    `shares`, (n, 3): probabilities of negative, neutral, positive; `classes`, (n,): 0, 1, 2.

    Good against bad leaves out the texts that are neither, and asks which of the two was given more. The
    intervals are 95 % of a bootstrap over texts.
    """
    result: dict[str, Any] = {"texts": len(classes)}
    decided = classes != 1
    if not decided.all():
        said = shares.argmax(axis=1)
        result["three_classes"] = {
            "accuracy": round(float((said == classes).mean()), 4),
            "macro_f1": round(macro_f1(said=said, true=classes), 4),
            "macro_f1_interval": _interval(said, classes, seed=seed),
        }
    if len(np.unique(classes[decided])) == 2:
        good = classes[decided] == 2
        lean = shares[decided, 2] - shares[decided, 0]
        said = (lean > 0).astype(np.int64)
        true = good.astype(np.int64)
        result["good_against_bad"] = {
            "texts": int(decided.sum()),
            "accuracy": round(float((said == true).mean()), 4),
            "macro_f1": round(macro_f1(said=said, true=true), 4),
            "macro_f1_interval": _interval(said, true, seed=seed),
            "auc": round(auc(label=true, score=lean), 4),
        }
    return result


def _interval(said: Ints, true: Ints, *, seed: int) -> list[float]:
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(0, len(true), len(true)) for _ in range(RESAMPLES))
    values = [macro_f1(said=said[rows], true=true[rows]) for rows in drawn]
    return [round(float(one), 4) for one in np.quantile(values, [0.025, 0.975])]
