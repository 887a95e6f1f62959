"""What drives the emissions of a country's regions: kinds of final demand, and exports."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import emissions, partition, stated
from carbonflows.accounts.flows import IDLE_USE, Choice, final_use_by
from carbonflows.accounts.footprint import row_residual
from carbonflows.accounts.gateway import Exports, gateways
from carbonflows.accounts.province import country_of
from carbonflows.errors import LabelError, some, suggested
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import IOTable

EXPORTS, IMBALANCE = "exports", "imbalance"


def by_driver(
    system: Leontief,
    regions: str | Sequence[str],
    drivers: Mapping[str, Sequence[str]],
    stressor: Choice = None,
    *,
    exports: Exports = "footprint",
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Emissions of a country's regions by consuming region and driver, and by exit region.

    Parameters
    ----------
    system : Leontief
    regions : str or sequence of str
        The country's regions (or groups), for example its provinces.
    drivers : mapping of str to sequence of str
        Driver → categories of final demand, for example
        ``{"household": ["rural", "urban"], "capital": ["GFCF", "stocks"], "government": [...]}``;
        each category of the table in exactly one.
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    exports : {"footprint", "gross"}
        ``footprint``: exports serve final demand abroad; the country's own final demand has what
        comes home over foreign supply chains. ``gross``: all exports as customs count them; the
        country's own final demand has what its own supply chains deliver to it.
    grouping : Grouping, optional
        Report groups instead of regions; `regions` then names groups.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame
        Tidy: ``source_region``, ``destination_region`` (consuming region, for exports the exit
        region), ``driver``, ``value``. Sums to the regions' emissions without direct ones of final
        users, under either variant. Inputs of nodes without output, where there are any, are a
        driver of that name unless `drivers` has them. On tables whose rows do not add up a driver
        ``imbalance`` with a destination of that name holds what serves no recorded use.

    Raises
    ------
    LabelError
        A category in no driver, in two, or unknown; a driver with a reserved name; a region that
        the table does not have.
    DataError
        A country that is the whole world.
    SingularSystem
        The country's own system cannot be solved.

    Notes
    -----
    With C the country: footprint ``k_C [L F_·,cC]_C`` by category c and the exits of `gateways`;
    gross ``k_C (I − A_CC)⁻¹ F_C,cC``, to which gross exports add ``k_C (I − A_CC)⁻¹ ê``.

    References
    ----------
    Feng et al. 2013, PNAS 110:11654, fig. 1, whose text does not say how exports are counted.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> found = by_driver(Leontief(two_regions()), ["A"], {"all": ["final demand"]})
    >>> found.set_index("driver")["value"].round(3).to_dict()  # 310/9 and 140/9
    {'all': 34.444, 'exports': 15.556}
    """
    table = system.table
    load = emissions(table, stressor, unit=unit)
    part = partition(table, grouping)
    inside, _ = country_of(part, regions)
    of = driver_of(table, drivers)
    exits = gateways(system, regions, load, exports=exports, grouping=grouping)
    labels = part.labels[inside]
    final, columns = final_use_by(system, part, "category")
    ours = columns.get_level_values(0).isin(labels)
    final, columns = final[:, ours], columns[ours]
    residual = row_residual(system)
    final = np.column_stack([final, residual])
    k = load.per_output(table)
    if exports == "gross":
        at = np.flatnonzero(np.isin(part.node, inside))
        A = table.Z.to_numpy()[np.ix_(at, at)] * system.per_output[at]
        output = np.zeros_like(final)
        output[at] = np.linalg.solve(np.eye(len(at)) - A, final[at])  # gateways has solved it too
    else:
        output = system.outputs(final).values
    caused = part.by_node(k[:, None] * output)[inside]
    kinds = [of.get(category, category) for category in columns.get_level_values(1)]
    columns = pd.MultiIndex.from_arrays([columns.get_level_values(0), kinds])
    by_kind = pd.DataFrame(caused[:, :-1], labels, columns).T.groupby(level=[0, 1]).sum()
    order = [name for name in dict.fromkeys([*drivers, IDLE_USE]) if name in kinds]
    every = pd.MultiIndex.from_product([order, labels]).swaplevel()
    parts = [by_kind.reindex(every, fill_value=0.0)]
    exits.columns = pd.MultiIndex.from_product([exits.columns, [EXPORTS]])
    parts.append(exits.T)
    if table.output != "rows":
        nobody = pd.MultiIndex.from_tuples([(IMBALANCE, IMBALANCE)])
        parts.append(pd.DataFrame(caused[:, -1:].T, nobody, labels))
    wide = pd.concat(parts).rename_axis(["destination_region", "driver"])
    frame = wide.rename_axis(columns="source_region").reset_index().melt(
        ["destination_region", "driver"], value_name="value"
    )  # fmt: skip
    frame = frame[["source_region", "destination_region", "driver", "value"]]
    frame = stated(frame, system, load, part, f"emissions by driver, {exports} exports")
    frame.attrs["exports"] = exports
    return frame


def driver_shares(
    system: Leontief,
    regions: str | Sequence[str],
    drivers: Mapping[str, Sequence[str]],
    stressor: Choice = None,
    *,
    households: bool | None = None,
    exports: Exports = "footprint",
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Each driver's share of a country's emissions beside its share of spending.

    Parameters
    ----------
    system : Leontief
    regions, drivers, stressor, exports, grouping, unit
        As in `by_driver`.
    households : bool, optional
        Count direct emissions of final users among the country's emissions (default), in a row
        ``direct`` of their own.

    Returns
    -------
    DataFrame, index ``driver``
        ``emissions`` and ``of_emissions``, their share of the country's; ``spending``, what the
        country's residents buy of all origins, or gross exports, and ``of_gdp``, its share of
        spending plus exports less imports. Spending is NaN where there is none to speak of
        (``direct``, ``imbalance``).

    Raises
    ------
    LabelError, DataError, SingularSystem
        As in `by_driver`.

    References
    ----------
    Feng et al. 2013, PNAS 110:11654 (capital formation: 42 % of GDP, 37 % of emissions).

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> found = driver_shares(Leontief(two_regions()), ["A"], {"all": ["final demand"]})
    >>> found.loc["exports"].round(3).tolist()  # 30 of 60 + 30 − 40
    [15.556, 0.311, 30.0, 0.6]
    """
    table = system.table
    load = emissions(table, stressor, households=households, unit=unit)
    part = partition(table, grouping)
    inside, _ = country_of(part, regions)
    found = by_driver(system, regions, drivers, load, exports=exports, grouping=grouping)
    frame = found.groupby("driver", sort=False)["value"].sum().to_frame("emissions")
    direct = part.by_region(load.final) + part.by_node(load.orphaned)
    if direct[inside].any():
        frame.loc["direct"] = direct[inside].sum()
    frame["of_emissions"] = frame["emissions"] / frame["emissions"].sum()
    final, columns = final_use_by(system, part, "category")
    of = driver_of(table, drivers)
    kinds = [of.get(category, category) for category in columns.get_level_values(1)]
    ours = columns.get_level_values(0).isin(part.labels[inside])
    spent = pd.Series(final.sum(axis=0)[ours], np.array(kinds, dtype=object)[ours])
    spending = spent.groupby(level=0).sum()
    shipped = part.by_node(part.by_region(system.sales_by_region + system.final_use, axis=1))
    home = shipped[np.ix_(inside, inside)].sum()
    spending[EXPORTS] = shipped[inside].sum() - home
    gdp = float(spending.sum() - (shipped[:, inside].sum() - home))
    frame["spending"] = spending.reindex(frame.index)
    frame["of_gdp"] = frame["spending"] / gdp if gdp > 0 else np.nan
    frame = stated(frame, system, load, part, f"emissions and spending by driver, {exports}")
    frame.attrs["unit"] = f"emissions: {load.unit}; spending: {table.unit}; shares: 1"
    frame.attrs["gdp"] = gdp
    return frame


def driver_of(table: IOTable, drivers: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the driver of each category of final demand, each in exactly one."""
    known = [*table.categories, IDLE_USE]
    found: dict[str, str] = {}
    for driver, categories in drivers.items():
        if driver in (EXPORTS, IMBALANCE, "direct"):
            raise LabelError(
                f"driver {driver!r} is a row of its own: give yours another name", labels=[driver]
            )
        if isinstance(categories, str):
            raise LabelError(
                f"driver {driver!r}: {categories!r} is one name: give its categories in a list",
                labels=[driver],
            )
        for category in categories:
            if category not in known:
                usual = f"choose from {some(table.categories, 12)}"
                raise LabelError(
                    f"category {category!r} of driver {driver!r} is not in {table.label}; "
                    f"{suggested([category], known, usual)}",
                    labels=[category],
                )
            if category in found:
                raise LabelError(
                    f"category {category!r} is in driver {found[category]!r} and again in "
                    f"{driver!r}: name it once",
                    labels=[category],
                )
            found[category] = driver
    left = [category for category in table.categories if category not in found]
    if left:
        raise LabelError(
            f"{some(left)}: final demand in no driver; add it to one, or to a driver of its own",
            labels=left,
        )
    return found
