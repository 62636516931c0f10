"""Whether chance made the arms: customers of both must look alike before the treatment."""

from dataclasses import dataclass

import numpy as np

from segmentation.ml.records.encoding import Design
from segmentation.ml.records.logistic import Logistic
from segmentation.ml.tables import Floats


UNLIKELY = 1e-3
_LEAST, _MOST = 0.02, 0.98


@dataclass(frozen=True, kw_only=True)
class Balance:
    """p: of a difference as large as seen, if chance made the arms. strongest: position of the linear column, z value."""

    p: float
    column: int
    z: float

    @property
    def plausible(self) -> bool:
        return self.p > UNLIKELY


def balance(linear: Floats, treated: Floats) -> Balance:
    """Rows times R² of the treatment on the columns is chi-squared, if chance made the arms (a score test)."""
    from scipy.stats import chi2

    rows = len(treated)
    centred = linear - linear.mean(axis=0)
    moved = treated - treated.mean()
    gram = centred.T @ centred
    found = np.linalg.lstsq(gram, centred.T @ moved, rcond=1e-8)
    explained = float((centred @ found[0]) @ moved) / float(moved @ moved)
    spread = np.sqrt(np.maximum(np.diag(gram), 1e-12) * float(moved @ moved) / rows)
    each = centred.T @ moved / spread
    worst = int(np.abs(each).argmax())
    return Balance(
        p=float(chi2.sf(rows * explained, int(found[2]))), column=worst, z=float(each[worst])
    )


def propensity(design: Design, treated: Floats, *, randomised: bool) -> Floats:
    """P(treated) by row: the share of the arm, or what the columns say where chance did not make the arms."""
    if randomised:
        return np.full(len(treated), float(treated.mean()))
    table = np.column_stack([np.ones(len(treated)), design.linear])
    groups = np.r_[0, np.full(design.linear.shape[1], 1)].astype(np.int64)
    model = Logistic.fit(table, treated, groups=groups, typical=np.array([0.0, 0.3]))
    return model.probability(table).clip(_LEAST, _MOST)
