"""Studies of hotspots: where on the map a country's emissions are driven from abroad."""

from collections.abc import Hashable, Mapping
from typing import Any

from carbonflows.accounts.intensity import Denominator
from carbonflows.diagnosis import diagnose
from carbonflows.regions import Grouping
from carbonflows.study.analysis import Progress, largest_residual, with_year
from carbonflows.study.country import country_of
from carbonflows.study.hotspots.accounts import hotspot_accounts
from carbonflows.study.hotspots.files import hotspot_files
from carbonflows.study.hotspots.mapped import mapped
from carbonflows.study.hotspots.mirror import mirror_of
from carbonflows.study.hotspots.page import hotspot_headlines, hotspot_pictures, hotspots_page
from carbonflows.study.hotspots.places import places_of
from carbonflows.study.hotspots.published import beside_printed
from carbonflows.study.hotspots.score import places_scored
from carbonflows.study.outcome import Outcome
from carbonflows.study.spec import Study
from carbonflows.table import IOTable

UNITS = {
    "totals": "see column unit", "destinations": "emissions: {gas}; shares: 1",
    "categories": "emissions: {gas}; share: 1", "families": "emissions: {gas}; shares: 1",
    "concentration": "area_km2: km²; shares and gini: 1",
    "lorenz": "density: {gas}/km²; shares: 1",
    "resolution": "area_km2: km²; shares and gini: 1",
    "clusters": "area_km2: km²; shares: 1", "hubs": "emissions: {gas}; km; shares: 1",
    "ranks": "values: {gas}; share: 1", "cities": "emissions: {gas}; shares: 1",
    "city_flows": "{gas}", "placed": "mass: {gas}; share: 1", "points": "distance: km",
    "conservation": "account and cells: {gas}; difference: 1", "score": "see column unit",
    "layers": "see column unit", "mirror": "{gas}; share: 1",
    "published": "see column unit", "diagnosis": "see column unit",
}  # fmt: skip
"""Units of the tables."""


def outcome(
    study: Study,
    table: IOTable,
    *,
    grouping: Grouping | None = None,
    given: Mapping[str, Denominator] | None = None,
    progress: Progress = lambda step: None,
) -> Outcome:
    """Put a country's emissions on a grid and find the hotspots that are driven from abroad.

    Parameters
    ----------
    study : Study
    table : IOTable
        The world.
    grouping : Grouping, optional
        Refused: the study is of the country's regions.
    given : mapping of str to Denominator, optional
        Refused: GDP and population are columns of the country's regions.
    progress : callable, optional
        Called with the name of each step.

    Returns
    -------
    Outcome
    """
    country = country_of(study, table, grouping=grouping, given=given, progress=progress)
    progress("reading what says where sectors emit")
    places = places_of(study, country)
    progress("placing emissions on the grid")
    found = mapped(study, country, places)
    progress("finding hotspots, hubs and cities")
    frames = hotspot_accounts(found)
    if places.truth is not None:
        progress("scoring against the truth")
        frames["score"] = places_scored(found)
    mirror = mirror_of(study, table)
    if mirror is not None:
        frames["mirror"] = mirror.table
    if study.published is not None:
        frames["published"] = beside_printed(found, frames)
    oddities = diagnose(country.chain.table)
    frames["diagnosis"] = oddities.findings
    load = country.load
    tables = {}
    for name, frame in frames.items():
        tables[name] = with_year(frame, country.chain.table)
        usual: dict[Hashable, Any] = {
            "table": country.chain.table.label, "stressor": load.name,
            "unit": UNITS[name].format(gas=load.unit), "quantity": name.replace("_", " "),
            "resolution": places.grid.resolution,
        }  # fmt: skip
        tables[name].attrs = {**frame.attrs, **usual}
    system = country.system
    residual = largest_residual(system, load)
    return Outcome(
        table=country.chain.table, load=load, diagnosis=oddities, tables=tables, residual=residual,
        headlines=hotspot_headlines(found, tables),
        pictures=lambda: hotspot_pictures(found, tables, mirror),
        template="hotspots/report.html.j2",
        page=lambda: hotspots_page(found, tables),
        files=lambda folder: hotspot_files(found, folder, mirror),
    )  # fmt: skip
