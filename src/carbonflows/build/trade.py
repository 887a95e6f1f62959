"""Trade between regions estimated from what each sends and receives in all."""

from collections.abc import Hashable, Mapping
from typing import Literal, Protocol, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.build.gravity.seeds import hulu_hewings, inverse_distance, proportional
from carbonflows.errors import (
    BalanceError,
    DataError,
    LabelError,
    NotConverged,
    ShapeError,
    some,
    suggested,
)
from carbonflows.labels import Array, repeated

Seed: TypeAlias = Literal["hulu_hewings", "inverse_distance", "proportional"]
SLACK = 1e-9


class Fitted(Protocol):
    """A fitted model of trade, such as a gravity fit."""

    def predict(
        self, origin: pd.Series, destination: pd.Series, distance: pd.DataFrame
    ) -> pd.DataFrame:
        """Flows by origin and destination (r, r), up to a factor."""


Model: TypeAlias = Seed | Fitted


def estimate_trade(
    outflow: pd.DataFrame,
    inflow: pd.DataFrame,
    distance: pd.DataFrame,
    *,
    model: Model | Mapping[str, Model] = "hulu_hewings",
    decay: float = 1.0,
    pooled: float = 0.6,
) -> pd.DataFrame:
    """Estimate who sends how much to whom, so that every region's totals are met.

    Parameters
    ----------
    outflow, inflow : DataFrame (r, h)
        To and from all other regions of the country, by region and sector, not negative [money/yr].
        Over all regions they agree, sector by sector.
    distance : DataFrame (r, r)
        From origin (rows) to destination (columns), above zero off the diagonal [km].
    model : {"hulu_hewings", "inverse_distance", "proportional"}, fitted model, or mapping
        What trade looks like before it is balanced. A fitted model has
        ``.predict(origin, destination, distance)`` and returns flows (r, r); a mapping from sector
        to model gives every sector that is traded its own.
    decay : float
        Exponent of distance in ``hulu_hewings`` and ``inverse_distance``.
    pooled : float
        Weight of distance in ``hulu_hewings``, from 0 to 1; the rest goes by size of destination.

    Returns
    -------
    DataFrame (h·r, r)
        Rows ``(sector, origin)``, columns destination [money/yr]; zero from a region to itself.
        ``attrs`` say that the flows are estimated: ``"method"``; ``"models"``, the model by sector;
        ``"quality"``, by sector the total, mean distance [km], share of the total that balancing
        moved, its rounds and residual [of the total]; ``"hubs"``, sectors in which one region
        is a side of every flow, so that totals leave nothing to a model; ``"floored"``, how many
        totals of zero a fitted model was shown as the smallest that is not.

    Raises
    ------
    LabelError
        Regions or sectors that are missing, repeated or too many; a model that is unknown.
    DataError
        Totals that are negative, distances that are not above zero, or flows predicted by a model
        that are not finite or negative.
    BalanceError
        Outflow and inflow that disagree, or totals that no trade can meet: a region that sends and
        receives more than all flows together would have to trade with itself.
    NotConverged
        Totals that the flows predicted by a model meet only in the limit.

    Notes
    -----
    Seeds (r ≠ s; balanced by RAS to outflow ``O`` and inflow ``D``):

    * ``proportional``: ``O_r D_s``
    * ``inverse_distance``: ``O_r D_s d_rs^−decay``
    * ``hulu_hewings``: ``a O_r d_rs^−decay / Σ_q d_rq^−decay + (1 − a) O_r D_s / Σ_{q≠r} D_q``
      with ``a`` the `pooled` weight

    RAS takes any factor of origin or of destination away, so of a gravity model only distance,
    covariates of pairs and spatial lags matter here. Zero on the diagonal is possible if and only
    if ``O_r + D_r`` is no more than the total, for each region.

    References
    ----------
    Hulu and Hewings (1993). Miller and Blair (2009), chapter 8.

    Examples
    --------
    >>> regions = ["east", "middle", "west"]
    >>> outflow = pd.DataFrame({"coal": [10.0, 40, 50]}, regions)
    >>> inflow = pd.DataFrame({"coal": [60.0, 30, 10]}, regions)
    >>> distance = pd.DataFrame([[0, 1, 2], [1, 0, 1], [2, 1, 0]], regions, regions) * 500.0
    >>> trade = estimate_trade(outflow, inflow, distance, model="inverse_distance")
    >>> trade.loc["coal"].sum(axis=1).round(6).tolist()
    [10.0, 40.0, 50.0]
    >>> trade.attrs["models"]
    {'coal': 'inverse distance, decay 1'}
    """
    regions, sectors = outflow.index, outflow.columns
    sent, received = _totals(outflow, inflow)
    km = _distance(distance, regions)
    _refuse_apart(sent, received, sectors)
    _refuse_impossible(sent, received, regions, sectors)
    if not 0 <= pooled <= 1:
        raise DataError(f"pooled = {pooled} is outside [0, 1]; 0.6 is usual")
    if not 0 <= decay < np.inf:
        raise DataError(f"decay = {decay} is not a finite number from 0 on; 1 is usual")
    traded = sent.sum(axis=0) > 0
    models = _by_sector(model, sectors, traded)

    flows = np.zeros((len(sectors), len(regions), len(regions)))
    told = {str(sector): "no trade" for sector in sectors}
    quality: dict[str, dict[str, float]] = {}
    hubs: dict[str, str] = {}
    floored: dict[str, int] = {}
    for k in np.flatnonzero(traded).tolist():
        name, chosen, out, into = str(sectors[k]), models[sectors[k]], sent[:, k], received[:, k]
        told[name] = _told(chosen, decay, pooled)
        hub = int(np.argmax(out + into))
        if out[hub] + into[hub] >= out.sum() * (1 - SLACK):
            # All others trade with the hub alone; RAS would only creep towards their zeros.
            flows[k, hub], flows[k, :, hub] = into, out
            flows[k, hub, hub] = 0.0
            hubs[name] = str(regions[hub])
            took = {"moved": 0.0, "iterations": 0}
        else:
            if isinstance(chosen, str):
                seed = _seed(chosen, out, into, km.to_numpy(), decay, pooled)
            else:
                seed, zeros = _predicted(chosen, out, into, km, name)
                if zeros:
                    floored[name] = zeros
            flows[k], took = _balanced(seed, out, into, regions, name)
        quality[name] = _quality(flows[k], out, into, km.to_numpy()) | took
    rows = pd.MultiIndex.from_product([sectors, regions], names=["sector", "origin"])
    trade = pd.DataFrame(
        flows.reshape(-1, len(regions)), rows, pd.Index(regions, name="destination")
    )
    trade.attrs |= {
        "method": "estimated from totals: seeds by model, balanced by RAS",
        "models": told,
        "quality": quality,
        "hubs": hubs,
        "floored": floored,
    }
    return trade


def _balanced(
    seed: Array, out: Array, into: Array, regions: pd.Index, sector: str
) -> tuple[Array, dict[str, float]]:
    """Flows that meet the totals, and what that took."""
    from carbonflows.build.balancing.ras import ras

    started, rounds = _started(seed, out, into)
    rows = pd.Series(out, regions)
    columns = pd.Series(into * (out.sum() / into.sum()), regions)  # they agree but for rounding
    try:
        balanced = ras(pd.DataFrame(started, regions, regions), rows, columns)
    except (BalanceError, NotConverged) as error:
        raise type(error)(f"{sector}: {error}", **error.facts) from error
    flows = np.asarray(balanced.values, dtype=float)
    moved = np.abs(flows / flows.sum() - seed / seed.sum()).sum() / 2
    return flows, {"moved": float(moved), "iterations": rounds + int(balanced.iterations)}


def _started(seed: Array, out: Array, into: Array, most: int = 1000) -> tuple[Array, int]:
    """Scale a seed nearly to its totals, and say in how many rounds.

    Plain RAS needs tens of thousands of iterations if one region is a side of nearly every flow,
    for then the flows among the others are tied to it only weakly. What these sum to is known;
    scaling them to that as well is a scaling of rows and columns, so that the limit stays what it
    is, and a dozen rounds suffice.
    """
    hub = int(np.argmax(out + into))
    others = np.ones(seed.shape, dtype=bool)
    others[hub, :] = others[:, hub] = False
    left = out.sum() - out[hub] - into[hub]
    flows = seed.copy()
    for done in range(1, most + 1):
        flows *= _ratio(out, flows.sum(axis=1))[:, None]
        flows *= _ratio(into, flows.sum(axis=0))
        if (among := flows[others].sum()) > 0:
            flows[others] *= left / among
        missed = [
            np.abs(flows.sum(axis=1 - k) - t) > 1e-12 * t + 1e-15 * out.sum()
            for k, t in enumerate((out, into))
        ]
        if not np.any(missed):
            return flows, done
    return flows, most


def _ratio(wanted: Array, found: Array) -> Array:
    """Factor from found to wanted; one where nothing is found, for `ras` to say so."""
    return np.divide(wanted, found, out=np.ones_like(wanted), where=found > 0)


def _quality(flows: Array, out: Array, into: Array, km: Array) -> dict[str, float]:
    """What the balanced flows of one sector look like."""
    total = flows.sum()
    missed = max(np.abs(flows.sum(axis=1) - out).max(), np.abs(flows.sum(axis=0) - into).max())
    return {
        "total": float(total),
        "mean_distance": float((flows * np.where(flows > 0, km, 0.0)).sum() / total),
        "residual": float(missed / total),
    }


def _seed(kind: Seed, out: Array, into: Array, km: Array, decay: float, pooled: float) -> Array:
    """Flows before balancing (r, r)."""
    sold, bought, apart = pd.Series(out), pd.Series(into), pd.DataFrame(km)
    if kind == "proportional":
        seed = proportional(sold, bought)
    elif kind == "inverse_distance":
        seed = inverse_distance(sold, apart, power=decay) * into
    else:
        seed = hulu_hewings(sold, bought, apart, near=pooled, power=decay)
    return seed.to_numpy()


def _predicted(
    model: Fitted, out: Array, into: Array, km: pd.DataFrame, sector: str
) -> tuple[Array, int]:
    """Flows by a fitted model (r, r) with zero diagonal, and how many totals were floored."""
    regions = km.index
    # A row or column whose total is zero ends as zero; models in logarithms need a number there.
    origin, destination = (
        pd.Series(np.where(t > 0, t, t[t > 0].min()), regions) for t in (out, into)
    )
    flows = _conformed(
        model.predict(origin, destination, km), regions, regions,
        f"{sector}: the prediction of the fitted model",
    )  # fmt: skip
    seed = flows.to_numpy(dtype=float, copy=True)
    np.fill_diagonal(seed, 0.0)
    bad = ~(np.isfinite(seed) & (seed >= 0))
    if bad.any():
        r, s = np.argwhere(bad)[0]
        raise DataError(
            f"{sector}: the fitted model predicts {seed[r, s]:g} from {regions[r]} to "
            f"{regions[s]}; choose another model for this sector"
        )
    return seed, int((out == 0).sum() + (into == 0).sum())


def _by_sector(
    model: Model | Mapping[str, Model], sectors: pd.Index, traded: npt.NDArray[np.bool_]
) -> dict[Hashable, Model]:
    """One checked model for each sector that is traded."""
    if isinstance(model, Mapping):
        if missing := [s for s in sectors[traded] if s not in model]:
            raise LabelError(f"model lacks {some(missing)}; give a model for every traded sector")
        if extra := [s for s in model if s not in sectors]:
            way = suggested(map(str, extra), sectors, f"choose from {some(sectors)}")
            raise LabelError(f"model has {some(extra)}, no sector of outflow; {way}")
        models = {s: model[str(s)] for s in sectors[traded]}
    else:
        models = dict.fromkeys(sectors[traded], model)
    for chosen in models.values():
        if not callable(getattr(chosen, "predict", None)) and chosen not in get_args(Seed):
            known = some(get_args(Seed))
            way = suggested([str(chosen)], get_args(Seed), f"choose from {known} or a fitted model")
            raise LabelError(f"model {str(chosen)!r} is not known; {way}")
    return models


def _told(model: Model, decay: float, pooled: float) -> str:
    """The model in words."""
    if model == "proportional":
        return "proportional"
    if model == "inverse_distance":
        return f"inverse distance, decay {decay:g}"
    if model == "hulu_hewings":
        return f"Hulu-Hewings, pooled {pooled:g}, decay {decay:g}"
    return f"{type(model).__name__} {getattr(model, 'method', '')}".strip()


def _totals(outflow: pd.DataFrame, inflow: pd.DataFrame) -> tuple[Array, Array]:
    """Outflow and inflow as arrays in one order, checked."""
    arrays = []
    for what, frame in (("outflow", outflow), ("inflow", inflow)):
        conformed = _conformed(frame, outflow.index, outflow.columns, what)
        values = conformed.to_numpy(dtype=float)
        bad = ~(np.isfinite(values) & (values >= 0))
        if bad.any():
            r, k = np.argwhere(bad)[0]
            raise DataError(
                f"{what} of {some([(outflow.index[r], outflow.columns[k])])} is {values[r, k]:g}; "
                "give finite numbers that are not negative"
            )
        arrays.append(values)
    if len(outflow) < 2:
        raise ShapeError(f"outflow has {len(outflow)} region; give all that trade, two or more")
    return arrays[0], arrays[1]


def _distance(distance: pd.DataFrame, regions: pd.Index) -> pd.DataFrame:
    """Distances in the order of the regions, checked off the diagonal."""
    km = _conformed(distance, regions, regions, "distance").astype(float)
    off = ~np.eye(len(regions), dtype=bool)
    bad = off & ~(np.isfinite(km.to_numpy()) & (km.to_numpy() > 0))
    if bad.any():
        r, s = np.argwhere(bad)[0]
        raise DataError(
            f"distance from {regions[r]} to {regions[s]} is {km.iloc[r, s]:g}; give km above zero"
        )
    return km


def _conformed(frame: pd.DataFrame, rows: pd.Index, columns: pd.Index, what: str) -> pd.DataFrame:
    """Put rows and columns in the given order, or say which are missing or too many."""
    for found, wanted in ((frame.index, rows), (frame.columns, columns)):
        if twice := repeated(found):
            raise LabelError(f"{what} has {some(twice)} twice; name each once")
        missing = [label for label in wanted if label not in found]
        extra = [label for label in found if label not in wanted]
        if missing or extra:
            told = f"lacks {some(missing)}" if missing else f"has {some(extra)} too many"
            raise LabelError(f"{what} {told}; give the regions and sectors of outflow")
    return frame.loc[rows, columns]


def _refuse_apart(sent: Array, received: Array, sectors: pd.Index) -> None:
    """Raise where regions send in all something else than they receive."""
    out, into = sent.sum(axis=0), received.sum(axis=0)
    apart = np.flatnonzero(np.abs(out - into) > SLACK * np.maximum(out, into)).tolist()
    if apart:
        told = some(
            f"{sectors[k]} (sent {out[k]:g}, received {into[k]:g}, "
            f"{_percent(into[k] - out[k], out[k])})"
            for k in apart
        )
        raise BalanceError(
            f"outflow and inflow over all regions disagree for {told}; reconcile them first",
            sectors=list(sectors[apart]),
        )


def _percent(gap: float, whole: float) -> str:
    return f"{100 * gap / whole:+.1f} %" if whole else "nothing sent"


def _refuse_impossible(sent: Array, received: Array, regions: pd.Index, sectors: pd.Index) -> None:
    """Raise where a region would have to trade with itself."""
    total = sent.sum(axis=0)
    over = np.argwhere((sent + received - total > SLACK * total).T)
    if len(over):
        told = some(
            f"{sectors[k]} ({regions[r]} sends {sent[r, k]:g} and receives {received[r, k]:g} of "
            f"{total[k]:g} in all)"
            for k, r in over.tolist()
        )
        raise BalanceError(
            f"no trade meets the totals of {told}: more than all flows together; lower outflow and "
            "inflow of that region alike",
            sectors=list(dict.fromkeys(sectors[over[:, 0]])),
        )
