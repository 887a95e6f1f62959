"""Gravity models: time of one fit and one prediction by method and number of regions.

``python benchmarks/gravity.py`` draws flows of a known law with spatial lags and fits each method
to the same flows, several times; it prints medians beside the limits that are set for maximum
likelihood, and how far estimates are from the law in standard errors, and fails if a limit is
exceeded.
"""

import statistics
import sys
import time

import numpy as np
import pandas as pd

from carbonflows.build.gravity.distance import great_circle
from carbonflows.build.gravity.fit import Method, gravity
from carbonflows.build.gravity.lags import Lag, unlagged
from carbonflows.build.gravity.neighbours import neighbours

RHO: dict[Lag, float] = {"destination": 0.35, "origin": 0.30, "mixed": -0.08}
LAW = {"constant": 1.0, "origin": 0.8, "destination": 0.9, "distance": -1.1, "own region": 0.5}
METHODS: tuple[Method, ...] = ("ols", "ppml", "constrained", "ml", "s2sls")
LIMITS = {("ml", 30): 1.0, ("ml", 100): 10.0}  # seconds, for a fit
REPEATS = 5


def made_up(n: int) -> tuple[pd.DataFrame, pd.Series, pd.Series, pd.DataFrame, pd.DataFrame]:
    """Flows of the law with errors of 0.3, totals, distances and weights."""
    rng = np.random.default_rng(n)
    regions = pd.RangeIndex(n)
    places = pd.DataFrame({"lon": rng.uniform(75, 130, n), "lat": rng.uniform(20, 50, n)}, regions)
    area = pd.Series(rng.uniform(1e4, 1e6, n), regions)
    distance = great_circle(places["lon"], places["lat"], area=area)
    weights = neighbours(places, k=5)
    origin, destination = (pd.Series(np.exp(rng.normal(3, 1, n)), regions) for _ in range(2))
    signal = LAW["constant"] + LAW["distance"] * np.log(distance.to_numpy())
    signal += LAW["origin"] * np.log(origin.to_numpy())[:, None]
    signal += LAW["destination"] * np.log(destination.to_numpy()) + LAW["own region"] * np.eye(n)
    logs = unlagged(signal + 0.3 * rng.standard_normal((n, n)), weights.to_numpy(), RHO)
    flows = pd.DataFrame(np.exp(logs), regions, regions)
    return flows, origin, destination, distance, weights


def main() -> int:
    late = []
    print("method       regions   fit, s predict, s limit, s  off by, s.e.")
    for n in (30, 100, 200):
        flows, origin, destination, distance, weights = made_up(n)
        for method in METHODS:
            lags = {"neighbours": weights} if method in ("ml", "s2sls") else {}
            fits, predictions = [], []
            for _ in range(REPEATS):
                start = time.perf_counter()
                fit = gravity(flows, origin, destination, distance, method=method, **lags)
                fits.append(time.perf_counter() - start)
                sold, bought = fit.fitted.sum(axis=1), fit.fitted.sum()
                start = time.perf_counter()
                fit.predict(sold, bought, distance)
                predictions.append(time.perf_counter() - start)
            off = ""
            if lags:
                table = fit.summary()
                truth = np.array([*RHO.values(), *LAW.values()])
                off = f"{((table['estimate'] - truth) / table['standard_error']).abs().max():.1f}"
            spent, limit = statistics.median(fits), LIMITS.get((method, n))
            print(
                f"{method:12} {n:7} {spent:8.3f} {statistics.median(predictions):10.3f} "
                f"{limit if limit else '':>8}  {off}"
            )
            if limit and spent > limit:
                late.append((method, n))
    if late:
        print(f"too slow: {late}")
    return bool(late)


if __name__ == "__main__":
    sys.exit(main())
