"""Buy till you die: how often customers will order, from how often and how lately they did.

`fit` gives the best of these models that can be trusted, and says which; they share one protocol, `Purchases`.
Start reading at `chain.py`; the likelihoods are in `geometric.py` and `pareto.py`, money is in `spend.py`.
"""

from segmentation.ml.btyd.chain import Fitted, fit
from segmentation.ml.btyd.geometric import BetaGeometric
from segmentation.ml.btyd.histories import Histories, Purchases
from segmentation.ml.btyd.pareto import Pareto
from segmentation.ml.btyd.rate import SteadyRate
from segmentation.ml.btyd.spend import GammaGamma


__all__ = [
    "BetaGeometric",
    "Fitted",
    "GammaGamma",
    "Histories",
    "Pareto",
    "Purchases",
    "SteadyRate",
    "fit",
]
