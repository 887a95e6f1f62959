"""Sector studies: commodities and products followed from emission to consumption."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from carbonflows.accounts.emissions import Emissions, emissions
from carbonflows.accounts.footprint import footprint
from carbonflows.accounts.intensity import Denominator
from carbonflows.accounts.sector import AXES, Axis, Trace, product_trace, tracer
from carbonflows.accounts.stages import border_stages
from carbonflows.accounts.trade import trade_measures, world_share
from carbonflows.diagnosis import diagnose
from carbonflows.errors import CarbonflowsError, StudyError, some
from carbonflows.labels import repeated
from carbonflows.regions import Grouping, country_names, load_grouping
from carbonflows.solve import Leontief
from carbonflows.splitting import Part, disaggregate
from carbonflows.study.analysis import Progress, with_year
from carbonflows.study.drill import drill_down
from carbonflows.study.html import html_table
from carbonflows.study.named import whichever
from carbonflows.study.outcome import Outcome, Picture
from carbonflows.study.spec import PartSpec, SectorSpec, SplitSpec, Study
from carbonflows.table import IOTable

BORDERS = {
    (False, False, False): "crosses no border",
    (True, False, False): "inputs only",
    (False, True, False): "commodity or components",
    (True, True, False): "inputs and commodity",
    (False, False, True): "finished product",
    (True, False, True): "inputs and product",
    (False, True, True): "commodity and product",
    (True, True, True): "all three",
}
"""Which borders carbon crosses (upstream, commodity, product), in words."""


@dataclass(frozen=True, eq=False)
class _Found:
    """What the tables, pictures and words of a study of sectors are made from."""

    study: Study
    table: IOTable
    load: Emissions
    traces: dict[str, Trace]
    names: dict[str, str]
    tables: dict[str, pd.DataFrame]

    @property
    def gas(self) -> str:
        load = self.load
        return load.unit if load.name in load.unit else f"{load.unit} {load.name}"


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
    split = table
    for one in study.split:
        split = disaggregate(split, whichever(table, [one.sector], one.sector)[0],
                             _parts(one, table))  # fmt: skip

    progress("looking the table over")
    found = diagnose(split)

    def chosen(of: IOTable) -> Emissions:
        return emissions(
            of, settings.stressor, households=settings.households, orphans=settings.orphans
        )

    load = chosen(table)
    progress("solving")
    system = Leontief(table)
    residual = max(
        system.multipliers(load.per_output(table)).residual, system.solution_by_region.residual
    )
    account = footprint(system, load)
    measures = trade_measures(system, load)
    progress("following the sectors")
    parted, parted_load = Leontief(split), chosen(split)
    traces = {one.name: _trace(one, study, parted, parted_load, grouping) for one in study.sector}
    progress("trying other weights")
    frames = {
        "accounts": _accounts(account),
        "trade_measures": measures.reset_index(),
        "world_share": world_share(system, load).reset_index(),
        "sector_totals": _totals(traces),
        "sector_routes": _routes(traces),
        "sector_borders": _borders(traces),
        "sector_sources": _kinds(traces),
        "sector_in_products": _content(study, parted, parted_load, grouping),
    }
    if stages is not None:
        frames["border_stages"] = pd.concat(
            [
                border_stages(system, stages, load, measure=measure)
                .reset_index()
                .assign(measure=measure)
                for measure in ("throughflow", "eebt")
            ],
            ignore_index=True,
        )  # fmt: skip
    if study.split:
        frames["weights"] = _sensitivity(study, table, chosen, grouping, traces)
    tonnes = _tonnes(study, traces)
    if tonnes is not None:
        frames["per_tonne"] = tonnes
    if study.published is not None:
        frames["published"] = _published(study, frames)
    frames["diagnosis"] = found.findings
    tables = {}
    for name, frame in frames.items():
        tables[name] = with_year(frame, table)
        usual: dict[Hashable, Any] = {
            "table": table.label, "stressor": load.name, "unit": load.unit,
            "quantity": name.replace("_", " "),
        }  # fmt: skip
        tables[name].attrs = {**usual, **frame.attrs}
    labels = list(table.regions) if grouping is None else list(grouping.groups)
    names = dict(zip(labels, labels, strict=True))
    if grouping is None:
        names = dict(zip(labels, country_names(labels), strict=True))
    result = _Found(study, table, load, traces, names, tables)
    return Outcome(
        table=table, load=load, diagnosis=found, tables=tables, residual=residual,
        headlines=_headlines(result), pictures=lambda: _pictures(result),
        template="sectors.html.j2", page=lambda: _page(result), grouping=grouping,
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


def _parts(split: SplitSpec, table: IOTable, scaled: Mapping[str, float] | None = None) -> dict[
    str, Part
]:  # fmt: skip
    """Read the parts of a split, one of them made larger or smaller if that is asked for."""

    def partners(shares: Mapping[str, float]) -> dict[str, float]:
        return {
            "final demand" if key == "final demand" else whichever(table, key, split.sector)[0]: v
            for key, v in shares.items()
        }

    def part(spec: PartSpec) -> Part:
        return Part(
            spec.output, sales=partners(spec.sales), inputs=partners(spec.inputs),
            emissions=spec.emissions,
        )  # fmt: skip

    return {name: part(spec) for name, spec in split.parts.items()}


def _scaled(split: SplitSpec, name: str, factor: float) -> SplitSpec:
    """Make all shares of one part larger or smaller, the others' in proportion."""

    def share(shares: Mapping[str, float]) -> dict[str, float]:
        mine = min(1.0, factor * shares[name])
        rest = 1 - shares[name]
        return {
            other: mine if other == name else value * (1 - mine) / rest if rest else 0.0
            for other, value in shares.items()
        }

    def weight(field: str) -> dict[str, Any]:
        given = {other: getattr(part, field) for other, part in split.parts.items()}
        if all(value is None for value in given.values()):
            return given
        given = {
            other: split.parts[other].output if value is None else value
            for other, value in given.items()
        }
        regions = next((list(v) for v in given.values() if isinstance(v, dict)), None)
        if regions is None:
            return share(given)
        by_region = {
            region: share({o: v[region] if isinstance(v, dict) else v for o, v in given.items()})
            for region in regions
        }
        return {o: {region: by_region[region][o] for region in regions} for o in given}

    def partners(field: str) -> dict[str, dict[str, float]]:
        keys = dict.fromkeys(key for part in split.parts.values() for key in getattr(part, field))
        by_key = {
            key: share({o: getattr(part, field).get(key, 0.0) for o, part in split.parts.items()})
            for key in keys
        }
        return {other: {key: by_key[key][other] for key in keys} for other in split.parts}

    output, emitted = weight("output"), weight("emissions")
    sales, inputs = partners("sales"), partners("inputs")
    parts = {
        other: PartSpec(
            output=output[other], emissions=emitted[other], sales=sales[other],
            inputs=inputs[other],
        )
        for other in split.parts
    }  # fmt: skip
    return split.model_copy(update={"parts": parts})


def _trace(
    one: SectorSpec, study: Study, system: Leontief, load: Emissions, grouping: Grouping | None
) -> Trace:
    sectors = whichever(system.table, one.sectors, one.name)
    power = whichever(system.table, study.sectors.electricity, "electricity")
    follow = tracer if one.what == "commodity" else product_trace
    return follow(system, sectors, load, electricity=power, name=one.name, grouping=grouping)


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


def square(trace: Trace, rows: Axis, columns: Axis) -> pd.DataFrame:
    """Carbon from each region of one stage to each region of another, (m, m)."""
    values = trace.along(rows, columns).to_numpy().reshape(len(trace.regions), -1)
    return pd.DataFrame(values, trace.regions, trace.regions)


def _routes(traces: Mapping[str, Trace]) -> pd.DataFrame:
    """Every step of the way: from region to region, by pair of neighbouring stages."""
    parts = []
    for name, trace in traces.items():
        for first, second in pairwise(AXES):
            values = trace.along(first, second)
            index = values.index
            parts.append(
                pd.DataFrame(
                    {
                        "sector": name, "from_stage": first, "to_stage": second,
                        "from_region": index.get_level_values(0),
                        "to_region": index.get_level_values(1), "value": values.to_numpy(),
                    }
                )
            )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _borders(traces: Mapping[str, Trace]) -> pd.DataFrame:
    parts = []
    for name, trace in traces.items():
        stages = trace.stages()
        frame = stages.reset_index()
        frame.insert(0, "sector", name)
        frame["what"] = [BORDERS[key] for key in stages.index]
        frame["share"] = frame["value"] / trace.total
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def _kinds(traces: Mapping[str, Trace]) -> pd.DataFrame:
    """Emitted by the sector itself, making its electricity, or elsewhere upstream."""
    rows = []
    for name, trace in traces.items():
        amounts = trace.kinds.mul(trace.deliveries.sum(axis=(1, 2)), axis=0).sum()
        rows += [
            {"sector": name, "kind": kind, "value": float(v), "share": float(v) / trace.total}
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
                splits[place] = _scaled(one, part, factor)
                small = table
                for split in splits:
                    small = disaggregate(
                        small, whichever(table, [split.sector], split.sector)[0],
                        _parts(split, table),
                    )  # fmt: skip
                system, load = Leontief(small), chosen(small)
                for sector in touched:
                    total = _trace(sector, study, system, load, grouping).total
                    base = traces[sector.name].total
                    rows.append(
                        {"sector": sector.name, "part": part, "factor": factor, "total": total,
                         "change": total / base - 1 if base else float("nan")}
                    )  # fmt: skip
    return pd.DataFrame(rows, columns=["sector", "part", "factor", "total", "change"])


def _tonnes(study: Study, traces: Mapping[str, Trace]) -> pd.DataFrame | None:
    """Carbon per tonne where the study gives tonnes made, beside its bottom-up range."""
    from carbonflows import units

    parts = []
    for one in study.sector:
        if one.tonnes is None:
            continue
        path = Path(study.placed(one.tonnes))
        try:
            made = pd.read_csv(path, comment="#").set_index("region")["tonnes"].astype(float)
        except (OSError, KeyError, ValueError) as error:
            raise StudyError(
                f"{path}: tonnes of {one.name} cannot be read ({error}); give the columns region "
                "and tonnes"
            ) from error
        if not (made > 0).all() or made.index.has_duplicates:
            raise StudyError(f"{path}: give each region once, with tonnes above zero")
        trace = traces[one.name]
        per_money = trace.per_delivery.sum(axis=0)
        content = pd.Series(per_money * trace.output).groupby(
            trace.regions[trace.made].to_numpy(), sort=False
        ).sum()  # fmt: skip
        unknown = [region for region in made.index if region not in content.index]
        if unknown:
            raise StudyError(f"{path}: {some(unknown)} makes no {one.name} in this table")
        rate = units.factor(trace.unit, "t") * content.reindex(made.index) / made
        low, high = one.per_tonne if len(one.per_tonne) == 2 else (float("nan"), float("nan"))
        parts.append(
            pd.DataFrame(
                {
                    "sector": one.name, "region": made.index, "tonnes": made.to_numpy(),
                    "carbon_per_tonne": rate.to_numpy(), "range_low": low, "range_high": high,
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else None


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
            found = {"": account[columns[printed.quantity]].get(printed.region, float("nan"))}
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


def _headlines(found: _Found) -> list[str]:
    account = found.tables["accounts"].set_index("region")
    world = found.tables["world_share"].set_index("measure")["share"]
    ratio = (100 * account["consumption_over_production"]).sort_values(ascending=False)
    single = [r for r in ratio.index if "*" not in found.table.members[r]]
    listed = ", ".join(
        f"{found.names.get(r, r)} {ratio[r]:+.0f} %" for r in ratio[single].index[:5]
    )
    lines = [
        f"{found.table.label}: {100 * world['footprint']:.1f} % of the world's emissions are "
        f"traded (footprint), {100 * world['eebt']:.1f} % in what exporters emit (EEBT), "
        f"{100 * world['throughflow']:.1f} % counting every border (throughflow).",
        f"Consumption over production, largest: {listed}.".replace("-", "−"),
    ]
    most = account.loc[single, "exports"].idxmax()
    lines.append(
        f"{found.names.get(most, most)} exports {100 * account['exported_gross'][most]:.1f} % of "
        f"its emissions gross, {100 * account['exported_net'][most]:.1f} % net."
    )
    totals = found.tables["sector_totals"]
    whole = account["production"].sum()
    biggest = totals.loc[totals["total"].idxmax()]
    lines.append(
        f"Of the sectors here {biggest['sector'].lower()} carries most: {biggest['total']:,.0f} "
        f"{found.gas}, {100 * biggest['total'] / whole:.1f} % of all emissions; "
        f"{100 * biggest['emitted_and_consumed_apart'] / biggest['total']:.0f} % of it is emitted "
        "in one region and consumed in another."
    )
    totals = totals.assign(share=totals["emitted_and_consumed_apart"] / totals["total"])
    far = totals.loc[totals["share"].idxmax()]
    lines.append(
        f"Most international is {far['sector'].lower()}: {100 * far['share']:.0f} % of its carbon "
        "is consumed in another region than it was emitted in."
    )
    return lines


def _pictures(found: _Found) -> Iterator[Picture]:
    from carbonflows.figures.chain import chain
    from carbonflows.figures.stacks import stacked_shares
    from carbonflows.figures.style import OTHER, qualitative

    source = f"Source: {found.table.label}, carbonflows"
    borders = found.tables["sector_borders"].pivot_table(
        index="sector", columns="what", values="value", sort=False
    )
    borders = borders.reindex(columns=list(BORDERS.values())).fillna(0.0)
    borders = borders.loc[:, borders.sum() > 0]
    colours = dict(zip(borders.columns, [OTHER, *qualitative(len(borders.columns))], strict=False))
    yield _drawn(
        "borders", ("sector_borders",),
        "Carbon of each sector by the borders it crosses on its way: with inputs of the sector, "
        "with the commodity and what is made of it, with the finished product.",
        lambda: stacked_shares(
            borders, unit=found.gas, colours=colours, source=source,
            title="How the carbon of sectors crosses borders",
            subtitle="Share of all carbon on supply chains through the sector",
        ),
    )  # fmt: skip
    kinds = found.tables["sector_sources"].pivot_table(
        index="sector", columns="kind", values="value", sort=False
    )
    yield _drawn(
        "sources", ("sector_sources",),
        "Where on the supply chain the carbon is emitted: by the sector itself, making the "
        "electricity it buys directly or not, or elsewhere.",
        lambda: stacked_shares(
            kinds, unit=found.gas, source=source,
            labels={"direct": "Sector itself", "electricity": "Electricity", "other": "Other"},
            title="Where the carbon of sectors is emitted",
            subtitle="Sector itself, electricity, and all else upstream",
        ),
    )  # fmt: skip
    for one in found.study.sector:
        trace = found.traces[one.name]
        axes, heads, title, subtitle = _way(found, one)
        links = [square(trace, *step) for step in pairwise(axes)]
        yield _drawn(
            f"way_{_stem(one.name)}", ("sector_routes", "sector_totals"),
            f"{title}, by region: {subtitle[0].lower()}{subtitle[1:]}.",
            lambda links=links, heads=heads, title=title, subtitle=subtitle: chain(
                links, heads=heads, unit=found.gas, labels=found.names, source=source,
                title=title, subtitle=subtitle, palette=_palette(found),
            ),
        )  # fmt: skip


def _way(found: _Found, one: SectorSpec) -> tuple[tuple[Axis, ...], list[str], str, str]:
    """Stages that a sector's carbon is followed through, their heads, a title and a subtitle."""
    axes, heads, what = (
        (AXES, ["Emitted in", "Made in", "Finished in", "Consumed in"],
         "All emissions on supply chains that pass through the sector")
        if one.what == "commodity"
        else (("emitted", "assembled", "consumed"), ["Emitted in", "Finished in", "Consumed in"],
              "All emissions embodied in final demand for these products")
    )  # fmt: skip
    title = f"The carbon of {one.name[0].lower()}{one.name[1:]} on its way"
    return axes, one.heads or heads, title, f"{what}, {found.table.label}"


def _palette(found: _Found) -> dict[str, str]:
    """One colour per region in all diagrams of the study."""
    from carbonflows.figures.chain import palette_of

    return palette_of([[trace.along(axis) for axis in AXES] for trace in found.traces.values()])


def _interactive(found: _Found, one: SectorSpec) -> dict[str, Any]:
    """What the page needs to take a sector's way apart; nothing to take where nothing flows."""
    axes, heads, title, subtitle = _way(found, one)
    try:
        drill = drill_down(
            found.traces[one.name], axes, heads=heads, unit=found.gas, labels=found.names,
            palette=_palette(found),
        )  # fmt: skip
    except CarbonflowsError:  # the figure's caption says why
        drill = {}
    return {"drill": drill, "title": title, "subtitle": subtitle}


def _drawn(stem: str, tables: tuple[str, ...], caption: str, draw: Any) -> Picture:
    try:
        return Picture(stem, draw(), caption, tables)
    except CarbonflowsError as error:
        return Picture(stem, None, f"{stem.replace('_', ' ')}: not drawn. {error}", tables)


def _stem(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name.lower())


def _page(found: _Found) -> dict[str, Any]:
    from markupsafe import Markup

    gas, tables = found.gas, {k: v.drop(columns="year") for k, v in found.tables.items()}

    def html(frame: pd.DataFrame, caption: str, **options: Any) -> Markup:
        shown = frame.copy()
        for column in ("region", "from_region", "to_region", "largest_maker", "largest_consumer"):
            if column in shown:
                shown[column] = [found.names.get(str(r), str(r)) for r in shown[column]]
        shown.columns = pd.Index(
            [str(c).replace("_", " ")[:1].upper() + str(c).replace("_", " ")[1:] for c in shown]
        )
        return Markup(html_table(shown, caption, **options))

    account = tables["accounts"].sort_values("consumption_over_production", ascending=False)
    account = account.assign(
        **{
            f"{name} [%]": 100 * account[column]
            for name, column in (
                ("consumption over production", "consumption_over_production"),
                ("exported gross", "exported_gross"), ("exported net", "exported_net"),
            )
        }
    )  # fmt: skip
    account = account.drop(
        columns=["direct", "consumption_over_production", "exported_gross", "exported_net"]
    )
    borders = tables["sector_borders"].assign(share=100 * tables["sector_borders"]["share"])
    wide = borders.pivot_table(index="sector", columns="what", values="share", sort=False)
    kinds = tables["sector_sources"].pivot_table(
        index="sector", columns="kind", values="value", sort=False
    )
    context: dict[str, Any] = {
        "accounts": html(account, f"Production, consumption and trade (footprint), {gas}"),
        "totals": html(tables["sector_totals"], f"Carbon on all chains through each sector, {gas}"),
        "borders": html(wide.reset_index(), "Share by borders crossed, %"),
        "kinds": html(kinds.reset_index(), f"Emitted by the sector, for power, elsewhere, {gas}"),
        "content": html(
            tables["sector_in_products"].pivot_table(
                index="commodity", columns="product", values="value", sort=False
            ).reset_index(),
            f"Carbon of commodities that ends in these products, {gas}",
        ) if len(tables["sector_in_products"]) else "",
        "published": html(tables["published"], "", digits=1) if "published" in tables else "",
        "stages": "", "weights": "", "per_tonne": "",
        "studies": [
            {"name": one.name, "anchor": _stem(one.name), "stem": f"way_{_stem(one.name)}",
             "note": one.note, "routes": html(_largest(tables["sector_routes"], one.name),
                                              f"Largest flows between regions, {gas}"),
             **_interactive(found, one)}
            for one in found.study.sector
        ],
        "splits": [
            {"sector": s.sector.split("|")[0], "parts": ", ".join(s.parts), "note": s.note}
            for s in found.study.split
        ],
        "sections": [
            ("accounts", "Accounts"), ("borders", "At the border"), ("studies", "Sector studies"),
            ("published", "Printed and computed"), ("table", "The table"),
            ("provenance", "Provenance"),
        ],
    }  # fmt: skip
    if "border_stages" in tables:
        stages = tables["border_stages"].groupby(["measure", "stage"], sort=False)[
            ["intermediate", "final", "total"]
        ].sum()  # fmt: skip
        stages["share [%]"] = (
            100 * stages["total"] / stages["total"].groupby(level=0).transform("sum")
        )
        context["stages"] = html(stages.reset_index(), f"What crosses borders, {gas}")
    if "weights" in tables:
        weights = tables["weights"].assign(change=100 * tables["weights"]["change"])
        context["weights"] = html(
            weights.rename(columns={"change": "change [%]", "total": f"total [{gas}]"}),
            "All shares of a part halved or doubled, the others in proportion",
        )
    if "per_tonne" in tables:
        context["per_tonne"] = html(tables["per_tonne"], "Tonnes of CO2 per tonne made", digits=2)
    return context


def _largest(routes: pd.DataFrame, sector: str, top: int = 8) -> pd.DataFrame:
    """The largest flows between two regions, of any step."""
    rows = routes[(routes["sector"] == sector) & (routes["from_region"] != routes["to_region"])]
    return rows.nlargest(top, "value").drop(columns="sector")
