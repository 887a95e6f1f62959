"""A study over several years: each year as the study of one table, then what changed."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pandas as pd

from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.intensity import Denominator
from carbonflows.change.agreement import Border, agreed, require_alike
from carbonflows.change.items import items, keeps, told
from carbonflows.change.panel import Label, Panel, naming
from carbonflows.change.trend import trend
from carbonflows.diagnosis import LEVELS, Diagnosis
from carbonflows.errors import StudyError
from carbonflows.regions import Grouping, load_grouping
from carbonflows.study.analysis import Progress
from carbonflows.study.kinds import KINDS
from carbonflows.study.named import display_names, single_regions
from carbonflows.study.outcome import Outcome
from carbonflows.study.series.page import Series, series_headlines, series_page
from carbonflows.study.series.pictures import series_pictures
from carbonflows.study.spec import Study
from carbonflows.study.year_words import tables_span
from carbonflows.table import IOTable
from carbonflows.work import Work

TRENDS = {
    "flows": {"trend": "accounts", "trend_world_share": "world_share"},
    "bridge": {"trend": "accounts", "trend_world_share": "world_share", "trend_ladder": "ladder"},
    "sectors": {
        "trend": "accounts", "trend_world_share": "world_share", "trend_sectors": "sector_totals",
    },
}  # fmt: skip
"""Table of first and last year → the yearly table it is made of, by kind of study."""


def outcome(
    study: Study,
    panel: Panel,
    *,
    grouping: Grouping | None = None,
    given: Mapping[int | None, Mapping[str, Denominator]] | None = None,
    absent: tuple[int, ...] = (),
    progress: Progress = lambda step: None,
    work: Work | None = None,
) -> Outcome:
    """Compute a study of flows, bridge or sectors for each year of a panel.

    Parameters
    ----------
    study : Study
    panel : Panel
        Two years or more.
    grouping : Grouping, optional
        The study's groups, loaded.
    given : mapping of int to mapping of str to Denominator, optional
        Denominators from outside the tables, by year.
    absent : tuple of int
        Years that were asked for and are not there; headlines say so.
    progress : callable, optional
        Called with the name of each step.
    work : Work, optional
        Where the years are worked on, and whether finished ones are kept.

    Returns
    -------
    Outcome
        The study's own tables with the years under each other, ``years`` (what each year's table
        is) and the trends from the first to the last. Table and emissions are those of the last
        year. Numbers that a study printed belong to one year and are not compared.

    Raises
    ------
    StudyError
        Fewer than two years.
    LabelError, UnitError
        Regions, sectors, money or units of emissions that are not those of the year before.
    CarbonflowsError
        Whatever keeps a year from being computed; the message names it.
    """
    if panel.level != "year" or len(panel) < 2:
        raise StudyError(
            f"table.years: there is only {panel.labels[0]}: a series needs two years or more"
        )
    work = work or Work()
    job = _Job(panel, study.model_copy(update={"published": None}), grouping, dict(given or {}))
    progress(f"computing {len(panel)} years")
    key = {"series": job.told()} if keeps(work) else None
    listed = items(panel, work)
    found = work.results(_year, listed, what="years", shared=job, key=key)
    borders: dict[Label, Border] = {}
    for label, one in zip(panel.labels, found, strict=True):
        borders[label] = Border.told(one["border"])
        require_alike(borders, "year")
    progress("putting years together")
    years = dict(zip(map(int, panel.labels), found, strict=True))
    with naming(f"year {panel.labels[-1]}"):
        table = panel.table(panel.labels[-1])
    settings = study.emissions
    load = emissions(
        table, settings.stressor, households=settings.households, orphans=settings.orphans
    )
    tables = _stacked({year: one["tables"] for year, one in years.items()})
    span = tables_span(table, *(int(panel.labels[place]) for place in (0, -1)))
    for name, source in TRENDS[study.kind].items():
        level = f"{source}_groups" if f"{source}_groups" in tables else source
        tables[name] = _trend(tables[level])
    for frame in tables.values():
        frame.attrs["table"] = span
    tables["years"] = _years(years)
    labels = list(dict.fromkeys(tables["trend"]["region"]))
    result = Series(
        study=study, tables=tables, gas=load.gas, stressor=load.name, span=span,
        years=tuple(years), absent=absent,
        names=display_names(labels, grouping),
        single=single_regions(pd.Index(labels), table, grouping),
        grouped=grouping is not None,
    )  # fmt: skip
    return Outcome(
        table=table, load=load, diagnosis=_diagnosis(span, tables["diagnosis"]), tables=tables,
        residual=max(one["residual"] for one in found), headlines=series_headlines(result),
        pictures=lambda: series_pictures(result), template="series/report.html.j2",
        page=lambda: series_page(result), grouping=grouping,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Job:
    """What every year needs."""

    panel: Panel
    study: Study
    grouping: Grouping | None
    given: Mapping[int | None, Mapping[str, Denominator]]

    def told(self) -> Any:
        """Name all of it by content but the tables."""
        kept = self.study.model_dump(
            mode="json",
            include={"kind", "emissions", "grouping", "intensity", "bridge", "sectors", "split",
                     "sector"},
        )  # fmt: skip
        stages = self.study.sectors.stages
        read = None if stages is None else load_grouping(self.study.placed(stages))
        return told([kept, self.grouping, read, self.given])


def _year(job: _Job, item: Mapping[str, Any]) -> dict[str, Any]:
    """Compute the study of one year, wherever this runs."""
    year = item["member"]
    table = job.panel.table(year)
    kind = import_module(f"carbonflows.study.{KINDS[job.study.kind]}")
    with naming(f"year {year}"):
        found: Outcome = kind.outcome(
            job.study, table, grouping=job.grouping, given=dict(job.given.get(year, {}))
        )
    tables = {}
    for name, frame in found.tables.items():
        tables[name] = frame.assign(year=year)  # also where the table itself states none
        tables[name].attrs = dict(frame.attrs)
    return {
        "border": Border.of(table).facts(),
        "tables": tables,
        "residual": found.residual,
        "facts": _facts(table, found),
    }


def _facts(table: IOTable, found: Outcome) -> dict[str, Any]:
    """What the table of years says of one."""
    return {
        "table": table.label, "money": table.unit, "price_basis": table.price_basis,
        "emissions": float(found.load.production.sum() + found.load.orphaned.sum()
                           + found.load.final.sum()),
        "unit": found.load.unit, "worst_finding": found.diagnosis.worst,
    }  # fmt: skip


def _stacked(years: Mapping[int, Mapping[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """Put the tables of all years under each other."""
    stacked = {}
    for name in dict.fromkeys(name for tables in years.values() for name in tables):
        parts = {year: tables[name] for year, tables in years.items() if name in tables}
        attrs = agreed({year: frame.attrs for year, frame in parts.items()}, "year")
        filled = [frame for frame in parts.values() if len(frame)] or list(parts.values())[:1]
        for frame in filled:
            frame.attrs = {}
        stacked[name] = pd.concat(filled, ignore_index=True)
        stacked[name].attrs = attrs
    return stacked


def _trend(frame: pd.DataFrame) -> pd.DataFrame:
    """First and last year of a table beside each other, dated by both."""
    numbers = [c for c in frame.columns[2:] if pd.api.types.is_numeric_dtype(frame[c])]
    found = trend(frame[[*frame.columns[:2], *numbers]])
    attrs: dict[Hashable, Any] = {
        **frame.attrs, "quantity": f"first and last year: {frame.attrs.get('quantity', 'values')}",
        "unit": f"first, last, change, per_year: {frame.attrs.get('unit', 'as the table')}; "
        "percent: %; percent_per_year: %/yr",
    }  # fmt: skip
    found.insert(0, "year", found.attrs["last"])
    found.insert(1, "since", found.attrs["first"])
    found.attrs = attrs
    return found


def _years(years: Mapping[int, Mapping[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(
        [{"year": year, **one["facts"], "residual": one["residual"]} for year, one in years.items()]
    )
    frame.attrs = {"quantity": "tables of the series", "unit": "emissions: see column unit"}
    return frame


def _diagnosis(span: str, findings: pd.DataFrame) -> Diagnosis:
    """All findings of all years, the gravest first."""
    order = findings["level"].map(lambda level: -LEVELS.index(level))
    return Diagnosis(span, findings.loc[order.sort_values(kind="stable").index])
