"""What is computed for each year and for each step of a study of drivers, one at a time."""

from typing import Any

import pandas as pd

from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.footprint import footprint
from carbonflows.change.decomposition import Average, decompose
from carbonflows.change.lmdi import lmdi
from carbonflows.change.vertices import By
from carbonflows.diagnosis import diagnose
from carbonflows.errors import DataError
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.study.analysis import largest_residual
from carbonflows.study.drivers.years import WORLD, Years

VIEWS: dict[By, str] = {"demand": "consumption", "source": "production"}
"""Whose emissions: by which end of the supply chain, and the column of the account that changes."""
METHODS: tuple[Average, ...] = ("shapley", "polar")


def year_account(years: Years, year: int) -> dict[str, Any]:
    """Accounts, oddities and content hash of a year.

    Parameters
    ----------
    years : Years
    year : int

    Returns
    -------
    dict
        ``accounts`` and ``findings`` (DataFrame), ``residual``, and ``known_by``: what names the
        year by content.
    """
    table = years.table(year)
    system = Leontief(table)
    load = emissions(
        table, years.stressor, households=years.households, unit=years.unit, orphans=years.orphans
    )
    return {
        "accounts": _account(years, system, year).reset_index(),
        "findings": diagnose(table).findings,
        "known_by": years.known_by(year),
        "residual": largest_residual(system, load),
    }


def step_effects(years: Years, step: dict[str, Any]) -> dict[str, Any]:
    """What drove the change from one year to another.

    Parameters
    ----------
    years : Years
    step : dict
        ``before`` and ``after``, two years, and ``chained``: whether the later year may be taken
        in the prices of the earlier one.

    Returns
    -------
    dict
        ``effects``: view, region, factor, effect, least and most over all orders [emission unit];
        ``methods``: method, factor, effect for the world, and why a method has no effects;
        ``caveat``: what prices do.
    """
    before, now = (Leontief(years.table(step[end])) for end in ("before", "after"))
    repriced = years.in_previous_prices(step["after"]) if step["chained"] else None
    after = now if repriced is None else Leontief(repriced)
    regions = before.table.regions
    world = Grouping(dict.fromkeys(regions, WORLD), name=WORLD)
    levels = (world,) if years.whole else (years.grouping, world)
    people = years.people(step["before"], step["after"])
    asked: dict[str, Any] = {
        "stressor": years.stressor, "factors": years.factors, "population": people,
        "prices": years.prices, "households": years.households, "unit": years.unit,
    }  # fmt: skip
    revalued = _account(years, now) - _account(years, after) if after is not now else None
    effects, caveat = [], ""
    for view, column in VIEWS.items():
        for grouping in levels:
            frame = decompose(
                before, after, by=view, method=years.method, grouping=grouping, spread=True, **asked
            )  # fmt: skip
            caveat = str(frame.attrs["caveat"])
            if revalued is not None:
                frame["revaluation"] = revalued[column]
            effects.append(_tidy(frame, view))
    methods = [
        _method(decompose(before, after, method=m, grouping=world, **asked), m) for m in METHODS
    ]
    lacking = ""
    try:
        logs = lmdi(before, after, years.stressor, population=people, grouping=world,
                    prices=years.prices, households=years.households, unit=years.unit)  # fmt: skip
        methods.append(_method(logs, "lmdi"))
    except DataError as error:
        lacking = _lacking(error)
    return {
        "effects": pd.concat(effects, ignore_index=True),
        "methods": pd.concat(methods, ignore_index=True),
        "lacking": lacking,
        "caveat": caveat,
    }


def _lacking(error: DataError) -> str:
    """Say in plain words why there is no index decomposition."""
    if "negative" not in error.facts:
        return str(error)
    return (
        f"it takes logarithms of emissions and of output, but {error.negative} negative, and a "
        "negative number has no logarithm. The structural decomposition above needs none; to have "
        "both, aggregate these sectors with larger ones and save the table"
    )


def _account(years: Years, system: Leontief, year: int | None = None) -> pd.DataFrame:
    """Production, consumption and what of it is direct, and people, by region and of the world."""
    table = system.table
    load = emissions(table, years.stressor, households=years.households, unit=years.unit)
    found = footprint(system, load, grouping=years.grouping)
    found = found[["production", "consumption", "direct", "net_exports"]].copy()
    if year is not None and years.population is not None:
        people = years.population[year]
        if years.grouping is not None:
            of = dict(zip(people.index, years.grouping.of(people.index), strict=True))
            people = people.groupby(of).sum()
        found = found.assign(population=people.reindex(found.index))
    if not years.whole:
        found.loc[WORLD] = found.sum()
    return found.rename_axis("region")


def _tidy(frame: pd.DataFrame, view: str) -> pd.DataFrame:
    """Turn a decomposition into rows of view, region, factor, effect, least and most."""
    names = [
        c for c in frame.columns if c != "change" and not c.endswith(("_least", "_most"))
    ]  # fmt: skip
    rows = []
    for name in names:
        effect = frame[name]
        rows.append(
            pd.DataFrame(
                {
                    "view": view,
                    "region": frame.index,
                    "factor": name,
                    "effect": effect.to_numpy(),
                    # what no order touches has no spread
                    "least": frame.get(f"{name}_least", effect).to_numpy(),
                    "most": frame.get(f"{name}_most", effect).to_numpy(),
                }
            )
        )
    joined = pd.concat(rows, ignore_index=True)
    place = {region: i for i, region in enumerate(frame.index)}
    return joined.sort_values("region", key=lambda r: r.map(place), kind="stable")


def _method(frame: pd.DataFrame, method: str) -> pd.DataFrame:
    """Rows of the world's effects by one method."""
    effects = frame.drop(columns="change").loc[WORLD]
    return pd.DataFrame({"method": method, "factor": effects.index, "effect": effects.to_numpy()})
