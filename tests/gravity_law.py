"""Flows that follow a known law, and the plain ways to check against."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carbonflows.build.gravity.distance import great_circle, own_distance
from carbonflows.build.gravity.neighbours import neighbours

RHO = {"destination": 0.35, "origin": 0.30, "mixed": -0.08}
B = np.array([1.0, 0.8, 0.9, -1.1, 0.5])
TRUE = np.array([*RHO.values(), *B])


@dataclass(eq=False)
class Country:
    """Regions on a map with totals, and what a law without errors says of their log flows."""

    origin: pd.Series
    destination: pd.Series
    distance: pd.DataFrame
    W: pd.DataFrame
    signal: NDArray[np.float64]

    @property
    def regions(self) -> pd.Index:
        return self.origin.index

    @property
    def known(self) -> tuple[pd.Series, pd.Series, pd.DataFrame]:
        return self.origin, self.destination, self.distance

    @cache  # noqa: B019
    def solution(self, rho: tuple[tuple[str, float], ...]) -> NDArray[np.float64]:
        return np.linalg.inv(dense_filter(self.W.to_numpy(), dict(rho)))


@cache
def country(n: int = 30, seed: int = 1, k: int = 5) -> Country:
    rng = np.random.default_rng(seed)
    regions = pd.Index([f"r{i}" for i in range(n)])
    places = pd.DataFrame({"lon": rng.uniform(90, 120, n), "lat": rng.uniform(20, 45, n)}, regions)
    area = pd.Series(rng.uniform(1e4, 3e5, n), regions)
    distance = great_circle(places["lon"], places["lat"], area=area)
    assert np.allclose(np.diag(distance), own_distance(area))
    origin, destination = (pd.Series(np.exp(rng.normal(3, 1, n)), regions) for _ in range(2))
    logs = [np.log(origin.to_numpy())[:, None], np.log(destination.to_numpy())]
    signal = B[0] + B[1] * logs[0] + B[2] * logs[1] + B[3] * np.log(distance.to_numpy())
    return Country(
        origin, destination, distance, neighbours(places, k=k), signal + B[4] * np.eye(n)
    )


def dense(W: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The lags as matrices of n² × n² cells, for flows stacked by origin."""
    eye = np.eye(len(W))
    return {"destination": np.kron(eye, W), "origin": np.kron(W, eye), "mixed": np.kron(W, W)}


def dense_filter(W: NDArray[np.float64], rho: dict[str, float]) -> NDArray[np.float64]:
    lags = dense(W)
    return np.eye(len(W) ** 2) - sum(value * lags[lag] for lag, value in rho.items())


def drawn(
    land: Country, rng: np.random.Generator, sd: float = 0.3, rho: dict[str, float] | None = None
) -> pd.DataFrame:
    """One sample of flows with spatial lags."""
    n = len(land.regions)
    errors = sd * rng.standard_normal((n, n))
    solution = land.solution(tuple((RHO if rho is None else rho).items()))
    logs = (solution @ (land.signal + errors).ravel()).reshape(n, n)
    return pd.DataFrame(np.exp(logs), land.regions, land.regions)


def balanced(seed: pd.DataFrame, rows: pd.Series, columns: pd.Series) -> NDArray[np.float64]:
    """RAS, the plainest way."""
    X = seed.to_numpy(float).copy()
    for _ in range(5000):
        X *= (rows.to_numpy() / X.sum(axis=1))[:, None]
        X *= columns.to_numpy() / X.sum(axis=0)
        if np.abs(X.sum(axis=1) - rows).max() < 1e-14 * rows.sum():
            break
    return X
