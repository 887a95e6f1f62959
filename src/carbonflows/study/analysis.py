"""From a table to the numbers of a study, as tidy tables."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.accounts.aggregation import aggregation_bias
from carbonflows.accounts.carrier import carriers
from carbonflows.accounts.emissions import Emissions, emissions
from carbonflows.accounts.flows import flows
from carbonflows.accounts.footprint import footprint
from carbonflows.accounts.intensity import Denominator, denominators, group_means, intensities
from carbonflows.accounts.sinks import intensity_direction, sink_shares, top_consumers
from carbonflows.accounts.trade import (
    net_shares,
    throughflow,
    trade_measures,
    world_share,
)
from carbonflows.countries import OWN_CODES, country_names
from carbonflows.diagnosis import Diagnosis, Finding, diagnose
from carbonflows.errors import LabelError, StudyError, some
from carbonflows.regions import Grouping, aggregate
from carbonflows.solve import Leontief
from carbonflows.study.spec import Study
from carbonflows.table import IOTable

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Results:
    """What a study found, before it is drawn or written.

    Attributes
    ----------
    table : IOTable
    load : Emissions
    diagnosis : Diagnosis
    tables : dict of str to DataFrame
        Tidy tables by file name, each with a ``year`` column.
    flows : DataFrame
        Flows between the groups that the study speaks of (regions, if it has no grouping).
    names : dict of str to str
        Display names of regions.
    grouping : Grouping or None
    block : list of str
        Groups that the study's block consists of and that occur in this table.
    missing : list of str
        Groups of the block that this table does not show apart.
    residual : float
        Largest certified residual of the solutions behind the results.
    """

    table: IOTable
    load: Emissions
    diagnosis: Diagnosis
    tables: dict[str, pd.DataFrame]
    flows: pd.DataFrame
    names: dict[str, str]
    grouping: Grouping | None
    block: list[str]
    missing: list[str]
    residual: float

    @property
    def partly(self) -> bool:
        """Whether the table shows less of the study's block than its groups' names say."""
        if self.grouping is None:
            return False
        shown = {code for region in self.table.regions for code in self.table.members[region]}
        listed = [code for code, group in self.grouping.members.items() if group in self.block]
        return bool(self.missing) or not shown >= set(listed) - set(OWN_CODES)

    def level(self, table: str) -> str:
        """Name of a table at the level the study speaks of: groups, or else regions."""
        return table if self.grouping is None else f"{table}_groups"

    def name(self, label: object) -> str:
        """Display name of a region or group."""
        return self.names.get(str(label), str(label))


def analyse(
    study: Study,
    table: IOTable,
    *,
    grouping: Grouping | None = None,
    given: Mapping[str, Denominator] | None = None,
    progress: Progress = lambda step: None,
) -> Results:
    """Compute every table of a study.

    Parameters
    ----------
    study : Study
    table : IOTable
    grouping : Grouping, optional
        The study's groups, loaded.
    given : dict of str to Denominator, optional
        Denominators from outside the table (``gdp``, ``population``).
    progress : callable, optional
        Called with the name of each step before it starts.

    Returns
    -------
    Results

    Raises
    ------
    CarbonflowsError
        Whatever keeps the accounts from being computed.
    """
    progress("looking the table over")
    found = diagnose(table)
    settings = study.emissions
    load = emissions(
        table, settings.stressor, households=settings.households, orphans=settings.orphans
    )
    progress("solving")
    system = Leontief(table)
    solution = system.multipliers(load.per_output(table))
    by_region = system.solution_by_region
    progress("accounts of regions")
    names = dict(zip(table.regions, country_names(table.regions), strict=True))
    tables = _accounts(system, load, None, given)
    tables["throughflow_sectors"] = _reset(throughflow(system, load, by="sector"))
    tables["world_share"] = _reset(world_share(system, load))
    tables["top_consumers"] = top_consumers(system, load)
    between, means = flows(system, load), None
    if grouping is not None:
        progress("accounts of groups")
        grouped_system, grouped_load, at, grouped_given = system, load, grouping, given
        if study.grouping is not None and study.grouping.route == "aggregate_first":
            small = aggregate(table, grouping)
            grouped_system = Leontief(small)
            grouped_load = emissions(
                small, settings.stressor, households=settings.households, orphans=settings.orphans
            )
            at = Grouping({g: g for g in small.regions}, name=grouping.name)
            bias = aggregation_bias(
                table, grouping, stressor=settings.stressor, households=settings.households
            )
            tables["aggregation_bias_groups"] = _reset(bias)
            grouped_given = _grouped(given, table, grouping)
        grouped = _accounts(grouped_system, grouped_load, at, grouped_given)
        tables |= {f"{name}_groups": frame for name, frame in grouped.items()}
        shares = world_share(grouped_system, grouped_load, grouping=at)
        tables["world_share_groups"] = _reset(shares)
        tables["top_consumers_groups"] = top_consumers(system, load, grouping=grouping)
        between = flows(grouped_system, grouped_load, grouping=at)
        means = _means(tables["intensities"], system, given, grouping)
        tables["intensity_means_groups"] = means
    block, missing = _block(study, list(between.index), grouping)
    if grouping is not None:
        blocks = {study.highlight: block} if block else None
        shares = sink_shares(grouped_system, grouped_load, grouping=at, blocks=blocks)
        tables["sink_shares_groups"] = _tidy(shares, "share")
    production = study.intensity.production
    known = tables["intensities"].query("kind == 'production' and denominator == @production")
    if known.empty:
        raise StudyError(
            f"denominator {production!r} is not known here: choose from "
            f"{some(tables['intensities']['denominator'].unique(), 9)}"
        )
    direction = intensity_direction(flows(system, load), known.set_index("region")["value"])
    tables["intensity_direction"] = _reset(direction.to_frame("value").rename_axis("measure"))
    if grouping is not None:
        tables["groups"] = _coverage(table, grouping, names)
    found = found.with_(*_out_of_order(tables["trade_measures"], load))
    tables["diagnosis"] = found.findings
    facts = {k: tables["accounts"].attrs[k] for k in ("table", "stressor", "households", "orphans")}
    for name, frame in tables.items():
        tables[name] = with_year(frame, table)
        usual: dict[Hashable, Any] = {}
        usual.update(facts)
        usual.update(frame.attrs)
        usual.update(_UNITS.get(name.removesuffix("_groups"), {}))
        tables[name].attrs = usual
    residual = max(solution.residual, by_region.residual)
    return Results(table, load, found, tables, between, names, grouping, block, missing, residual)


def _out_of_order(measures: pd.DataFrame, load: Emissions) -> list[Finding]:
    """Report regions whose gross exports do not grow from footprint to EEBT to throughflow."""
    wide = measures.pivot_table(index="region", columns="measure", values="exports", sort=False)
    slack = 1e-9 * load.production.sum()
    wrong = (wide["footprint"] > wide["eebt"] + slack) | (
        wide["eebt"] > wide["throughflow"] + slack
    )
    detail = "footprint ≤ EEBT ≤ throughflow"
    if wrong.any():
        detail += f" does not hold at {some(wide.index[wrong])}: negative final demand does that"
    return [
        {
            "level": "warning" if wrong.any() else "ok",
            "check": "regions with gross exports out of order",
            "value": float(wrong.sum()),
            "unit": "regions",
            "detail": detail,
        }
    ]


def _accounts(
    system: Leontief,
    load: Emissions,
    grouping: Grouping | None,
    given: Mapping[str, Denominator] | None,
) -> dict[str, pd.DataFrame]:
    """Compute the tables that exist for regions and for groups alike."""
    account = footprint(system, load, grouping=grouping)
    passing = throughflow(system, load, grouping=grouping)
    accounts = pd.concat([account[["production", "consumption", "direct"]], passing], axis=1)
    accounts["gross_exports"] = account["exports"]
    accounts["gross_imports"] = account["imports"]
    accounts["net_exports"] = account["net_exports"]
    accounts.attrs = account.attrs
    routes = account[["consumption", "consumption_balance", "imbalance"]]
    tables = {
        "accounts": accounts,
        "routes": routes,
        "net_shares": net_shares(account["net_exports"]),
        "trade_measures": trade_measures(system, load, grouping=grouping),
        "carriers": carriers(system, load, grouping=grouping),
    }
    routes.attrs = account.attrs
    tables = {name: _reset(frame) for name, frame in tables.items()}
    tables["flows"] = _tidy(flows(system, load, grouping=grouping), "value")
    tables["intensities"] = intensities(
        system, load, given=given, grouping=grouping, households=load.households
    )
    return tables


_UNITS: dict[str, dict[str, str]] = {
    "net_shares": {
        "quantity": "net exports and shares",
        "unit": "net: Mt or as accounts; share: 1",
    },
    "intensity_means": {"quantity": "mean intensities in three forms", "unit": "see column unit"},
    "intensity_direction": {
        "quantity": "pairwise net flow by intensity",
        "unit": "net_flow, from_higher, left_out: as accounts; share_from_higher: 1; pairs: count",
    },
    "groups": {"quantity": "regions of each group", "unit": "none"},
    "diagnosis": {"quantity": "findings about the table", "unit": "see column unit"},
}


def with_year(frame: pd.DataFrame, table: IOTable) -> pd.DataFrame:
    """Put the table's year in front, the way every table of a study begins."""
    dated = frame.assign(year=table.year if table.year is not None else "")
    dated = dated[["year", *frame.columns]]
    dated.attrs = frame.attrs
    return dated


def _reset(frame: pd.DataFrame) -> pd.DataFrame:
    reset = frame.reset_index()
    reset.attrs = frame.attrs
    return reset


def _tidy(frame: pd.DataFrame, value: str) -> pd.DataFrame:
    """Turn a source × demand frame into rows ``source_region, demand_region, value``."""
    sources, sinks = list(frame.index), list(frame.columns)
    tidy = pd.DataFrame(
        {
            "source_region": np.repeat(sources, len(sinks)),
            "demand_region": np.tile(sinks, len(sources)),
            value: frame.to_numpy().ravel(),
        }
    )
    tidy.attrs = frame.attrs
    return tidy


def _grouped(
    given: Mapping[str, Denominator] | None, table: IOTable, grouping: Grouping
) -> dict[str, Denominator]:
    of = dict(zip(table.regions, grouping.of(table.regions), strict=True))
    return {
        name: Denominator(
            d.values.reindex(table.regions).groupby(of, sort=False).sum(min_count=1),
            d.unit,
            d.source,
        )
        for name, d in (given or {}).items()
    }


def _means(
    tidy: pd.DataFrame,
    system: Leontief,
    given: Mapping[str, Denominator] | None,
    grouping: Grouping,
) -> pd.DataFrame:
    """Group means in three forms, for every kind and denominator."""
    weights = {**denominators(system), **(given or {})}
    parts = []
    for (kind, denominator, unit), rows in tidy.groupby(
        ["kind", "denominator", "unit"], sort=False
    ):
        values = rows.set_index("region")["value"]
        of = dict(zip(values.index, grouping.of(values.index), strict=True))
        means = group_means(values, weights[str(denominator)].values, of).reset_index()
        for name, value in (("kind", kind), ("denominator", denominator), ("unit", unit)):
            means[name] = str(value)
        parts.append(means)
    frame = pd.concat(parts, ignore_index=True)
    return frame.rename(columns={"group": "region"})


def _coverage(table: IOTable, grouping: Grouping, names: Mapping[str, str]) -> pd.DataFrame:
    """Which regions of this table stand for each group; a group may be less than its name says."""
    regions = list(table.regions)
    return pd.DataFrame(
        {
            "group": grouping.of(regions),
            "region": regions,
            "name": [names[r] for r in regions],
            "members": [" ".join(table.members[r]) for r in regions],
            "note": [grouping.notes.get(r, "") for r in regions],
        }
    ).sort_values("group", key=lambda g: g.map(grouping.groups.index), kind="stable")


def _block(
    study: Study, groups: list[str], grouping: Grouping | None
) -> tuple[list[str], list[str]]:
    if study.grouping is None or grouping is None:
        return [], []
    unknown = [m for m in study.grouping.members if m not in grouping.groups]
    if unknown:
        raise LabelError(
            f"the study's block names {some(unknown)}, which is no group of {grouping.name!r}",
            labels=unknown,
        )
    members = study.grouping.members
    return [m for m in members if m in groups], [m for m in members if m not in groups]


def largest_residual(system: Leontief, load: Emissions) -> float:
    """Return the largest certified residual of the solutions that every account stands on.

    Parameters
    ----------
    system : Leontief
    load : Emissions

    Returns
    -------
    float

    Examples
    --------
    >>> from carbonflows.accounts.emissions import emissions
    >>> from carbonflows.table import two_regions
    >>> table = two_regions()
    >>> largest_residual(Leontief(table), emissions(table)) < 1e-12
    True
    """
    return max(
        system.multipliers(load.per_output(system.table)).residual,
        system.solution_by_region.residual,
    )
