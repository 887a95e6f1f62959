"""Sector studies: commodities and products followed from emission to consumption."""

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from carbonflows.accounts.driver import transfer_drivers
from carbonflows.accounts.emissions import Emissions, emissions
from carbonflows.accounts.footprint import footprint
from carbonflows.accounts.intensity import Denominator
from carbonflows.accounts.sector import product_trace, tracer
from carbonflows.accounts.stages import border_stages
from carbonflows.accounts.trace import Trace
from carbonflows.accounts.trade import trade_measures, world_share
from carbonflows.countries import country_names
from carbonflows.diagnosis import diagnose
from carbonflows.errors import StudyError, some
from carbonflows.labels import repeated
from carbonflows.regions import Grouping, load_grouping
from carbonflows.solve import Leontief
from carbonflows.study.analysis import Progress, largest_residual, with_year
from carbonflows.study.named import display_names, whichever
from carbonflows.study.outcome import Outcome
from carbonflows.study.sectors.page import (
    BORDERS,
    MOVES,
    SectorsFound,
    sector_headlines,
    sector_pictures,
    sectors_page,
    square,
)
from carbonflows.study.sectors.tonnes import per_tonne, route_table, tonnes_made, tonnes_routes
from carbonflows.study.sectors.weights import scaled, split_table
from carbonflows.study.spec import SectorSpec, Study
from carbonflows.table import IOTable

UNITS = {
    "sector_borders": "value: {gas}; share: 1", "sector_moves": "value: {gas}; share: 1",
    "sector_sources": "value: {gas}; share: 1", "weights": "total: {gas}; factor, change: 1",
    "per_tonne": "tonnes: t; the rest: t/t", "tonnes_routes": "t", "diagnosis": "see column unit",
}  # fmt: skip
"""Units of tables that are not simply emissions."""


def outcome(
    study: Study,
    table: IOTable,
    *,
    grouping: Grouping | None = None,
    given: Mapping[str, Denominator] | None = None,
    progress: Progress = lambda step: None,
) -> Outcome:
    """Compute sector studies.

    Parameters
    ----------
    study : Study
    table : IOTable
    grouping : Grouping, optional
        Groups instead of regions along the way of each commodity.
    given : mapping of str to Denominator, optional
        Not used here.
    progress : callable, optional
        Called with the name of each step.

    Returns
    -------
    Outcome
    """
    _require_sound(study)
    settings = study.emissions
    stages = load_grouping(study.placed(study.sectors.stages)) if study.sectors.stages else None
    split = split_table(table, study.split)
    progress("looking the table over")
    found = diagnose(split)

    def chosen(of: IOTable) -> Emissions:
        return emissions(
            of, settings.stressor, households=settings.households, orphans=settings.orphans
        )

    load = chosen(table)
    progress("solving")
    system = Leontief(table)
    residual = largest_residual(system, load)
    account = footprint(system, load, grouping=grouping)
    measures = trade_measures(system, load, grouping=grouping)
    progress("following the sectors")
    parted, parted_load = Leontief(split), chosen(split)
    traces = {
        one.name: _trace(one, study, parted, parted_load, grouping, first_use=True)
        for one in study.sector
    }
    made = {
        one.name: tonnes
        for one in study.sector
        if (tonnes := tonnes_made(study, one, split, traces[one.name], grouping)) is not None
    }
    progress("trying other weights")
    frames = {
        "accounts": _accounts(account),
        "trade_measures": measures.reset_index(),
        "world_share": world_share(system, load, grouping=grouping).reset_index(),
        "drivers": transfer_drivers(system, load, grouping=grouping).reset_index(),
        "sector_totals": _totals(traces),
        "sector_routes": pd.concat(
            [route_table(name, trace) for name, trace in traces.items()], ignore_index=True
        ),
        "sector_borders": _borders(traces),
        "sector_moves": _moves(study, traces),
        "sector_sources": _kinds(traces),
        "sector_in_products": _content(study, parted, parted_load, grouping),
    }
    if stages is not None:
        frames["border_stages"] = pd.concat(
            [
                border_stages(system, stages, load, measure=measure, grouping=grouping)
                .reset_index()
                .assign(measure=measure)
                for measure in ("throughflow", "eebt")
            ],
            ignore_index=True,
        )  # fmt: skip
    if study.split:
        frames["weights"] = _sensitivity(study, table, chosen, grouping, traces)
    if made:
        frames["per_tonne"] = per_tonne(study, traces, made)
        shipped = tonnes_routes(traces, made)
        if len(shipped):
            frames["tonnes_routes"] = shipped
    if study.published is not None:
        frames["published"] = _published(study, frames)
    frames["diagnosis"] = found.findings
    tables = {}
    for name, frame in frames.items():
        tables[name] = with_year(frame, table)
        usual: dict[Hashable, Any] = {
            "table": table.label, "stressor": load.name, "quantity": name.replace("_", " "),
        }  # fmt: skip
        usual["unit"] = UNITS.get(name, "{gas}").format(gas=load.unit)
        tables[name].attrs = {**usual, **frame.attrs}
    names = display_names(list(table.regions if grouping is None else grouping.groups), grouping)
    result = SectorsFound(study, table, load, traces, names, tables)
    return Outcome(
        table=table, load=load, diagnosis=found, tables=tables, residual=residual,
        headlines=sector_headlines(result), pictures=lambda: sector_pictures(result),
        template="sectors/report.html.j2", page=lambda: sectors_page(result), grouping=grouping,
    )  # fmt: skip


def _require_sound(study: Study) -> None:
    """Raise on what the schema of a study cannot say."""
    if not study.sector:
        raise StudyError("the study names no sectors to follow: add a [[sector]]")
    names = [one.name for one in study.sector]
    if twice := repeated(names):
        raise StudyError(f"two sectors of the study are called {some(twice)}: name them apart")
    for one in study.sector:
        columns = 4 if one.what == "commodity" else 3
        if one.heads and len(one.heads) != columns:
            raise StudyError(f"heads of {one.name}: give {columns}, one per column of its diagram")
        if one.per_tonne and not (len(one.per_tonne) == 2 and one.per_tonne[0] <= one.per_tonne[1]):
            raise StudyError(f"per_tonne of {one.name}: give the lowest and the highest, in order")


def _trace(
    one: SectorSpec, study: Study, system: Leontief, load: Emissions, grouping: Grouping | None,
    *, first_use: bool = False,
) -> Trace:  # fmt: skip
    """Follow one sector; with first use where that is a commodity."""
    sectors = whichever(system.table, one.sectors, one.name)
    shared: dict[str, Any] = {
        "electricity": whichever(system.table, study.sectors.electricity, "electricity"),
        "name": one.name, "grouping": grouping,
    }  # fmt: skip
    if one.what == "product":
        return product_trace(system, sectors, load, **shared)
    return tracer(system, sectors, load, first_use=first_use, **shared)


def _accounts(account: pd.DataFrame) -> pd.DataFrame:
    """Production, consumption and what the study prints of them."""
    frame = account.reset_index()[
        ["region", "production", "consumption", "direct", "exports", "imports", "net_exports"]
    ].copy()  # fmt: skip
    frame["consumption_over_production"] = frame["consumption"] / frame["production"] - 1
    frame["exported_gross"] = frame["exports"] / frame["production"]
    frame["exported_net"] = frame["net_exports"] / frame["production"]
    frame.attrs = {
        **account.attrs, "unit": f"{account.attrs['unit']}; the last three: 1",
    }  # fmt: skip
    return frame


def _totals(traces: Mapping[str, Trace]) -> pd.DataFrame:
    rows = []
    for name, trace in traces.items():
        made, consumed = trace.along("made"), trace.along("consumed")
        away = square(trace, "emitted", "consumed").to_numpy()
        rows.append(
            {
                "sector": name, "total": trace.total,
                "emitted_and_consumed_apart": float(away.sum() - away.trace()),
                "largest_maker": str(made.idxmax()), "largest_consumer": str(consumed.idxmax()),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _borders(traces: Mapping[str, Trace]) -> pd.DataFrame:
    parts = []
    for name, trace in traces.items():
        stages = replace(trace, uses=None).stages()
        frame = stages.reset_index()
        frame.insert(0, "sector", name)
        frame["what"] = [BORDERS[key] for key in stages.index]
        frame["share"] = frame["value"] / (trace.total or float("nan"))
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def _moves(study: Study, traces: Mapping[str, Trace]) -> pd.DataFrame:
    """What of each commodity's carbon crosses a border as what; it may in several forms."""
    rows = []
    for one in study.sector:
        if one.what == "commodity":
            trace = traces[one.name]
            whole = trace.total or float("nan")
            rows += [
                (one.name, MOVES[str(form)], value, value / whole)
                for form, value in trace.moves().items()
            ]
    return pd.DataFrame(rows, columns=["sector", "moves_as", "value", "share"])


def _kinds(traces: Mapping[str, Trace]) -> pd.DataFrame:
    """Emitted by the sector itself, making its electricity, or elsewhere upstream."""
    rows = []
    for name, trace in traces.items():
        whole = trace.total or float("nan")
        amounts = trace.kinds.mul(trace.deliveries.sum(axis=(1, 2)), axis=0).sum()
        rows += [
            {"sector": name, "kind": kind, "value": float(v), "share": float(v) / whole}
            for kind, v in amounts.items()
        ]
    return pd.DataFrame(rows)


def _content(
    study: Study, system: Leontief, load: Emissions, grouping: Grouping | None
) -> pd.DataFrame:
    """How much of each commodity's carbon ends in each product of the study."""
    power = whichever(system.table, study.sectors.electricity, "electricity")
    rows = []
    for commodity in study.sector:
        if commodity.what != "commodity":
            continue
        sectors = whichever(system.table, commodity.sectors, commodity.name)
        for product in study.sector:
            if product.what != "product":
                continue
            trace = tracer(
                system, sectors, load, electricity=power, grouping=grouping,
                products=whichever(system.table, product.sectors, product.name),
            )  # fmt: skip
            rows.append({"commodity": commodity.name, "product": product.name,
                         "value": trace.total})  # fmt: skip
    return pd.DataFrame(rows, columns=["commodity", "product", "value"])


def _published(study: Study, frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    assert study.published is not None
    account = frames["accounts"].set_index("region")
    world = frames["world_share"].set_index("measure")["share"]
    rows = []
    columns = {
        "consumption over production": "consumption_over_production",
        "exported share, gross": "exported_gross", "exported share, net": "exported_net",
    }  # fmt: skip
    for printed in study.published.values:
        if printed.quantity in columns:
            unknown = printed.region not in account.index
            if unknown and country_names([printed.region]) == [printed.region]:
                raise StudyError(
                    f"published.values: {printed.region!r} is no region of {study.table.source}, "
                    f"and no ISO code of a country; it has {some(account.index, 40)}"
                )
            found = {"": account[columns[printed.quantity]].get(printed.region, float("nan"))}
        elif printed.region != "world":
            raise StudyError(
                f"published.values: {printed.quantity!r} is of the world, not of "
                f'{printed.region!r}: write region = "world"'
            )
        elif printed.quantity == "traded share":
            found = {measure: world[measure] for measure in ("footprint", "eebt", "throughflow")}
        elif printed.quantity == "share of commodities" and "border_stages" in frames:
            found = {
                str(measure): rows_["total"][rows_["stage"] == "commodity"].sum()
                / rows_["total"][rows_["stage"] != "service"].sum()
                for measure, rows_ in frames["border_stages"].groupby("measure", sort=False)
            }
        else:
            raise StudyError(
                f"published.values: {printed.quantity!r} is not computed by a study of sectors"
            )
        rows += [
            (printed.quantity, printed.region, _counted(printed.quantity, str(measure)),
             printed.unit, printed.value, 100 * float(value))
            for measure, value in found.items()
        ]  # fmt: skip
    frame = pd.DataFrame(
        rows, columns=["quantity", "region", "measure", "unit", "published", "computed"]
    )
    frame.attrs = {"quantity": "printed beside computed", "unit": "see column unit",
                   "source": study.published.source}  # fmt: skip
    return frame


def _counted(quantity: str, measure: str) -> str:
    """Name the measure, and the whole where it is not all of trade."""
    return f"{measure}, of goods" if quantity == "share of commodities" else measure


def _sensitivity(
    study: Study, table: IOTable, chosen: Any, grouping: Grouping | None,
    traces: Mapping[str, Trace],
) -> pd.DataFrame:  # fmt: skip
    """What halving and doubling the shares of each part changes in each sector's total."""
    rows = []
    for place, one in enumerate(study.split):
        for part in one.parts:
            touched = [s for s in study.sector if part in [s.sectors, *s.sectors]]
            for factor in (0.5, 2.0) if touched else ():
                splits = list(study.split)
                splits[place] = scaled(one, part, factor)
                small = split_table(table, splits)
                system, load = Leontief(small), chosen(small)
                for sector in touched:
                    total = _trace(sector, study, system, load, grouping).total
                    base = traces[sector.name].total
                    rows.append(
                        {"sector": sector.name, "part": part, "factor": factor, "total": total,
                         "change": total / base - 1 if base else float("nan")}
                    )  # fmt: skip
    return pd.DataFrame(rows, columns=["sector", "part", "factor", "total", "change"])
