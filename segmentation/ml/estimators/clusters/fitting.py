"""From a feature table to clusters: a sample, every algorithm and number of groups, one choice, names."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from segmentation.ml.columns import NET_REVENUE_CENTS, ORDERS
from segmentation.ml.estimators.clusters import judging, naming
from segmentation.ml.estimators.clusters.algorithms import ALGORITHMS
from segmentation.ml.estimators.clusters.judging import Candidate, Silhouettes
from segmentation.ml.estimators.clusters.model import ClusterModel, Group
from segmentation.ml.estimators.clusters.partitions import Partition
from segmentation.ml.estimators.clusters.space import RFM, Space
from segmentation.ml.tables import FeatureTable, Floats


SAMPLE = 20_000
KS = range(3, 9)
STARTS = 5


def fit(
    table: FeatureTable,
    *,
    seed: int,
    ks: Sequence[int] = KS,
    algorithms: Sequence[str] = tuple(ALGORITHMS),
    features: Sequence[str] = RFM,
    previous: ClusterModel | None = None,
    minor_units: int = 100,
) -> ClusterModel:
    """Choose algorithm and k, and fit on a sample of at most 20,000 customers with an order.

    With `previous`, its groups are a candidate as well (settled on today's customers), and its keys and names
    are kept where a group has an heir. minor_units: so many cents make one of the currency. Raises KeyError for an unknown algorithm or feature; ValueError when
    there are fewer than 20 customers with an order per cluster tried, when a value of theirs is not known,
    or when they are too alike to be divided.
    """
    if unknown := sorted(set(algorithms) - set(ALGORITHMS)):
        raise KeyError(f"no algorithm {', '.join(unknown)}; there are {', '.join(ALGORITHMS)}")
    buyers = table.rows(table.column(ORDERS) > 0)
    if len(buyers) < 20 * max(ks):
        few = f"{len(buyers)} customer{'' if len(buyers) == 1 else 's'} with an order"
        raise ValueError(f"{few}; {20 * max(ks)} are needed")
    generator = np.random.default_rng(seed)
    if len(buyers) > SAMPLE:
        drawn = np.zeros(len(buyers), dtype=bool)
        drawn[generator.choice(len(buyers), SAMPLE, replace=False)] = True
        buyers = buyers.rows(drawn)
    space = Space.fit(buyers, names=features)
    points = space.points(buyers)
    import sklearn.cluster  # noqa: F401 - its OpenMP must be there before it can be limited

    # one thread: sums come out the same on every machine, and small fits only wait for their threads
    with threadpool_limits(limits=1):
        partitions, tried = _all_candidates(
            points, algorithms, ks=ks, seed=seed, known=lambda code: _known(previous, space, code)
        )
    if not tried:
        raise ValueError(
            f"{', '.join(ALGORITHMS[code].title for code in algorithms)}: no division of these customers"
            f" into {min(ks)} to {max(ks)} groups; they are too alike or too evenly spread"
        )
    choice = judging.choose(tried)
    model = _described(
        points, space, partitions[choice.position], tried, choice, minor_units=minor_units
    )
    return model if previous is None else model.named_like(previous, buyers)


def _known(previous: ClusterModel | None, space: Space, code: str) -> Partition | None:
    """The division known so far, as it lies in the new space; only where it is of this algorithm."""
    if previous is None or previous.algorithm != code:
        return None
    step = space.step_from(previous.space)
    return None if step is None else previous.partition.moved(*step)


def _all_candidates(
    points: Floats,
    algorithms: Sequence[str],
    *,
    ks: Sequence[int],
    seed: int,
    known: Callable[[str], Partition | None],
) -> tuple[list[Partition], list[Candidate]]:
    partitions: list[Partition] = []
    tried: list[Candidate] = []
    silhouettes = Silhouettes(points, seed=seed)
    for code in algorithms:
        found, judged = _candidates(
            points,
            code,
            ks=ks,
            seed=seed,
            known=known(code),
            silhouettes=silhouettes,
            bar=max((one.merit for one in tried), default=0.0),
        )
        partitions += found
        tried += judged
    return partitions, tried


def _candidates(
    points: Floats,
    code: str,
    *,
    ks: Sequence[int],
    seed: int,
    known: Partition | None,
    silhouettes: Silhouettes,
    bar: float,
) -> tuple[list[Partition], list[Candidate]]:
    algorithm = ALGORITHMS[code]
    partitions = list(algorithm.partitions(points, ks=ks, seed=seed, starts=STARTS).values())
    settled = None if known is None else algorithm.continued(points, before=known)
    if settled is not None and settled.groups not in ks:
        settled = None
    if settled is not None:
        partitions.append(settled)
    # as if they were found again every time: no stability can make more of them
    hopes = [
        judging.judge(points, partition, algorithm=code, stability=1.0, silhouettes=silhouettes)
        for partition in partitions
    ]
    hopeless = known is None and all(one.merit < judging.AS_GOOD * bar for one in hopes)
    stable = judging.stabilities(
        points,
        partitions,
        algorithm=algorithm,
        seed=seed,
        times=judging.BOOTSTRAPS_OF_HOPELESS if hopeless else judging.BOOTSTRAPS,
    )
    judged = [replace(one, stability=mean) for one, mean in zip(hopes, stable, strict=True)]
    fresh = judged if settled is None else judged[:-1]
    return partitions, judging.with_elbow(fresh) + judging.as_known(judged[len(fresh) :])


def _described(
    points: Floats,
    space: Space,
    partition: Partition,
    tried: Sequence[Candidate],
    choice: judging.Choice,
    *,
    minor_units: int,
) -> ClusterModel:
    """Put the groups in order, best spenders first and noise last, and name them."""
    labels = partition.assign(points)
    shares = np.bincount(labels, minlength=partition.groups) / len(labels)
    centres = np.array(
        [
            points[labels == group].mean(axis=0) if shares[group] else np.zeros(points.shape[1])
            for group in range(partition.groups)
        ]
    )
    main = space.names.index(NET_REVENUE_CENTS) if NET_REVENUE_CENTS in space.names else -1
    noise = np.arange(partition.groups) == partition.groups - int(partition.has_noise)
    order = np.lexsort((-centres[:, main], noise))
    centres, shares, noise = centres[order], shares[order], noise[order]
    natural = space.natural(centres)
    names = naming.in_words(space.names, centres, natural, minor_units=minor_units)
    groups = tuple(
        Group(
            key=key,
            name=naming.NOISE if noise[key] else names[key],
            share=float(shares[key]),
            typical=tuple(natural[key].tolist()),
            is_noise=bool(noise[key]),
        )
        for key in range(len(order))
    )
    return ClusterModel(
        algorithm=tried[choice.position].algorithm,
        space=space,
        partition=partition.reordered(order),
        groups=groups,
        next_key=len(groups),
        tried=tuple(tried),
        chosen=choice.position,
        reason=choice.reason,
    )
