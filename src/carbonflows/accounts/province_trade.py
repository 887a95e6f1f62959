"""Trade of a country's regions with each other and with the world abroad."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from carbonflows import units
from carbonflows.accounts.carrier import Measure, carriers
from carbonflows.accounts.emissions import emissions, partition, stated
from carbonflows.accounts.flows import Choice
from carbonflows.accounts.gateway import Exports, gateways, positions_of
from carbonflows.accounts.intensity import printed_unit
from carbonflows.accounts.province import country_of
from carbonflows.accounts.trade import eebt, throughflow
from carbonflows.errors import DataError, LabelError, some
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief

Numerator: TypeAlias = Literal["throughflow", "eebt"]
Partners: TypeAlias = Literal["country", "abroad", "all"]


def exit_shares(
    system: Leontief,
    regions: str | Sequence[str],
    stressor: Choice = None,
    *,
    exports: Exports = "footprint",
    together: Mapping[str, Sequence[str]] | None = None,
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Share of a country's exports that leaves through each region, and where its carbon is from.

    Parameters
    ----------
    system : Leontief
    regions : str or sequence of str
        The country's regions (or groups), for example its provinces.
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    exports : {"footprint", "gross"}
        Which exports the emissions are those of; see `gateways`.
    together : mapping of str to sequence of str, optional
        Exit regions taken together, as further rows: ``{"coast": ["Central Coast", …]}``.
    grouping : Grouping, optional
        Report groups instead of regions; `regions` then names groups.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame, index ``exit_region``
        ``value`` of gross exports abroad, as customs count them, under either variant [money/yr]
        and ``of_value``, its share of the country's; ``emissions`` of all the country's regions
        that leave with them and ``of_emissions``; ``outside_share`` of these emissions occurs in
        regions other than these, ``outside_own_share`` elsewhere than in the very region of exit.
        The two differ for regions taken together only, whose supplies to each other count in the
        second. NaN where nothing leaves.

    Raises
    ------
    LabelError
        A region that the table does not have, or that is not of the country; a name in `together`
        that is also a region's.
    DataError
        A country that is the whole world.

    References
    ----------
    Feng et al. 2013, PNAS 110:11654 (74 % of exports leave through two coasts, 40 % of the related
    emissions occur elsewhere).

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> exit_shares(Leontief(two_regions()), ["A"]).loc["A"].round(2).tolist()
    [30.0, 1.0, 15.56, 1.0, 0.0, 0.0]
    """
    table = system.table
    load = emissions(table, stressor, unit=unit)
    part = partition(table, grouping)
    inside, abroad = country_of(part, regions)
    exits = gateways(system, regions, load, exports=exports, grouping=grouping)
    labels = pd.Index(exits.columns, name="exit_region")
    sets = [(label, np.array([i])) for i, label in enumerate(labels)]
    for name, members in (together or {}).items():
        if name in labels:
            raise LabelError(
                f"together: {name!r} is also a region's name: choose another", labels=[name]
            )
        sets.append((name, positions_of(labels, members, f"together[{name!r}]")))
    shipped = part.by_node(part.by_region(system.sales_by_region + system.final_use, axis=1))
    value = shipped[np.ix_(inside, abroad)].sum(axis=1)
    leaving = exits.to_numpy()
    rows = {
        name: {
            "value": value[at].sum(),
            "emissions": leaving[:, at].sum(),
            "inside": leaving[np.ix_(at, at)].sum(),
            "own": leaving[at, at].sum(),
        }
        for name, at in sets
    }
    sums = pd.DataFrame.from_dict(rows, orient="index").rename_axis("exit_region")
    carbon = sums["emissions"].where(sums["emissions"] != 0)
    frame = pd.DataFrame(
        {
            "value": sums["value"],
            "of_value": sums["value"] / (value.sum() or np.nan),
            "emissions": sums["emissions"],
            "of_emissions": sums["emissions"] / (leaving.sum() or np.nan),
            "outside_share": 1 - sums["inside"] / carbon,
            "outside_own_share": 1 - sums["own"] / carbon,
        }
    )
    frame = stated(frame, system, load, part, f"exports by exit region, {exports}")
    frame.attrs["unit"] = f"value: {table.unit}; emissions: {load.unit}; shares: 1"
    return frame


def province_balance(
    system: Leontief,
    regions: str | Sequence[str],
    stressor: Choice = None,
    *,
    measure: Measure = "footprint",
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Emissions in a country's regional trade: with whom, and in what kind of goods.

    Parameters
    ----------
    system : Leontief
    regions : str or sequence of str
        The country's regions (or groups), for example its provinces.
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    measure : {"footprint", "eebt"}
        See `carriers`. Under ``footprint`` the partner is who consumes or emits in the end; under
        ``eebt`` it is the one that ships or receives.
    grouping : Grouping, optional
        Report groups instead of regions; `regions` then names groups.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame, index ``region``
        Eight columns ``exports_interregional_finished``, ``exports_interregional_intermediate``,
        ``exports_international_finished``, … and the same of ``imports``; those of each side add up
        to the region's exports or imports under that measure.

    Raises
    ------
    LabelError
        A region that the table does not have.
    DataError
        A country that is the whole world, or an unknown measure.

    References
    ----------
    Feng et al. 2013, PNAS 110:11654, fig. 2.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> province_balance(Leontief(two_regions()), ["A"]).loc["A"].round(2).tolist()
    [0.0, 0.0, 13.33, 2.22, 0.0, 0.0, 3.56, 6.67]
    """
    load = emissions(system.table, stressor, unit=unit)
    part = partition(system.table, grouping)
    inside, _ = country_of(part, regions)
    labels = part.labels[inside]
    pairs = carriers(system, load, measure=measure, by="partner", grouping=grouping)
    pairs = pairs[pairs.index.get_level_values("region").isin(labels)]
    domestic = pairs.index.get_level_values("partner").isin(labels)
    columns = {}
    for side in ("exports", "imports"):
        for scope, at in (("interregional", domestic), ("international", ~domestic)):
            for carrier in ("finished", "intermediate"):
                sums = pairs.loc[at, f"{side}_{carrier}"].groupby(level="region").sum()
                columns[f"{side}_{scope}_{carrier}"] = sums.reindex(labels, fill_value=0.0)
    frame = pd.DataFrame(columns).rename_axis("region")
    return stated(frame, system, load, part, f"emissions in regional trade by carrier, {measure}")


def trade_intensities(
    system: Leontief,
    regions: str | Sequence[str],
    stressor: Choice = None,
    *,
    measure: Numerator = "throughflow",
    partners: Partners = "country",
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Carbon intensity of what a country's regions import beside what they export.

    Parameters
    ----------
    system : Leontief
    regions : str or sequence of str
        The country's regions (or groups), for example its provinces.
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    measure : {"throughflow", "eebt"}
        Numerator: all emissions embodied in what is shipped, or only those of the shipping region.
        The denominator is the value of the same shipments.
    partners : {"country", "abroad", "all"}
        Trade with the country's other regions, with regions abroad, or with both.
    grouping : Grouping, optional
        Report groups instead of regions; `regions` then names groups.
    unit : str, optional
        Unit of the emissions; see `emissions`.

    Returns
    -------
    DataFrame, index ``region``
        ``import_emissions``, ``import_value``, ``import_intensity``, the same for exports, and
        ``ratio``, imports over exports [1]. Intensities are in kg per currency unit where masses
        allow it. NaN: intensity of no trade.

    Raises
    ------
    LabelError
        A region that the table does not have.
    DataError
        A country that is the whole world; an unknown measure or set of partners.

    References
    ----------
    Feng et al. 2013, PNAS 110:11654 (“up to a factor of 4”, numerator not stated).

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> found = trade_intensities(Leontief(two_regions()), ["A"], partners="abroad")
    >>> found.loc["A", ["import_intensity", "export_intensity", "ratio"]].round(3).tolist()
    [466.667, 800.0, 0.583]
    """
    if partners not in get_args(Partners):
        raise DataError(f"partners={partners!r}: use one of {some(get_args(Partners))}")
    table = system.table
    load = emissions(table, stressor, unit=unit)
    part = partition(table, grouping)
    inside, abroad = country_of(part, regions)
    shipped = part.by_node(part.by_region(system.sales_by_region + system.final_use, axis=1))
    own = np.eye(len(part.labels), dtype=bool)
    if measure == "eebt":
        carbon = eebt(system, load, grouping=grouping).to_numpy()
    elif measure == "throughflow":
        out = throughflow(system, load, by="partner", grouping=grouping)[["teex", "feex"]]
        carbon = np.zeros_like(shipped)
        carbon[~own] = out.sum(axis=1)  # pairs in the order of the square's rows
    else:
        raise DataError(f"measure={measure!r} is not known: use 'throughflow' or 'eebt'")
    others = {"country": inside, "abroad": abroad, "all": np.arange(len(part.labels))}[partners]
    have = f"{load.unit}/{table.unit}"
    want = printed_unit(have, table.unit)
    scale = units.factor(have, want)
    columns = {}
    for side, turn in (("import", np.transpose), ("export", np.asarray)):
        for name, flow in (("emissions", carbon), ("value", shipped)):
            apart = np.where(own, 0.0, turn(flow))
            columns[f"{side}_{name}"] = apart[np.ix_(inside, others)].sum(axis=1)
        amount, value = columns[f"{side}_emissions"], columns[f"{side}_value"]
        ratio = np.divide(amount, value, out=np.full(len(value), np.nan), where=value > 0)
        columns[f"{side}_intensity"] = ratio * scale
    frame = pd.DataFrame(columns, part.labels[inside].rename("region"))
    base = frame["export_intensity"].where(frame["export_intensity"] != 0)
    frame["ratio"] = frame["import_intensity"] / base
    frame = stated(frame, system, load, part, f"carbon intensity of trade, {measure}, {partners}")
    frame.attrs["unit"] = (
        f"emissions: {load.unit}; value: {table.unit}; intensities: {want}; ratio: 1"
    )
    return frame
