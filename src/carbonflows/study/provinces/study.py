"""Studies of provinces: a country's regions inside the world, and who causes whose emissions."""

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from carbonflows.accounts.intensity import Denominator
from carbonflows.accounts.province import outside_share
from carbonflows.build.chain import ChainOptions, regions_in_world
from carbonflows.build.country import CountryData
from carbonflows.diagnosis import diagnose
from carbonflows.inventory import inventory_gap, reference_emissions
from carbonflows.inventory.roles import SUPPLY
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.sources.ceads_inventory import PROCESS
from carbonflows.study.analysis import Progress, largest_residual, with_year
from carbonflows.study.country import chain_options, concordance_of, country_of, load_of
from carbonflows.study.outcome import Outcome
from carbonflows.study.provinces.accounts import COUNTRY, fitted, province_accounts, tidy_trade
from carbonflows.study.provinces.checks import emission_levels, table_balance
from carbonflows.study.provinces.page import (
    ProvincesFound,
    province_headlines,
    province_pictures,
    provinces_page,
)
from carbonflows.study.provinces.published import beside_published
from carbonflows.study.score import scored
from carbonflows.study.spec import Study
from carbonflows.table import IOTable

UNITS = {
    "regions": "see column name", "drivers": "{gas}", "balance": "{gas}", "flows": "{gas}",
    "outside": "emissions: {gas}; shares: 1", "rankings": "see column unit",
    "driver_shares": "emissions: {gas}; spending: money; shares: 1",
    "exits": "value: money; emissions: {gas}; shares: 1", "sensitivity": "1",
    "intensities": "emissions: {gas}; values: money; ratio: 1", "fits": "1",
    "spending": "see column units", "trade": "money", "totals": "money",
    "emission_levels": "Mt CO2; ratio: 1", "table_balance": "output: money; the rest: 1",
    "inventory_gap": "Mt CO2; ratio: 1", "score": "see column unit",
    "published": "see column unit",
    "diagnosis": "see column unit",
}  # fmt: skip
"""Units of the tables."""


OWN_UNITS = ("spending", "intensities")
"""Tables whose accounts state the unit of each column."""


def outcome(
    study: Study,
    table: IOTable,
    *,
    grouping: Grouping | None = None,
    given: Mapping[str, Denominator] | None = None,
    progress: Progress = lambda step: None,
) -> Outcome:
    """Put a country's regions inside a world and compute their accounts.

    Parameters
    ----------
    study : Study
    table : IOTable
        The world.
    grouping : Grouping, optional
        Not used: macro-regions are a column of the country's regions.
    given : mapping of str to Denominator, optional
        Not used: GDP and population are columns of the country's regions.
    progress : callable, optional
        Called with the name of each step.

    Returns
    -------
    Outcome
    """
    wanted = study.provinces
    found = country_of(study, table, grouping=grouping, given=given, progress=progress)
    chain, data, load, system = found.chain, found.data, found.load, found.system
    residual = largest_residual(system, load)
    frames = province_accounts(system, load, data, wanted.gdp_unit, found.drivers)
    if data.energy is not None and data.factors is not None and len(data.energy.of(*SUPPLY)):
        assert data.inventory is not None
        burned = data.inventory[data.inventory["fuel"] != PROCESS]
        burned.attrs = data.inventory.attrs
        supplied = reference_emissions(data.energy, data.factors)
        frames["inventory_gap"] = (
            inventory_gap(burned, supplied).reset_index().rename(columns={"province": "region"})
        )
    levels = emission_levels(chain.table)
    if levels is not None:
        frames["emission_levels"] = levels
    if chain.survey:
        frames["table_balance"] = table_balance(data, table, wanted.country)
    if len(chain.totals):
        frames["totals"] = chain.totals.rename_axis("sector").reset_index()
    frames["trade"] = tidy_trade(chain)
    if chain.fits:
        frames["fits"] = fitted(chain)
    if found.truth is not None:
        progress("scoring against the truth")
        frames["score"] = scored(chain, found.truth, load)
    if wanted.sensitivity:
        progress("trying other choices")
        frames["sensitivity"] = _sensitivity(study, table, data, frames["outside"])
    if study.published is not None:
        frames["published"] = beside_published(study, frames, data, system)
    oddities = diagnose(chain.table)
    frames["diagnosis"] = oddities.findings
    tables = {}
    for name, frame in frames.items():
        tables[name] = with_year(frame, chain.table)
        usual: dict[Hashable, Any] = {
            "table": chain.table.label, "stressor": load.name,
            "unit": UNITS[name].format(gas=load.unit), "quantity": name.replace("_", " "),
        }  # fmt: skip
        tables[name].attrs = {**usual, **frame.attrs}
        if name not in OWN_UNITS:
            tables[name].attrs["unit"] = usual["unit"]
    result = ProvincesFound(study, chain, data, load, tables, found.truth is not None)
    return Outcome(
        table=chain.table, load=load, diagnosis=oddities, tables=tables, residual=residual,
        headlines=province_headlines(result), pictures=lambda: province_pictures(result),
        template="provinces/report.html.j2", page=lambda: provinces_page(result),
    )  # fmt: skip


def _sensitivity(
    study: Study, world: IOTable, data: CountryData, outside: pd.DataFrame
) -> pd.DataFrame:
    """The country's outside share under other choices."""
    wanted = study.provinces
    base = chain_options(wanted)
    tried: list[tuple[str, str, ChainOptions]] = [
        ("distance decay", f"{decay:g}", replace(base, decay=decay, otherwise="inverse_distance"))
        for decay in (0.5, 1.0, 2.0)
    ]
    tried.append(("trade", "proportional", replace(base, otherwise="proportional")))
    if not data.tables:
        tried += [
            ("regionalisation", f"flq, delta {d:g}", replace(base, quotients="flq", delta=d))
            for d in (0.1, 0.2, 0.3, 0.4)
        ]
        tried += [
            ("regionalisation", str(kind), replace(base, quotients=kind))
            for kind in ("slq", "cilq", "pool")
        ]
        tried += [
            ("output by", proxy, replace(base, proxy=proxy))
            for proxy in ("emissions", "gdp", "both")
        ]
    country = outside.query("region == @COUNTRY and level == 'province'")["outside_share"].iloc[0]
    rows = [("as chosen", "", float(country))]
    if data.inventory is not None:
        other = "national" if base.emissions == "given" else "given"
        tried.append(("emissions", other, replace(base, emissions=other)))  # type: ignore[arg-type]
    for what, choice, options in tried:
        kept = what in ("regionalisation", "emissions", "output by")
        sample = data if kept else replace(data, samples={})
        chain = regions_in_world(
            world, wanted.country, sample, concordance=concordance_of(study), options=options
        )
        system = Leontief(chain.table)
        regions = [str(region) for region in data.regions.index]
        share = outside_share(system, regions, load_of(study, chain.table), total=COUNTRY)
        rows.append((what, choice, float(share["outside_share"][COUNTRY])))
    return pd.DataFrame(rows, columns=["what", "choice", "outside_share"])
