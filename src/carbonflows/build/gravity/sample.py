"""Observed flows beside what should explain them: labels matched once, every gap accounted for."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import qr

from carbonflows.errors import DataError, LabelError, some
from carbonflows.labels import Array, repeated, same_labels

Pairs: TypeAlias = Mapping[str, pd.DataFrame]
Diagonal: TypeAlias = Literal["dummy", "drop"]
Zeros: TypeAlias = Literal["drop", "refuse", "min_half"]

MARGINS = ("constant", "origin", "destination")
OWN = "own region"


@dataclass(frozen=True, eq=False)
class Sample:
    """Flows (n, n), regressors (k, n, n) and the pairs that are used (n, n)."""

    regions: pd.Index
    flows: Array
    X: Array
    terms: list[str]
    used: npt.NDArray[np.bool_]
    diagonal: Diagonal
    facts: dict[str, Any]

    @property
    def columns(self) -> Array:
        """Regressors of the pairs in use (N, k)."""
        return self.X[:, self.used].T

    def only(self, used: npt.NDArray[np.bool_], **facts: Any) -> "Sample":
        """The same with fewer pairs and a word on it."""
        return Sample(
            self.regions, self.flows, self.X, self.terms, used, self.diagonal,
            {**self.facts, **facts},
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Estimate:
    """What an estimator found: names (p,), values (p,), covariance (p, p), fitted flows (n, n)."""

    names: list[str]
    values: Array
    covariance: Array
    fitted: Array
    sigma: float
    log_likelihood: float
    sample: Sample
    facts: dict[str, Any]


def sample(
    flows: pd.DataFrame,
    origin: "pd.Series[float]",
    destination: "pd.Series[float]",
    distance: pd.DataFrame,
    pairs: Pairs | None,
    diagonal: Diagonal,
) -> Sample:
    """Match labels and check numbers; pairs without a flow (NaN) are out of use."""
    regions = flows.index
    if twice := repeated(regions):
        raise LabelError(f"flows name {some(twice)} twice; name each region once")
    observed = square(flows, regions, "flows")
    used = ~np.isnan(observed)
    if diagonal == "drop":
        np.fill_diagonal(used, False)
    for bad, what in ((observed < 0, "below zero"), (np.isinf(observed), "infinite")):
        if (bad & used).any():
            raise DataError(f"flows {named(regions, bad & used)} are {what}; correct them")
    if diagonal == "dummy" and not used.diagonal().any():
        raise DataError(
            "flows within regions are all missing; pass diagonal='drop' to leave them out"
        )
    if not (observed[used] > 0).any():
        raise DataError("flows are all zero or missing; give at least some that are not")
    terms, X = regressors(regions, origin, destination, distance, pairs, diagonal)
    facts = {
        "pairs": int(used.sum()),
        "unobserved": int(np.isnan(observed).sum()),
        "zeros": float((observed[used] == 0).mean()),
    }
    return Sample(regions, observed, X, terms, used, diagonal, facts)


def regressors(
    regions: pd.Index,
    origin: "pd.Series[float]",
    destination: "pd.Series[float]",
    distance: pd.DataFrame,
    pairs: Pairs | None,
    diagonal: Diagonal,
) -> tuple[list[str], Array]:
    """Names (k,) and values (k, n, n): constant, logs of totals and distance, pairs, own region."""
    n = len(regions)
    apart = square(distance, regions, "distance")
    inside = np.eye(n, dtype=bool)
    if diagonal == "drop":
        np.fill_diagonal(apart, 1.0)
    near = ~(np.isfinite(apart) & (apart > 0))
    if (near & inside).any():
        raise DataError(
            f"distance of {some(regions[near.diagonal()])} to itself is not positive; set it with "
            "own_distance, or pass diagonal='drop'"
        )
    if near.any():
        raise DataError(f"distance {named(regions, near)} is not positive; correct it")
    columns = {
        "constant": np.ones((n, n)),
        "origin": np.tile(_log_total(origin, regions, "origin")[:, None], n),
        "destination": np.tile(_log_total(destination, regions, "destination"), (n, 1)),
        "distance": np.log(apart),
    }
    for name, values in (pairs or {}).items():
        if name in columns or name == OWN:
            raise LabelError(f"pairs: {name!r} is a term of every model; choose another name")
        cells = square(values, regions, f"pairs {name!r}")
        if diagonal == "drop":
            np.fill_diagonal(cells, 0.0)
        if (bad := ~np.isfinite(cells)).any():
            raise DataError(f"pairs {name!r}: {named(regions, bad)} is not finite; fill it")
        columns[name] = cells
    if diagonal == "dummy":
        columns[OWN] = np.eye(n)
    return list(columns), np.array(list(columns.values()))


def square(frame: pd.DataFrame, regions: pd.Index, what: str) -> Array:
    """Values by region and region, in the order of the regions; a copy."""
    for axis, found in (("rows", frame.index), ("columns", frame.columns)):
        if twice := repeated(found):
            raise LabelError(f"{what}: {axis} name {some(twice)} twice; name each region once")
        same_labels(found, regions, f"{what} {axis}", "the regions")
    try:
        return np.array(frame.loc[regions, regions], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what}: a cell is no number ({error}); correct it") from None


def totals(values: "pd.Series[float]", regions: pd.Index, what: str) -> Array:
    """Totals in the order of the regions, none below zero (n,)."""
    if twice := repeated(values.index):
        raise LabelError(f"{what}: {some(twice)} is there twice; name each region once")
    same_labels(values.index, regions, f"{what} totals", "the regions")
    found = np.array(values.loc[regions], dtype=np.float64)
    if len(bad := regions[~(np.isfinite(found) & (found >= 0))]):
        raise DataError(f"{what} totals of {some(bad)} are not numbers from zero up; correct them")
    return found


def _log_total(values: "pd.Series[float]", regions: pd.Index, what: str) -> Array:
    found = totals(values, regions, what)
    if len(none := regions[found == 0]):
        raise DataError(
            f"{what} totals of {some(none)} are zero and have no log; leave these regions out, or "
            "pass empty='zero' to a prediction"
        )
    return np.log(found)


def in_logs(data: Sample, zeros: Zeros, grid: str = "") -> tuple[Sample, Array]:
    """Sample and log flows (n, n), zero flows treated as asked for.

    `grid` names the method if it needs every pair of regions.
    """
    if grid and not data.used.all():
        gaps = ~data.used
        if data.diagonal == "drop":
            raise DataError(f"diagonal='drop' leaves gaps that {grid} cannot have; use 'dummy'")
        raise DataError(
            f"flows {named(data.regions, gaps)} are missing and {grid} needs every pair; "
            "give them, or use 'ols' or 'ppml'"
        )
    empty = data.used & (data.flows == 0)
    flows = data.flows.copy()
    if empty.any():
        if zeros == "refuse":
            raise DataError(
                f"flows {named(data.regions, empty)} are zero and have no log; pass zeros='drop' or"
                " 'min_half', or use method='ppml'"
            )
        if zeros == "drop" and grid:
            raise DataError(
                f"zeros='drop' leaves gaps that {grid} cannot have; pass zeros='min_half'"
            )
        if zeros == "drop":
            data = data.only(data.used & ~empty, dropped=int(empty.sum()))
        else:
            least = float(flows[data.used & ~empty].min()) / 2
            flows[empty] = least
            data = data.only(data.used, zeros_set_to=least)
    return data, np.log(np.where(data.used, flows, 1.0))


def check_rank(columns: Array, terms: list[str]) -> None:
    """Raise at terms that others already say, or at more terms than pairs."""
    rows, count = columns.shape
    if rows <= count:
        raise DataError(f"{rows} flows for {count} coefficients; give more flows or fewer terms")
    length = np.linalg.norm(columns, axis=0)
    size = np.abs(columns).max(axis=0)
    if len(none := np.flatnonzero(size == 0)):
        raise DataError(f"{some(terms[i] for i in none)} is zero in all pairs used; leave it out")
    _, R, order = qr(columns / length, mode="economic", pivoting=True)
    small = np.abs(R.diagonal()) < 1e-9
    if small.any():
        raise DataError(
            f"{some(terms[i] for i in order[small])} is a combination of the other terms; leave "
            "it out"
        )


def named(regions: pd.Index, cells: npt.NDArray[np.bool_]) -> str:
    """Pairs of regions for a message, as origin/destination."""
    where: list[tuple[Hashable, Hashable]] = [
        (regions[r], regions[s]) for r, s in np.argwhere(cells)
    ]
    return some(where)
