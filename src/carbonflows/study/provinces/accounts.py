"""Accounts of a country's regions, province by province and by macro-region."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from carbonflows.accounts.emissions import Emissions
from carbonflows.accounts.flows import flows
from carbonflows.accounts.intensity import Denominator
from carbonflows.accounts.province import outside_share
from carbonflows.accounts.province_driver import by_driver, driver_shares
from carbonflows.accounts.province_rank import rankings
from carbonflows.accounts.province_structure import spending
from carbonflows.accounts.province_trade import exit_shares, province_balance, trade_intensities
from carbonflows.build.chain import Chain
from carbonflows.build.country import CountryData
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import IOTable

COUNTRY = "the country"
"""Label of the country's own row in tables of provinces."""
ABROAD = "Abroad"


def groups_of(data: CountryData, table: IOTable) -> Grouping | None:
    """Macro-regions of a country, regions abroad as they are; None without any.

    Parameters
    ----------
    data : CountryData
    table : IOTable

    Returns
    -------
    Grouping or None
    """
    if "group" not in data.regions:
        return None
    own = data.regions["group"].astype(str).to_dict()
    members = {str(region): str(own.get(region, region)) for region in table.regions}
    return Grouping(members, name="macro-regions", source=data.source)


@dataclass(frozen=True)
class _Level:
    """Regions of the country by name, and how to sum them."""

    names: list[str]
    grouping: Grouping | None


def province_accounts(
    system: Leontief,
    load: Emissions,
    data: CountryData,
    gdp_unit: str,
    drivers: Mapping[str, Sequence[str]],
) -> dict[str, pd.DataFrame]:
    """Return every account of a study of provinces, tidy.

    Parameters
    ----------
    system : Leontief
        Of the world with the country's regions in it.
    load : Emissions
    data : CountryData
    gdp_unit : str
    drivers : mapping of str to sequence of str
        Driver → categories of final demand.

    Returns
    -------
    dict of str to DataFrame
        By file name; ``level`` tells provinces from macro-regions.
    """
    regions = [str(region) for region in data.regions.index]
    grouping = groups_of(data, system.table)
    fine = _Level(regions, None)
    coarse = fine
    if grouping is not None:
        coarse = _Level(list(dict.fromkeys(data.regions["group"].astype(str))), grouping)
    place = data.regions
    denominators = {
        "gdp": Denominator(place["gdp"].astype(float), gdp_unit, data.source),
        "population": Denominator(place["population"].astype(float), "person", data.source),
    }
    return {
        "regions": place.rename_axis("region").reset_index(),
        "outside": _levelled(
            [fine, coarse],
            lambda at: outside_share(system, at.names, load, total=COUNTRY, grouping=at.grouping),
        ),
        "drivers": _levelled(
            [fine, coarse],
            lambda at: by_driver(system, at.names, drivers, load, grouping=at.grouping),
        ),
        "driver_shares": driver_shares(system, regions, drivers, load).reset_index(),
        "exits": _levelled(
            [fine, coarse],
            lambda at: pd.concat(
                [
                    exit_shares(
                        system, at.names, load, exports=kind, grouping=at.grouping,
                        together=_together(data, at),
                    ).reset_index().assign(exports=kind)
                    for kind in ("footprint", "gross")
                ]
            ),
        ),
        "balance": _levelled(
            [fine, coarse],
            lambda at: pd.concat(
                [
                    province_balance(system, at.names, load, measure=measure, grouping=at.grouping)
                    .reset_index().assign(measure=measure)
                    for measure in ("footprint", "eebt")
                ]
            ),
        ),
        "rankings": _levelled(
            [fine, coarse],
            lambda at: rankings(system, at.names, denominators, load, grouping=at.grouping),
        ),
        "spending": _levelled(
            [fine, coarse],
            lambda at: spending(
                system, at.names, drivers, denominators["population"], grouping=at.grouping
            ),
        ),
        "intensities": trade_intensities(system, regions, load).reset_index(),
        "flows": _between(system, load, coarse),
    }  # fmt: skip


def _levelled(levels: list[_Level], account: Callable[[_Level], pd.DataFrame]) -> pd.DataFrame:
    """One account of provinces and, where there are any, of macro-regions, one below the other."""
    parts = []
    for level in dict.fromkeys(map(id, levels)):
        at = next(one for one in levels if id(one) == level)
        frame = account(at)
        if not isinstance(frame.index, pd.RangeIndex) and frame.index.name:
            frame = frame.reset_index()
        parts.append(frame.assign(level="province" if at.grouping is None else "macro-region"))
    return pd.concat(parts, ignore_index=True)


def _together(data: CountryData, at: _Level) -> dict[str, list[str]] | None:
    """The two largest exits taken together where macro-regions are named after coasts."""
    coasts = [name for name in at.names if at.grouping is not None and "Coast" in name]
    return {" + ".join(coasts): coasts} if len(coasts) > 1 else None


def _between(system: Leontief, load: Emissions, at: _Level) -> pd.DataFrame:
    """Emissions between the country's regions and to and from all abroad, tidy."""
    members = {
        str(r): str(r) if at.grouping is None else at.grouping.of([r])[0]
        for r in system.table.regions
    }
    members = {r: group if group in at.names else ABROAD for r, group in members.items()}
    by = Grouping(members, name="country and abroad", source="")
    square = flows(system, load, grouping=by)
    names = [*at.names, ABROAD]
    ends = ["source_region", "demand_region"]
    return _tidy(square.loc[names, names], ends)


def tidy_trade(chain: Chain) -> pd.DataFrame:
    """Trade between the regions: ``sector``, ``origin``, ``destination``, ``value``."""
    return _tidy(chain.trade, ["sector", "origin", "destination"])


def _tidy(wide: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """A line per cell, rows first."""
    rows = wide.index.repeat(len(wide.columns)).to_frame(index=False)
    tidy = rows.assign(column=list(wide.columns) * len(wide)).set_axis(list(names), axis=1)
    return tidy.assign(value=wide.to_numpy().ravel())


def fitted(chain: Chain) -> pd.DataFrame:
    """Coefficients and lags of every model, one below the other."""
    parts = [
        fit.summary().rename_axis("term").reset_index().assign(sector=sector, method=fit.method)
        for sector, fit in chain.fits.items()
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame[["sector", "method", *frame.columns.drop(["sector", "method"])]]
