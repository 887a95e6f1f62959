"""A study of drivers: why emissions changed from year to year, and from the first to the last."""

from collections.abc import Hashable, Mapping
from itertools import pairwise
from typing import Any

import pandas as pd

from carbonflows.accounts.emissions import emissions
from carbonflows.change.items import told
from carbonflows.change.panel import Panel
from carbonflows.regions import Grouping
from carbonflows.study.analysis import Progress
from carbonflows.study.drivers.found import Drivers
from carbonflows.study.drivers.page import drivers_page, headlines
from carbonflows.study.drivers.pictures import pictures
from carbonflows.study.drivers.steps import step_effects, year_account
from carbonflows.study.drivers.tables import driver_tables, summed_diagnosis
from carbonflows.study.drivers.years import WORLD, years_of
from carbonflows.study.named import display_names, single_regions
from carbonflows.study.outcome import Outcome
from carbonflows.study.spec import Study
from carbonflows.study.year_words import tables_span
from carbonflows.work import Work

QUANTITIES = {
    "drivers_steps": "effect of each factor in each step",
    "drivers_cumulated": "effect of each factor since the first year, all steps summed",
    "drivers_first_last": "effect of each factor in one step from the first year to the last",
    "drivers_methods": "effects for the world by method",
    "accounts": "production- and consumption-based accounts",
    "checks": "sums of effects beside the change between accounts",
    "diagnosis": "findings about the tables",
}


def outcome(
    study: Study,
    panel: Panel,
    *,
    grouping: Grouping | None = None,
    given: Mapping[Any, Any] | None = None,
    progress: Progress = lambda step: None,
    work: Work | None = None,
    absent: tuple[int, ...] = (),
) -> Outcome:
    """Compute a study of drivers.

    Parameters
    ----------
    study : Study
    panel : Panel
        The years, two or more.
    grouping : Grouping, optional
        Groups instead of regions.
    given : mapping, optional
        Not used here: population is read by country for every year.
    progress : callable, optional
        Called with the name of each step.
    work : Work, optional
        How the years and steps are spread out.
    absent : tuple of int
        Years that were asked for and that the source does not have; the report names them.

    Returns
    -------
    Outcome

    Raises
    ------
    CarbonflowsError
        Years that cannot be compared, or settings and files that do not fit.
    """
    work = work or Work()
    progress("reading the first year")
    years = years_of(study, panel, grouping)
    labels = [int(label) for label in panel.labels]
    progress("accounts of each year")
    each = dict(
        zip(labels, work.results(year_account, labels, what="years", shared=years), strict=True)
    )
    progress("taking each step apart")
    items = [
        {"before": before, "after": after, "chained": chained,
         "known_by": [each[before]["known_by"], each[after]["known_by"]]}
        for chained, pairs in ((True, pairwise(labels)), (False, [(labels[0], labels[-1])]))
        for before, after in pairs
    ]  # fmt: skip
    *steps, whole = work.results(
        step_effects, items, what="steps", shared=years,
        key={"function": told(step_effects), "settings": years.told()},
    )  # fmt: skip
    table = years.table(labels[-1])
    settings = study.emissions
    load = emissions(
        table, settings.stressor, households=settings.households, orphans=settings.orphans,
        unit=years.unit,
    )  # fmt: skip
    label = tables_span(table, labels[0], labels[-1])
    tables = driver_tables({year: found["accounts"] for year, found in each.items()}, steps, whole)
    tables["diagnosis"] = pd.concat(
        [found["findings"].assign(year=year)[["year", *found["findings"]]]
         for year, found in each.items()],
        ignore_index=True,
    )  # fmt: skip
    facts: dict[Hashable, Any] = {
        "table": label, "stressor": load.name, "households": load.households,
        "orphans": load.orphans, "grouping": grouping.name if grouping else "",
        "method": years.method,
    }  # fmt: skip
    units = {
        "checks": f"change and effects: {load.unit}; gap: 1", "diagnosis": "see column unit",
        "accounts": f"{load.unit}; population: persons" if years.population else load.unit,
    }  # fmt: skip
    caveats = list(dict.fromkeys(step["caveat"] for step in steps if step["caveat"]))
    told_of = {
        "drivers_steps": caveats, "drivers_cumulated": caveats,
        "drivers_first_last": [whole["caveat"]],
        "drivers_methods": dict.fromkeys([*caveats, whole["caveat"]]),
    }  # fmt: skip
    for name, frame in tables.items():
        frame.attrs = {
            **facts, "quantity": QUANTITIES[name], "unit": units.get(name, load.unit),
            "caveat": "; ".join(filter(None, told_of.get(name, []))),
        }  # fmt: skip
    regions = tables["accounts"]["region"].unique()
    names = display_names([region for region in regions if region != WORLD], grouping)
    found = Drivers(
        table=table, load=load, label=label, years=tuple(labels), tables=tables,
        names=names | {WORLD: "World"},
        single=single_regions(pd.Index(list(names)), table, grouping),
        caveats=tuple(caveats),
        caveat_whole=str(whole["caveat"]), lacking=str(whole["lacking"]), absent=absent,
        per_head=years.population is not None, previous=years.previous is not None,
        method=years.method,
    )  # fmt: skip
    return Outcome(
        table=table, load=load,
        diagnosis=summed_diagnosis(label, {y: f["findings"] for y, f in each.items()}),
        tables=tables, residual=max(float(found["residual"]) for found in each.values()),
        headlines=headlines(found),
        pictures=lambda: pictures(found, study.drivers.largest),
        template="drivers/report.html.j2", page=lambda: drivers_page(found, study.drivers.largest),
        grouping=grouping,
    )  # fmt: skip
