"""How close predicted flows come to observed ones, within a sample and out of it."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from carbonflows.build.gravity.fit import GravityFit, gravity
from carbonflows.build.gravity.sample import Pairs, square
from carbonflows.build.gravity.seeds import hulu_hewings, inverse_distance, proportional
from carbonflows.errors import DataError, LabelError, some


def goodness_of_fit(observed: pd.DataFrame, predicted: pd.DataFrame) -> "pd.Series[float]":
    """Measures of how far predicted flows are from observed ones.

    Parameters
    ----------
    observed, predicted : DataFrame (n, n)
        Flows by origin and destination in one unit. Pairs that are NaN in either are left out.

    Returns
    -------
    Series
        - ``rmse``: root mean squared error [unit of flows];
        - ``stpe``: standardised total percentage error, 100 Σ|t − t̂| / Σ t;
        - ``wad``: weighted absolute difference, Σ (t + t̂)|t − t̂| / Σ (t + t̂) [unit of flows];
        - ``theil_u``: √(Σ (t − t̂)² / Σ t²);
        - ``r2_logs``: 1 − Σ (ln t − ln t̂)² / Σ (ln t − mean)², pairs where both are above zero;
        - ``cosine``: Σ t t̂ / √(Σ t² Σ t̂²);
        - ``n``, ``n_logs``: pairs, and pairs in ``r2_logs``.

    Raises
    ------
    LabelError
        Regions that differ.
    DataError
        No pair to compare, or observed flows that are all zero.

    Examples
    --------
    >>> observed = pd.DataFrame([[0.0, 3.0], [4.0, 0.0]], ["a", "b"], ["a", "b"])
    >>> goodness_of_fit(observed, 0.5 * observed).round(3)[["rmse", "stpe", "cosine"]].to_dict()
    {'rmse': 1.25, 'stpe': 50.0, 'cosine': 1.0}
    """
    t = square(observed, observed.index, "observed")
    fitted = square(predicted, observed.index, "predicted")
    both = ~(np.isnan(t) | np.isnan(fitted))
    t, fitted = t[both], fitted[both]
    if not t.any():
        raise DataError("observed flows are all zero or missing; there is nothing to compare with")
    gap = np.abs(t - fitted)
    positive = (t > 0) & (fitted > 0)
    logs, log_fitted = np.log(t[positive]), np.log(fitted[positive])
    spread = float(((logs - logs.mean()) ** 2).sum()) if positive.any() else 0.0
    lengths = float(np.sqrt((t**2).sum() * (fitted**2).sum()))
    return pd.Series(
        {
            "rmse": float(np.sqrt((gap**2).mean())),
            "stpe": float(100 * gap.sum() / t.sum()),
            "wad": float(((t + fitted) * gap).sum() / (t + fitted).sum()),
            "theil_u": float(np.sqrt((gap**2).sum() / (t**2).sum())),
            "r2_logs": 1 - float(((logs - log_fitted) ** 2).sum()) / spread if spread else np.nan,
            "cosine": float((t * fitted).sum()) / lengths if lengths else np.nan,
            "n": float(len(t)),
            "n_logs": float(positive.sum()),
        }
    )


def cross_validate(
    flows: pd.DataFrame,
    origin: "pd.Series[float]",
    destination: "pd.Series[float]",
    distance: pd.DataFrame,
    models: Mapping[str, Mapping[str, Any]],
    *,
    folds: int = 5,
    seed: int = 0,
    scale: Literal["none", "origin"] = "none",
    pairs: Pairs | None = None,
    neighbours: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Predict the flows of origins that were held out, by models and by seeds without estimates.

    Parameters
    ----------
    flows, origin, destination, distance
        As for `gravity`.
    models : mapping of name to mapping
        Arguments of `gravity` for each model, as ``{"ppml": {"method": "ppml"}}``.
    folds : int
        Groups of origins, each held out once; 2 to n.
    seed : int
        Of the draw of groups.
    scale : {"none", "origin"}
        Compare predictions as they are, or each origin's scaled to its observed sum, as balancing
        would. The seeds meet totals by construction, so "origin" is the fairer contest.
    pairs, neighbours
        For models that take them: covariates for all, neighbours for those with lags.

    Returns
    -------
    DataFrame (models + 3, 8)
        `goodness_of_fit` of held-out pairs, with the seeds ``proportional``, ``inverse distance``
        and ``hulu-hewings`` as rivals, over pairs of different regions. `attrs` hold the folds.

    Raises
    ------
    DataError
        A number of folds that cannot be, or regions left without neighbours.

    Notes
    -----
    Models with lags need all pairs of regions: held-out origins leave their sample as destinations
    too, and the others' weights are divided by what is left of them. "constrained" takes its decay
    from the other origins and meets the totals given, which must then be those of its pairs.

    Examples
    --------
    >>> from carbonflows.build.gravity.fit import example
    >>> measures = cross_validate(
    ...     *example(), {"ols": {"method": "ols", "diagonal": "drop"}}, folds=2
    ... )
    >>> measures["stpe"].idxmin(), measures["stpe"].min() < 1e-9
    ('ols', np.True_)
    """
    regions = flows.index
    if not 2 <= folds <= len(regions):
        raise DataError(f"folds={folds} of {len(regions)} origins; choose 2 to the number of them")
    rivals = {
        "proportional": proportional(origin, destination),
        "inverse distance": inverse_distance(origin, distance),
        "hulu-hewings": hulu_hewings(origin, destination, distance),
    }
    if same := [name for name in models if name in rivals]:
        raise LabelError(f"models: {some(same)} is the name of a seed; choose another")
    groups = np.array_split(np.random.default_rng(seed).permutation(len(regions)), folds)
    predicted = {**rivals}
    for name, options in models.items():
        made = pd.DataFrame(np.nan, regions, regions)
        for group in groups:
            out = regions[group]
            fit, weights = _without(
                out, flows, origin, destination, distance, pairs, neighbours, dict(options)
            )
            found = fit.predict(origin, destination, distance, pairs, neighbours=weights)
            made.loc[out] = found.loc[out, regions]
        predicted[name] = made
    observed = flows.loc[regions, regions].mask(np.eye(len(regions), dtype=bool))
    rows = {}
    for name in [*models, *rivals]:
        guess = predicted[name].loc[regions, regions].where(observed.notna())
        if scale == "origin":
            guess = guess.mul(observed.sum(axis=1) / guess.sum(axis=1), axis=0)
        rows[name] = goodness_of_fit(observed, guess)
    table = pd.DataFrame(rows).T.rename_axis("model")
    table.attrs = {"folds": [regions[g].tolist() for g in groups], "seed": seed, "scale": scale}
    return table


def _without(
    out: pd.Index,
    flows: pd.DataFrame,
    origin: "pd.Series[float]",
    destination: "pd.Series[float]",
    distance: pd.DataFrame,
    pairs: Pairs | None,
    neighbours: pd.DataFrame | None,
    options: dict[str, Any],
) -> tuple[GravityFit, pd.DataFrame | None]:
    """Fit without some origins, and the weights to predict with if the model has lags."""
    if options["method"] not in ("ml", "s2sls", "ols_lags"):
        known = flows.copy()
        known.loc[out] = np.nan
        return gravity(known, origin, destination, distance, pairs=pairs, **options), None
    if neighbours is None:
        raise DataError(f"{options['method']!r} has lags and needs neighbours; pass them")
    kept = flows.index.difference(out, sort=False)
    left = neighbours.loc[kept, kept]
    sums = left.sum(axis=1)
    if len(alone := sums.index[sums == 0]):
        raise DataError(
            f"{some(alone)} has no neighbours without {some(out)}; use more folds, or weights with "
            "more neighbours"
        )
    fit = gravity(
        flows.loc[kept, kept],
        origin.loc[kept],
        destination.loc[kept],
        distance.loc[kept, kept],
        neighbours=left.div(sums, axis=0),
        pairs={name: cells.loc[kept, kept] for name, cells in (pairs or {}).items()},
        **options,
    )
    return fit, neighbours
