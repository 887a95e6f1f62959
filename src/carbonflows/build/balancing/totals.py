"""Outflow and inflow totals that disagree, made to agree before trade is balanced to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.build.balancing.margins import finite
from carbonflows.errors import BalanceError, DataError, LabelError, some
from carbonflows.labels import Array, repeated, same_labels

Policy: TypeAlias = Literal["outflow", "inflow", "geometric", "min_variance"]
POLICIES = ("outflow", "inflow", "geometric", "min_variance")
WORTH = 0.5
"""Largest disagreement that a message offers to accept."""


@dataclass(frozen=True, eq=False)
class Agreed:
    """Outflow and inflow by region and sector with the same total in every sector.

    Parameters
    ----------
    outflow, inflow : DataFrame (regions, sectors)
        As agreed.
    outflow_error, inflow_error : DataFrame (regions, sectors)
        As published less as agreed: what belongs into the tables' columns of errors.
    by_sector : DataFrame
        For each sector the published totals ``outflow`` and ``inflow``, their ``difference`` (the
        larger over the smaller, less one), the ``agreed`` total, and by what each side was
        multiplied (``outflow_times``, ``inflow_times``).
    policy : str
    adjusted : dict
        Sectors whose outflow or inflow was changed; empty if all agreed.

    Examples
    --------
    >>> regions = ["north", "south"]
    >>> found = reconcile(
    ...     pd.DataFrame({"steel": [60, 40]}, regions), pd.DataFrame({"steel": [54, 54]}, regions)
    ... )
    >>> found.adjusted["inflow"], found.inflow_error["steel"].tolist()
    (['steel'], [4.0, 4.0])
    """

    outflow: pd.DataFrame
    inflow: pd.DataFrame
    outflow_error: pd.DataFrame
    inflow_error: pd.DataFrame
    by_sector: pd.DataFrame
    policy: str
    adjusted: Mapping[str, Any]


def reconcile(
    outflow: pd.DataFrame,
    inflow: pd.DataFrame,
    *,
    policy: Policy = "outflow",
    variance: pd.DataFrame | None = None,
    most: float = 0.1,
) -> Agreed:
    """Make the regions' outflow and inflow of each sector sum to the same total.

    Parameters
    ----------
    outflow, inflow : DataFrame (regions, sectors)
        To and from the other regions of the country, in one unit, not negative.
    policy : {"outflow", "inflow", "geometric", "min_variance"}
        Whose total counts: that of outflow, that of inflow, their geometric mean, or their mean
        weighted by the inverse of their variances. The other side is scaled, all regions alike.
    variance : DataFrame (sectors, 2), optional
        Variances of the totals in columns ``outflow`` and ``inflow``, for ``min_variance``.
    most : float
        Largest difference that is reconciled: the larger total over the smaller, less one. The
        default is 0.1; tables that disagree by more are worth a look first.

    Returns
    -------
    Agreed

    Raises
    ------
    LabelError
        Regions or sectors that are not the same on both sides.
    DataError
        Numbers that are negative or not finite.
    BalanceError
        Totals further apart than allowed, with each sector's difference, or a total of zero that
        would have to be scaled.

    Examples
    --------
    >>> regions = ["north", "south"]
    >>> out = pd.DataFrame({"steel": [60, 40]}, regions)
    >>> into = pd.DataFrame({"steel": [59, 59]}, regions)
    >>> reconcile(out, into)
    Traceback (most recent call last):
    ...
    carbonflows.errors.BalanceError: totals of outflow and inflow disagree: inflow of steel is 18 %
    above outflow (118 against 100); the limit is 10 %: correct the tables, or accept it with
    most=0.18
    >>> found = reconcile(out, into, policy="geometric", most=0.18)
    >>> found.by_sector.loc["steel", ["agreed", "outflow_times", "inflow_times"]].round(3).tolist()
    [108.628, 1.086, 0.921]
    """
    if policy not in POLICIES:
        raise BalanceError(f"policy={policy!r} is none: choose from {', '.join(POLICIES)}")
    for what, frame in (("outflow", outflow), ("inflow", inflow)):
        for axis, labels in (("region", frame.index), ("sector", frame.columns)):
            if twice := repeated(labels):
                raise LabelError(f"{what}: {axis} {some(twice)} is there twice; name each once")
    same_labels(inflow.index, outflow.index, "inflow (regions)", "outflow")
    same_labels(inflow.columns, outflow.columns, "inflow (sectors)", "outflow")
    inflow = inflow.loc[outflow.index, outflow.columns]
    out, into = _flows(outflow, "outflow"), _flows(inflow, "inflow")
    sent, taken = out.sum(axis=0), into.sum(axis=0)
    sectors = outflow.columns
    low, high = np.minimum(sent, taken), np.maximum(sent, taken)
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = np.where(high == low, 0.0, high / low - 1)
    _refuse_one_sided(sent, taken, sectors)
    _refuse_far_apart(sent, taken, difference, sectors, most)
    agreed = _agreed(sent, taken, policy, variance, sectors)
    by_sector = pd.DataFrame(
        {"outflow": sent, "inflow": taken, "difference": difference, "agreed": agreed}, sectors
    )
    adjusted: dict[str, Any] = {}
    scaled = []
    for name, values, sums in (("outflow", out, sent), ("inflow", into, taken)):
        times = np.divide(agreed, sums, out=np.ones_like(sums), where=sums != agreed)
        by_sector[f"{name}_times"] = times
        scaled.append(values * times)
        if (times != 1).any():
            adjusted[name] = list(sectors[times != 1])
    frames = [
        pd.DataFrame(values, outflow.index, sectors)
        for values in (*scaled, out - scaled[0], into - scaled[1])
    ]
    return Agreed(frames[0], frames[1], frames[2], frames[3], by_sector, policy, adjusted)


def _flows(frame: pd.DataFrame, what: str) -> Array:
    values = finite(frame, what, frame.index, frame.columns)
    if (values < 0).any():
        i, j = np.argwhere(values < 0)[0]
        other = "inflow" if what == "outflow" else "outflow"
        raise DataError(
            f"{what} of {some([frame.index[i]])}, {some([frame.columns[j]])} is "
            f"{values[i, j]:.6g}: book it as {other}",
            row=frame.index[i], column=frame.columns[j],
        )  # fmt: skip
    return values


def _refuse_one_sided(sent: Array, taken: Array, sectors: pd.Index) -> None:
    for what, sums, other, others in (
        ("outflow", sent, "inflow", taken), ("inflow", taken, "outflow", sent)
    ):  # fmt: skip
        if (lone := (sums == 0) & (others > 0)).any():
            raise BalanceError(
                f"{some(sectors[lone])} has {other} and no {what} in any region: add the {what}, "
                f"or set the {other} to 0",
                labels=list(sectors[lone]),
            )


def _refuse_far_apart(
    sent: Array, taken: Array, difference: Array, sectors: pd.Index, most: float
) -> None:
    far = [j for j in np.argsort(-difference, kind="stable") if difference[j] > most * (1 + 1e-12)]
    if not far:
        return
    told = []
    for j in far:
        more, less = ("inflow", "outflow") if taken[j] > sent[j] else ("outflow", "inflow")
        percent = f"{100 * difference[j]:{'.2g' if difference[j] < 1 else '.0f'}} %"
        told.append(
            f"{more} of {some([sectors[j]])} is {percent} above {less} "
            f"({max(sent[j], taken[j]):.6g} against {min(sent[j], taken[j]):.6g})"
        )
    enough = np.ceil(round(100 * difference[far[0]], 9)) / 100
    raise BalanceError(
        f"totals of outflow and inflow disagree: {some(told)}; the limit is {100 * most:g} %: "
        + (
            f"correct the tables, or accept it with most={enough:g}"
            if enough <= WORTH
            else "that is no rounding: correct the tables"
        ),
        labels=list(sectors[far]), differences=[float(difference[j]) for j in far],
    )  # fmt: skip


def _agreed(
    sent: Array, taken: Array, policy: Policy, variance: pd.DataFrame | None, sectors: pd.Index
) -> Array:
    """Return the total of each sector under a policy."""
    if (policy == "min_variance") != (variance is not None):
        raise BalanceError(
            f"policy={policy!r} {'needs' if variance is None else 'does not use'} variance=: it "
            "goes with 'min_variance'"
        )
    if variance is None:
        return (
            {"outflow": sent, "inflow": taken}[policy]
            if policy != "geometric"
            else np.sqrt(sent * taken)
        )
    sides = pd.Index(["outflow", "inflow"])
    same_labels(variance.index, sectors, "variance (sectors)", "outflow")
    same_labels(variance.columns, sides, "variance (columns)", "the two sides")
    variance = variance.loc[sectors, sides]
    known = finite(variance, "variance", sectors, sides)
    if (bad := np.asarray((known < 0).any(axis=1) | ~known.any(axis=1))).any():
        raise DataError(
            f"variance of {some(sectors[bad])} is negative, or zero on both sides; give it"
        )
    weight = known[:, 1] / known.sum(axis=1)  # of outflow: the surer side counts more
    agreed: Array = weight * sent + (1 - weight) * taken
    return agreed
