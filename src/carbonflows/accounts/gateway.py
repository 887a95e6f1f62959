"""Through which region carbon leaves a country: exit regions of exports."""

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import emissions, partition, stated
from carbonflows.accounts.flows import Choice
from carbonflows.errors import DataError, LabelError, SingularSystem, some, suggested
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief

Exports: TypeAlias = Literal["footprint", "gross"]
Goods: TypeAlias = Literal["all", "intermediate", "final"]


def gateways(
    system: Leontief,
    regions: str | Sequence[str],
    stressor: Choice = None,
    *,
    exports: Exports = "footprint",
    destination: str | Sequence[str] | None = None,
    goods: Goods = "all",
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Emissions of each region of a country by the region through which they leave the country.

    Parameters
    ----------
    system : Leontief
    regions : str or sequence of str
        The country's regions (or groups), for example its provinces.
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    exports : {"footprint", "gross"}
        ``footprint``: exports that serve final demand abroad. ``gross``: all exports, as customs
        count them, with those that come home again.
    destination : str or sequence of str, optional
        Only exports for the final demand of these foreign regions; with ``gross``, exports shipped
        to them.
    goods : {"all", "intermediate", "final"}
        Which exports.
    grouping : Grouping, optional
        Report groups instead of regions; `regions` and `destination` then name groups.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame (c, c)
        Rows ``source_region``, where emissions occur; columns ``exit_region``. Row sums with
        ``footprint`` are the region's emissions caused by final demand abroad.

    Raises
    ------
    LabelError
        A region that the table does not have, or a destination inside the country.
    DataError
        A country that is the whole world.
    SingularSystem
        The country's own system cannot be solved.

    Notes
    -----
    With C the country and O abroad, ``xᶠ = L F_·,O``, the exports that serve final demand abroad
    are ``eᶠ = A_CO xᶠ_O + F_CO`` and ``xᶠ_C = (I − A_CC)⁻¹ eᶠ`` exactly; then
    ``D[p, q] = k_p [(I − A_CC)⁻¹ diag(1_q) e]_p``. Gross exports are ``A_CO x_O + F_CO``; the
    difference between the two is what comes home.

    References
    ----------
    Feng et al. 2013, PNAS 110:11654 (exports by exit province).

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> gateways(Leontief(two_regions()), ["A"]).round(2).to_numpy().tolist()
    [[15.56]]
    """
    table = system.table
    load = emissions(table, stressor, unit=unit)
    part = partition(table, grouping)
    for name, asked, known in (("exports", exports, Exports), ("goods", goods, Goods)):
        if asked not in get_args(known):
            raise DataError(f"{name}={asked!r} is not known: use one of {some(get_args(known))}")
    country = positions_of(part.labels, regions, "regions")
    if len(country) == len(part.labels):
        raise DataError("these regions are the whole world: leave out those abroad")
    abroad = np.setdiff1d(np.arange(len(part.labels)), country)
    wanted = abroad
    if destination is not None:
        wanted = positions_of(part.labels, destination, "destination")
        inside = np.intersect1d(wanted, country)
        if len(inside):
            raise LabelError(
                f"destination {some(part.labels[inside])} is inside the country: name a region "
                "abroad",
                labels=list(part.labels[inside]),
            )
    inside_nodes = np.flatnonzero(np.isin(part.node, country))
    final = part.by_region(system.final_use, axis=1)
    if exports == "gross":
        inputs = part.by_region(system.sales_by_region, axis=1)[inside_nodes][:, wanted].sum(axis=1)
    else:
        output = system.outputs(final[:, wanted].sum(axis=1)).values
        output[inside_nodes] = 0.0
        inputs = system.times_A(output)[inside_nodes]
    finished = final[np.ix_(inside_nodes, wanted)].sum(axis=1)
    shipped = np.zeros(len(inside_nodes))
    shipped += inputs if goods != "final" else 0.0
    shipped += finished if goods != "intermediate" else 0.0
    exits = np.zeros((len(inside_nodes), len(country)))
    place = np.searchsorted(country, part.node[inside_nodes])
    exits[np.arange(len(inside_nodes)), place] = shipped
    A = table.Z.to_numpy()[np.ix_(inside_nodes, inside_nodes)] * system.per_output[inside_nodes]
    try:
        required = np.linalg.solve(np.eye(len(A)) - A, exits)
    except np.linalg.LinAlgError as error:
        raise SingularSystem(
            f"the system of {some(part.labels[country])} alone is singular: look at diagnose(table)"
        ) from error
    caused = load.per_output(table)[inside_nodes][:, None] * required
    values = np.zeros((len(country), len(country)))
    np.add.at(values, place, caused)
    labels = part.labels[country]
    frame = pd.DataFrame(values, labels.rename("source_region"), labels.rename("exit_region"))
    what = "serving final demand abroad" if exports == "footprint" else "in gross exports"
    return stated(frame, system, load, part, f"emissions {what}, by exit region")


def outside_shares(exits: pd.DataFrame) -> pd.Series:
    """Share of what leaves through each region that was emitted in other regions.

    Parameters
    ----------
    exits : DataFrame
        As `gateways` returns it.

    Returns
    -------
    Series
        ``1 − D[q, q] / Σ_p D[p, q]``; NaN where nothing leaves.

    Examples
    --------
    >>> import carbonflows as cf
    >>> exits = gateways(cf.Leontief(cf.example(2007)), ["DEU", "FRA", "ITA"])
    >>> shares = outside_shares(exits)
    >>> bool(shares.between(0, 1).all())
    True
    """
    total = exits.sum(axis=0)
    own = pd.Series(np.diag(exits.to_numpy()), exits.columns)
    return (1 - own / total.where(total != 0)).rename("outside_share")


def positions_of(labels: pd.Index, wanted: str | Sequence[str], what: str) -> np.ndarray:
    """Positions of the regions that a user names, in the table's order; raise on unknown ones."""
    if isinstance(wanted, str):
        listed = [wanted]
    elif isinstance(wanted, Iterable):
        listed = list(wanted)
    else:
        raise LabelError(f"{what}={wanted!r}: give a region's name, or several in a list")
    known = set(labels)
    unknown = [label for label in listed if not isinstance(label, str) or label not in known]
    if unknown or not listed:
        found = some(unknown) if unknown else "none"
        usual = f"name some of {some(labels, 12)}"
        raise LabelError(f"{what}: {found}; {suggested(unknown, labels, usual)}", labels=unknown)
    return np.sort(labels.get_indexer(pd.Index(dict.fromkeys(listed))))
