"""The law behind the synthetic country's trade: gravity with spatial lags."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, some
from carbonflows.labels import Array

TERMS = ("constant", "origin", "destination", "distance", "own region")
LAGS = ("destination", "origin", "mixed")


@dataclass(frozen=True)
class GravityLaw:
    """Spatial-lag gravity law of flows between provinces (LeSage and Pace 2008).

    Parameters
    ----------
    b : mapping of str to float
        ``constant``; the elasticities of ``origin``, ``destination`` and ``distance``; ``own
        region``, what is added inside a province.
    rho : mapping of str to float
        Lags: ``destination`` (flows from the same origin to the neighbours of the destination),
        ``origin`` (from the neighbours of the origin to the same destination), ``mixed``.
    sigma : float
        Standard deviation of the disturbance.

    Raises
    ------
    LabelError
        A term or lag too few or too many.
    DataError
        Lags without a stable solution, or a standard deviation below zero.

    Notes
    -----
    With logs of flows ``T`` (origin × destination), row-stochastic neighbours ``W`` and
    disturbance ``U``::

        T = ρ_d T W' + ρ_o W T + ρ_w W T W' + b_0 + b_1 ln O + b_2 ln D + b_3 ln d + b_4 own + U

    Examples
    --------
    >>> W = pd.DataFrame([[0.0, 1], [1, 0]], ["a", "b"], ["a", "b"])
    >>> size = pd.Series([10.0, 20], ["a", "b"])
    >>> distance = pd.DataFrame([[1.0, 5], [5, 1]], ["a", "b"], ["a", "b"])
    >>> plain = GravityLaw({"constant": 0, "origin": 1, "destination": 1, "distance": -1,
    ...                     "own region": 0},
    ...                    dict(destination=0, origin=0, mixed=0), 0)
    >>> plain.flows(size, size, distance, W).round(6).values.tolist()
    [[100.0, 40.0], [40.0, 400.0]]
    """

    b: Mapping[str, float]
    rho: Mapping[str, float]
    sigma: float

    def __post_init__(self) -> None:
        for what, given, wanted in (("b", self.b, TERMS), ("rho", self.rho, LAGS)):
            if set(given) != set(wanted):
                raise LabelError(f"{what} has {some(given)}: give {some(wanted)}")
        total = sum(abs(value) for value in self.rho.values())
        if not total < 1:
            raise DataError(
                f"rho has absolute values that sum to {total:g}: choose less than 1, or flows have "
                "no stable solution"
            )
        if not (np.isfinite(self.sigma) and self.sigma >= 0):
            raise DataError(f"sigma is {self.sigma}: give a number of zero or more")

    def flows(
        self,
        origin: pd.Series,
        destination: pd.Series,
        distance: pd.DataFrame,
        neighbours: pd.DataFrame,
        rng: np.random.Generator | None = None,
    ) -> pd.DataFrame:
        """Return what the law makes of given totals (r, r).

        Parameters
        ----------
        origin, destination : Series (r,)
            What each province sells to, and buys from, the whole country including itself, above
            zero.
        distance : DataFrame (r, r)
            Origin × destination [km].
        neighbours : DataFrame (r, r)
            Row-stochastic weights.
        rng : numpy Generator, optional
            Draws the disturbance; without it there is none.
        """
        regions = distance.index
        noise = 0.0 if rng is None else rng.normal(0, self.sigma, distance.shape)
        logs = self.logs(
            origin.loc[regions].to_numpy(dtype=float),
            destination.loc[regions].to_numpy(dtype=float),
            distance.loc[regions, regions].to_numpy(dtype=float),
            neighbours.loc[regions, regions].to_numpy(dtype=float),
            noise,
        )
        return pd.DataFrame(np.exp(logs), distance.index, distance.columns)

    def logs(
        self,
        origin: Array,
        destination: Array,
        distance: Array,
        neighbours: Array,
        disturbance: Array | float,
    ) -> Array:
        """Return logs of flows (…, r, r) for totals (…, r)."""
        b = self.b
        regions = len(distance)
        systematic = (
            b["constant"]
            + b["origin"] * np.log(origin)[..., :, None]
            + b["destination"] * np.log(destination)[..., None, :]
            + b["distance"] * np.log(distance)
            + b["own region"] * np.eye(regions)
            + disturbance
        )
        W, one = neighbours, np.eye(regions)
        system = np.eye(regions**2) - (
            self.rho["destination"] * np.kron(one, W)
            + self.rho["origin"] * np.kron(W, one)
            + self.rho["mixed"] * np.kron(W, W)
        )
        flat = systematic.reshape(-1, regions**2).T
        return np.linalg.solve(system, flat).T.reshape(systematic.shape)


def default_law(sigma: float) -> GravityLaw:
    """Return the law that trade follows unless told otherwise.

    Examples
    --------
    >>> default_law(0.3).b["distance"]
    -0.7
    """
    return GravityLaw(
        b={
            "constant": 1.0, "origin": 0.5, "destination": 0.5, "distance": -0.7, "own region": 1.5,
        },
        rho={"destination": 0.3, "origin": 0.25, "mixed": -0.06},
        sigma=sigma,
    )  # fmt: skip
