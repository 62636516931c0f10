"""BG/NBD at 100,000 customers beside `lifetimes`, with the log likelihoods of both.

    python -m benchmarks.btyd --python PATH --customers 100000 --rounds 3

`lifetimes` is unmaintained and no dependency of this project. It runs in an environment of its own, whose Python
`--python` names; the command says how to make one. Customers are drawn from the model itself (Fader, Hardie and Lee's CDNOW
estimates), so both have the truth to find. Each fit is timed in its own process after one fit to warm up.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from segmentation.ml.btyd import BetaGeometric, Histories


GOAL = 3.5
HINT = (
    "lifetimes is needed in an environment of its own:\n"
    "    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install lifetimes==0.11.3\n"
    "then run this again with --python /tmp/reference/bin/python"
)
_REFERENCE = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
from lifetimes import BetaGeoFitter
data = np.load(sys.argv[1])
seconds = []
for _ in range(int(sys.argv[2]) + 1):
    started = time.perf_counter()
    fitted = BetaGeoFitter().fit(data["repeats"], data["last"], data["age"])
    seconds.append(time.perf_counter() - started)
print(json.dumps({"seconds": seconds[1:], "parameters": {k: float(v) for k, v in fitted.params_.items()}}))
"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--python", default="", help="a Python that has lifetimes")
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if not has_lifetimes(options.python):
        print(HINT, file=sys.stderr)
        return 2
    report = measure(options.python, customers=options.customers, rounds=options.rounds)
    print(
        f"{options.customers:,} customers, median of {options.rounds}, load {os.getloadavg()[0]:.1f}"
    )
    for name in ("lifetimes", "ours"):
        one = report[name]
        print(
            f"  {name:10} {one['seconds']:8.3f} s   log likelihood {one['log_likelihood']:.4f}   {one['parameters']}"
        )
    met = "met" if report["ratio"] >= GOAL and report["equal"] else "not met"
    print(
        f"  {report['ratio']:.1f} times as fast, likelihoods equal: {report['equal']} (goal {GOAL} with equal: {met})"
    )
    if options.json:
        print(json.dumps(report))
    return 0


def has_lifetimes(python: str) -> bool:
    if not python:
        return False
    try:
        done = subprocess.run([python, "-c", "import lifetimes"], capture_output=True, check=False)  # noqa: S603
    except OSError:
        return False
    return done.returncode == 0


def measure(python: str, *, customers: int, rounds: int) -> dict:
    histories = drawn(customers, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "histories.npz"
        np.savez(path, repeats=histories.repeats, last=histories.last, age=histories.age)
        done = subprocess.run(  # noqa: S603
            [python, "-c", _REFERENCE, str(path), str(rounds)], capture_output=True, check=True, text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
    reference = json.loads(done.stdout.splitlines()[-1])
    seconds = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        fitted = BetaGeometric.fit(histories, modified=False)
        seconds.append(time.perf_counter() - started)
    theirs = BetaGeometric(**reference["parameters"], modified=False)
    report = {
        "lifetimes": _row(theirs, histories, reference["seconds"]),
        "ours": _row(fitted, histories, seconds[1:]),
    }
    report["ratio"] = report["lifetimes"]["seconds"] / report["ours"]["seconds"]
    worse = report["lifetimes"]["log_likelihood"] - report["ours"]["log_likelihood"]
    report["equal"] = bool(worse < 1e-6 * abs(report["ours"]["log_likelihood"]))
    return report


def drawn(customers: int, *, seed: int) -> Histories:
    """Customers of a year (weeks) from BG/NBD with r .243, alpha 4.414, a .793, b 2.426."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.243, 1 / 4.414, customers)
    leaves = rng.beta(0.793, 2.426, customers)
    age = rng.uniform(26, 52, customers)
    repeats, last = np.zeros(customers), np.zeros(customers)
    alive = np.ones(customers, bool)
    while alive.any():
        ahead = last + rng.exponential(1 / np.maximum(rate, 1e-12))
        orders = alive & (ahead < age)
        last, repeats = np.where(orders, ahead, last), repeats + orders
        alive = orders & (rng.random(customers) >= leaves)
    return Histories(repeats=repeats, last=last, age=age)


def _row(model: BetaGeometric, histories: Histories, seconds: list[float]) -> dict:
    parameters = {
        name: round(value, 4) for name, value in model.to_dict().items() if name != "modified"
    }
    return {
        "seconds": statistics.median(seconds),
        "log_likelihood": model.log_likelihood(histories),
        "parameters": parameters,
    }


if __name__ == "__main__":
    raise SystemExit(main())
