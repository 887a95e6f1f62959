"""A gravity model of trade, fitted to observed flows, and its predictions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.build.balancing.ras import ras
from carbonflows.build.gravity.constrained import entropy
from carbonflows.build.gravity.instruments import two_stage
from carbonflows.build.gravity.lags import LAGS, Lag, feasible, spectrum, unlagged
from carbonflows.build.gravity.likelihood import Lags, maximum_likelihood
from carbonflows.build.gravity.loglinear import least_squares
from carbonflows.build.gravity.ppml import pseudo_likelihood
from carbonflows.build.gravity.sample import (
    Diagonal,
    Estimate,
    Pairs,
    Sample,
    Zeros,
    in_logs,
    named,
    regressors,
    sample,
    square,
    totals,
)  # fmt: skip
from carbonflows.build.gravity.sandwich import StandardErrors
from carbonflows.errors import DataError, LabelError, some
from carbonflows.labels import Array

Method: TypeAlias = Literal["ols", "ppml", "constrained", "ml", "s2sls", "ols_lags"]


@dataclass(frozen=True, eq=False)
class GravityFit:
    """A fitted gravity model.

    Parameters
    ----------
    method : str
        How it was estimated, see `gravity`.
    coefficients : DataFrame (k, 3)
        By term, ``estimate``, ``standard_error`` and ``t``. Terms are ``constant``, ``origin`` and
        ``destination`` (elasticities to totals), ``distance`` (elasticity, below zero), the pair
        covariates and ``own region``.
    rho : DataFrame (q, 3)
        The same of spatial lags ``destination``, ``origin`` and ``mixed``; empty without lags.
    covariance : DataFrame (q + k, q + k)
        Of all of these.
    sigma : float
        Standard deviation of log flows' errors; NaN where flows are not in logs.
    n : int
        Pairs used.
    zeros : float
        Share of zero flows among the pairs given.
    log_likelihood : float
        Of log flows ("ols", "ml") or Poisson's without its constant ("ppml", "constrained").
    fitted : DataFrame (n, n)
        Fitted flows; zero where pairs were left out.
    diagonal : {"dummy", "drop"}
    neighbours : DataFrame (n, n), optional
        Row-stochastic weights of the lags.
    facts : dict
        What was left out, set or found on the way; ``smearing`` is the mean of observed over
        fitted flows, by which predictions of log models may be scaled.

    Examples
    --------
    >>> from carbonflows.build.gravity.fit import example, gravity
    >>> fit = gravity(*example(), method="ols", diagonal="drop")
    >>> fit.coefficients["estimate"].round(6).to_dict()
    {'constant': 1.0, 'origin': 0.8, 'destination': 0.9, 'distance': -1.1}
    >>> fit.predict(*example()[1:]).round(2).loc["a", "b"] == example()[0].round(2).loc["a", "b"]
    np.True_
    """

    method: Method
    coefficients: pd.DataFrame
    rho: pd.DataFrame
    covariance: pd.DataFrame
    sigma: float
    n: int
    zeros: float
    log_likelihood: float
    fitted: pd.DataFrame
    diagonal: Diagonal
    neighbours: pd.DataFrame | None
    facts: Mapping[str, Any]

    def predict(
        self,
        origin: "pd.Series[float]",
        destination: "pd.Series[float]",
        distance: pd.DataFrame,
        pairs: Pairs | None = None,
        *,
        neighbours: pd.DataFrame | None = None,
        empty: Literal["refuse", "zero"] = "refuse",
        smearing: bool = False,
    ) -> pd.DataFrame:
        """Flows between regions of given totals and distances.

        Parameters
        ----------
        origin, destination : Series (n,)
            What regions sell to and buy from others [money/yr or t/yr].
        distance : DataFrame (n, n)
            [km].
        pairs : mapping of name to DataFrame (n, n)
            The covariates of the fit.
        neighbours : DataFrame (n, n), optional
            Weights of these regions; those of the fit if they are the same regions.
        empty : {"refuse", "zero"}
            What becomes of regions whose total is zero: an error, or flows of zero. For the lags of
            others they then count as regions of mean (log) size, which moves predictions by a
            factor of origin and of destination only and is undone by balancing.
        smearing : bool
            Multiply by ``facts["smearing"]`` (Duan): means rather than medians of log models.

        Returns
        -------
        DataFrame (n, n)
            Flows by origin and destination, in the unit of the fitted ones. The totals are met by
            "constrained" only; balance the others. Without `diagonal` in the fit it is zero.

        Raises
        ------
        LabelError
            Regions that differ, or covariates that are not those of the fit.
        DataError
            Totals of zero, distances that are not positive, or lags that explode.
        BalanceError
            "constrained" with totals that have no solution.
        """
        regions = origin.index
        known = set(self.facts["pair_terms"])
        if known != set(pairs or {}):
            raise LabelError(
                f"pairs name {some(sorted(pairs or {})) or 'nothing'}, the fit "
                f"{some(sorted(known)) or 'nothing'}; give the same covariates"
            )
        sold, bought = (
            totals(v, regions, what)
            for v, what in ((origin, "origin"), (destination, "destination"))
        )
        nothing = (sold == 0)[:, None] | (bought == 0)
        if empty == "zero" or self.method == "constrained":
            origin, destination = (
                pd.Series(np.where(v > 0, v, _typical(v)), regions) for v in (sold, bought)
            )
        terms, X = regressors(regions, origin, destination, distance, pairs, self.diagonal)
        chosen = X[[terms.index(t) for t in self.coefficients.index]]
        b = self.coefficients["estimate"].fillna(0.0).to_numpy()
        log_flows = np.tensordot(b, chosen, 1)
        if len(self.rho):
            log_flows = unlagged(log_flows, self._weights(regions, neighbours), self._rho)
        flows = np.exp(log_flows)
        if smearing:
            flows *= self.facts["smearing"]
        flows[nothing] = 0.0
        if "separating" in self.facts:
            flows[_sure(self.facts["separating"], chosen, regions)] = 0.0
        if self.diagonal == "drop":
            np.fill_diagonal(flows, 0.0)
        if self.method == "constrained":
            seed = pd.DataFrame(flows, regions, regions)
            flows = ras(
                seed, pd.Series(sold, regions), pd.Series(bought, regions)
            ).values.to_numpy()
        made = pd.DataFrame(flows, regions, regions)
        made.attrs = {"gravity": self.method, "smearing": smearing, "empty": empty}
        return made

    def summary(self) -> pd.DataFrame:
        """Lags and coefficients (q + k, 3); pairs, fit and facts that are one number in `attrs`."""
        rho = self.rho.set_axis([f"rho {lag}" for lag in self.rho.index])
        made = pd.concat([rho, self.coefficients]) if len(rho) else self.coefficients.copy()
        made.attrs = {
            "method": self.method, "n": self.n, "zeros": self.zeros, "sigma": self.sigma,
            "log_likelihood": self.log_likelihood,
            **{k: v for k, v in self.facts.items() if isinstance(v, bool | int | float | str)},
        }  # fmt: skip
        return made

    @property
    def _rho(self) -> dict[Lag, float]:
        return cast(dict[Lag, float], self.rho["estimate"].to_dict())

    def _weights(self, regions: pd.Index, given: pd.DataFrame | None) -> Array:
        W = self.neighbours if given is None else given
        assert W is not None
        if given is None and set(W.index) != set(regions):
            raise LabelError("regions are not those of the fit; pass neighbours of these regions")
        weights = stochastic(W, regions)
        lags = cast(tuple[Lag, ...], tuple(self.rho.index))
        if not feasible(self.rho["estimate"].to_numpy(), spectrum(weights, lags)):
            raise DataError(
                f"lags {self.rho['estimate'].round(3).to_dict()} explode; estimate by method='ml'"
            )
        return weights


def gravity(
    flows: pd.DataFrame,
    origin: "pd.Series[float]",
    destination: "pd.Series[float]",
    distance: pd.DataFrame,
    *,
    method: Method,
    neighbours: pd.DataFrame | None = None,
    pairs: Pairs | None = None,
    diagonal: Diagonal = "dummy",
    zeros: Zeros = "refuse",
    standard_errors: StandardErrors | None = None,
    lags: Lags = LAGS,
) -> GravityFit:
    """Fit a gravity model to flows of a commodity between regions.

    Parameters
    ----------
    flows : DataFrame (n, n)
        By origin and destination [money/yr or t/yr]; NaN where a flow is not known.
    origin, destination : Series (n,)
        What regions sell and buy in all, above zero [money/yr or t/yr].
    distance : DataFrame (n, n)
        [km], of regions to themselves too (`own_distance`) unless the diagonal is dropped.
    method : {"ols", "ppml", "constrained", "ml", "s2sls", "ols_lags"}
        - "ols": least squares on logs;
        - "ppml": Poisson pseudo maximum likelihood, zeros included;
        - "constrained": doubly constrained (entropy); margins are those of `flows`;
        - "ml": logs with spatial lags, maximum likelihood;
        - "s2sls": the same by spatial two-stage least squares;
        - "ols_lags": the same by least squares. Inconsistent, to replicate older work only.
    neighbours : DataFrame (n, n), optional
        Row-stochastic weights with a zero diagonal; the lags' methods need them.
    pairs : mapping of name to DataFrame (n, n), optional
        Covariates of pairs, entered as they are (take logs first where logs are meant).
    diagonal : {"dummy", "drop"}
        Flows within regions: with a term of their own, or left out.
    zeros : {"refuse", "drop", "min_half"}
        Zero flows where logs are taken: an error, left out, or half the smallest positive flow.
        With "ppml" they are data, and "drop" leaves out only those that are predicted for certain.
    standard_errors : {"hc1", "two_way"}, optional
        Robust by pair (the default), or clustered by origin and destination. "ml" has
        those of the likelihood's observed information.
    lags : tuple of {"destination", "origin", "mixed"}, or "separable"
        Lags in the model; "separable" (with "ml") means all, rho_mixed = −rho_d rho_o.

    Returns
    -------
    GravityFit

    Raises
    ------
    LabelError
        Regions that are not the same everywhere.
    DataError
        Zero flows or totals without a log, distances of zero, missing pairs where lags need all,
        weights that are not row-stochastic, terms that are combinations of others.
    NotConverged
        An estimate that does not settle.

    Notes
    -----
    With lags, ``y = rho_d W_d y + rho_o W_o y + rho_w W_w y + X b + u`` for y = ln t, where
    ``W_d = I ⊗ W``, ``W_o = W ⊗ I``, ``W_w = W ⊗ W``, the log-determinant exact from the
    eigenvalues of W. Followed by balancing to totals, constant and totals' elasticities have no
    effect on flows: only distance, pair covariates and lags do.

    References
    ----------
    LeSage, J. and Pace, R. (2008), Spatial econometric modeling of origin-destination flows,
    J. Reg. Sci. 48:941. Santos Silva, J. and Tenreyro, S. (2006), The log of gravity, Rev. Econ.
    Stat. 88:641. Fally, T. (2015), Structural gravity and fixed effects, J. Int. Econ. 97:76.

    Examples
    --------
    >>> fit = gravity(*example(), method="ppml", diagonal="drop")
    >>> fit.coefficients.loc["distance", "estimate"].round(6), fit.n
    (np.float64(-1.1), 12)
    """
    for given, allowed, what in (
        (method, get_args(Method), "method"),
        (diagonal, get_args(Diagonal), "diagonal"),
        (zeros, get_args(Zeros), "zeros"),
        (standard_errors, (None, *get_args(StandardErrors)), "standard_errors"),
    ):
        if given not in allowed:
            raise DataError(f"{what}={given!r} is unknown; choose from {some(allowed, 9)}")
    data = sample(flows, origin, destination, distance, pairs, diagonal)
    errors: StandardErrors = standard_errors or "hc1"
    W = None
    if method in ("ml", "s2sls", "ols_lags"):
        if neighbours is None:
            raise DataError(f"{method!r} has lags and needs neighbours; make them by neighbours()")
        if standard_errors and method == "ml":
            raise DataError("standard_errors of 'ml' are the likelihood's own; leave them out")
        data, logs = in_logs(data, zeros, grid=repr(method))
        W = stochastic(neighbours, data.regions)
        found = _lagged_fit(method, data, logs, W, lags, errors)
    elif neighbours is not None or lags != LAGS:
        raise DataError(f"{method!r} has no lags; leave neighbours and lags out, or use 'ml'")
    elif method == "ols":
        data, logs = in_logs(data, zeros)
        found = least_squares(data, logs, errors)
    elif method == "ppml":
        found = pseudo_likelihood(data, zeros, errors)
    else:
        found = entropy(data, errors)
    weights = None if W is None else pd.DataFrame(W, data.regions, data.regions)
    return _reported(method, found, list(pairs or {}), diagonal, weights)


def _lagged_fit(
    method: Method, data: Sample, logs: Array, W: Array, lags: Lags, errors: StandardErrors
) -> Estimate:
    if lags != "separable" and (not lags or any(lag not in LAGS for lag in lags)):
        raise DataError(f"lags={lags!r} are unknown; choose from {some(LAGS)}")
    if method == "ml":
        return maximum_likelihood(data, logs, W, lags)
    if lags == "separable":
        raise DataError(f"lags='separable' is not made for {method!r}; use method='ml'")
    return two_stage(data, logs, W, lags, errors, instruments=method == "s2sls")


def _reported(
    method: Method,
    found: Estimate,
    pairs: list[str],
    diagonal: Diagonal,
    weights: pd.DataFrame | None,
) -> GravityFit:
    error = np.sqrt(found.covariance.diagonal())
    table = pd.DataFrame(
        {"estimate": found.values, "standard_error": error, "t": found.values / error},
        pd.Index(found.names, name="term"),
    )
    lag_rows = table.index.str.startswith("rho ") & (weights is not None)
    rho = table[lag_rows]
    data = found.sample
    used = data.used
    smearing = float((data.flows[used] / found.fitted[used]).mean())
    facts = {**data.facts, **found.facts, "pair_terms": pairs}
    if method not in ("ppml", "constrained"):
        facts["smearing"] = smearing
    fitted = np.where(used, found.fitted, 0.0)
    return GravityFit(
        method=method,
        coefficients=table[~lag_rows],
        rho=rho.set_axis(rho.index.str.removeprefix("rho ").rename("lag")),
        covariance=pd.DataFrame(found.covariance, table.index, table.index),
        sigma=found.sigma,
        n=int(used.sum()),
        zeros=data.facts["zeros"],
        log_likelihood=found.log_likelihood,
        fitted=pd.DataFrame(fitted, data.regions, data.regions),
        diagonal=diagonal,
        neighbours=weights,
        facts=facts,
    )


def stochastic(neighbours: pd.DataFrame, regions: pd.Index) -> Array:
    """Weights in the order of the regions; an error unless rows sum to one around a zero diagonal.

    Examples
    --------
    >>> regions = pd.Index(["a", "b"])
    >>> stochastic(pd.DataFrame([[0, 1], [1, 0]], regions, regions), regions)
    array([[0., 1.], [1., 0.]])
    """
    W = square(neighbours, regions, "neighbours")
    if not np.isfinite(W).all() or (W < 0).any():
        raise DataError("neighbours have weights below zero or not finite; correct them")
    if len(own := regions[W.diagonal() != 0]):
        raise DataError(f"neighbours: {some(own)} is its own neighbour; set the diagonal to zero")
    if len(off := regions[np.abs(W.sum(axis=1) - 1) > 1e-9]):
        raise DataError(
            f"neighbours of {some(off)} do not sum to one; divide rows by their sums, and give "
            "islands neighbours"
        )
    return W


def example() -> tuple[pd.DataFrame, "pd.Series[float]", "pd.Series[float]", pd.DataFrame]:
    """Flows of four regions that follow a gravity law without error, for examples and tests.

    Returns
    -------
    tuple of flows, origin totals, destination totals, distances

    Examples
    --------
    >>> flows, origin, destination, distance = example()
    >>> flows.shape, origin.tolist()
    ((4, 4), [100.0, 60.0, 40.0, 30.0])
    """
    regions = pd.Index(["a", "b", "c", "d"])
    origin = pd.Series([100.0, 60.0, 40.0, 30.0], regions)
    destination = pd.Series([50.0, 80.0, 70.0, 30.0], regions)
    place = np.array([0.0, 100.0, 250.0, 600.0])
    apart = np.abs(place[:, None] - place) + np.diag([30.0, 40.0, 50.0, 60.0])
    flows = np.exp(1.0) * np.outer(origin**0.8, destination**0.9) * apart**-1.1
    return (
        pd.DataFrame(flows, regions, regions), origin, destination,
        pd.DataFrame(apart, regions, regions),
    )  # fmt: skip


def _typical(values: Array) -> float:
    """Geometric mean of those above zero."""
    return float(np.exp(np.log(values[values > 0]).mean())) if (values > 0).any() else 1.0


def _sure(directions: Array, X: Array, regions: pd.Index) -> npt.NDArray[np.bool_]:
    """Pairs (n, n) whose flows are zero for certain."""
    found = np.zeros(X.shape[1:], dtype=bool)
    for direction in directions.T:
        says = np.tensordot(direction, X, 1)
        if (bad := (says < -1e-7) & ~found).any():
            raise DataError(
                f"flows {named(regions, bad)} are unlike any of the fit, whose zeros left a term "
                "without an estimate; leave the term out"
            )
        found |= says > 1e-7
    return found
