"""What a study of sectors draws and says: headlines, figures and the report's tables."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from html import escape
from itertools import pairwise
from typing import Any

import pandas as pd

from carbonflows.accounts.emissions import Emissions
from carbonflows.accounts.trace import AXES, Axis, Trace
from carbonflows.errors import CarbonflowsError, some
from carbonflows.study.html import html_table
from carbonflows.study.outcome import Picture, drawn, file_stem
from carbonflows.study.sectors.drill import drill_down
from carbonflows.study.sectors.tonnes import missing_makers
from carbonflows.study.spec import SectorSpec, Study
from carbonflows.table import IOTable

BORDERS = {
    (False, False, False): "crosses no border",
    (True, False, False): "before it is made",
    (False, True, False): "as commodity",
    (True, True, False): "before and as commodity",
    (False, False, True): "as product",
    (True, False, True): "before and as product",
    (False, True, True): "as commodity and product",
    (True, True, True): "at all three",
}
"""Which borders carbon crosses (upstream, commodity, product), in words."""

MOVES = {
    "upstream": "on its way to the last maker",
    "between makers": "as the commodity, from maker to maker",
    "commodity": "as the commodity, to its first user",
    "components": "as components made of it",
    "product": "in the finished product",
    "none": "crosses no border",
}
"""What carbon crosses a border as, by form in `Trace.moves`."""
DRIVERS = ("volume", "mix", "intensity", "imbalance")
"""Why consumption differs from production."""
NEGLIGIBLE = 0.05
"""Percent of production below which a driver is not drawn in any region."""
STAGES = {
    "emitted": "emitted", "made": "made", "used": "first used", "assembled": "finished",
    "consumed": "consumed",
}  # fmt: skip
"""Stages of a way as they are printed."""


@dataclass(frozen=True, eq=False)
class SectorsFound:
    """What the tables, pictures and words of a study of sectors are made from."""

    study: Study
    table: IOTable
    load: Emissions
    traces: dict[str, Trace]
    names: dict[str, str]
    tables: dict[str, pd.DataFrame]

    @property
    def gas(self) -> str:
        """Unit of all emissions, with what they are of."""
        return self.load.gas

    @cached_property
    def palette(self) -> dict[str, str]:
        """One colour per region in all diagrams of the study."""
        from carbonflows.figures.chain import palette_of

        return palette_of([[trace.along(axis) for axis in AXES] for trace in self.traces.values()])


def square(trace: Trace, rows: Axis, columns: Axis) -> pd.DataFrame:
    """Carbon from each region of one stage to each region of another, (m, m)."""
    values = trace.along(rows, columns).to_numpy().reshape(len(trace.regions), -1)
    return pd.DataFrame(values, trace.regions, trace.regions)


def sector_headlines(found: SectorsFound) -> list[str]:
    """Five lines worth knowing."""
    account = found.tables["accounts"].set_index("region")
    world = found.tables["world_share"].set_index("measure")["share"]
    ratio = (100 * account["consumption_over_production"]).sort_values(ascending=False)
    single = [r for r in ratio.index if "*" not in found.table.members.get(r, ())]
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
    totals = found.tables["sector_totals"].query("total > 0")
    if totals.empty:
        return [*lines, "No carbon passes through the sectors of this study."]
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


def sector_pictures(found: SectorsFound) -> Iterator[Picture]:
    """Draw the figures of a study of sectors one after the other."""
    from carbonflows.figures.balance import balance_bars
    from carbonflows.figures.bars import all_or
    from carbonflows.figures.chain import chain
    from carbonflows.figures.groups import grouped_shares
    from carbonflows.figures.stacks import stacked_shares
    from carbonflows.figures.style import OTHER, qualitative

    source = f"Source: {found.table.label}, carbonflows"
    drivers = 100 * found.tables["drivers"].set_index("region")[["ratio", *DRIVERS]].dropna()
    parts = drivers[list(DRIVERS)].loc[:, lambda frame: frame.abs().max() > NEGLIGIBLE]
    yield drawn(
        "drivers", ("drivers",),
        "Consumption over production less 1, cut into the volume of trade, the mix of products and "
        "the intensity of imports against the same products made at home.",
        lambda: balance_bars(
            parts, unit="% of production", net=drivers["ratio"].rename("In all"),
            top=all_or(40, len(parts)),
            labels=found.names, column_names={"intensity": "Intensity abroad against home"},
            sides=("Consumes less", "Consumes more"), source=source,
            title="Why consumption differs from production",
            subtitle=f"Consumption over production less 1, {found.table.label}",
        ),
    )  # fmt: skip
    borders = found.tables["sector_borders"].pivot_table(
        index="sector", columns="what", values="value", sort=False
    )
    borders = borders.reindex(columns=list(BORDERS.values())).fillna(0.0)
    borders = borders.loc[:, borders.sum() > 0]
    colours = dict(zip(borders.columns, [OTHER, *qualitative(len(borders.columns))], strict=False))
    yield drawn(
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
    yield drawn(
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
    if len(found.tables["sector_moves"]) and found.tables["sector_moves"]["value"].sum() > 0:
        moves = found.tables["sector_moves"].pivot_table(
            index="sector", columns="moves_as", values="share", sort=False
        )
        yield drawn(
            "moves", ("sector_moves",),
            "Share of each commodity's carbon that crosses a border in this form; carbon that does "
            "so in several forms is counted in each.",
            lambda: grouped_shares(
                100 * moves[[form for key, form in MOVES.items() if key != "none"]], source=source,
                title="In which form carbon crosses borders",
                subtitle="Percent of the carbon on all supply chains through the commodity",
                note="Carbon that crosses borders in several forms is counted in each.",
            ),
        )  # fmt: skip
    for one in found.study.sector:
        trace = found.traces[one.name]
        axes, heads, title, subtitle = _way(found, one)
        links = [square(trace, *step) for step in pairwise(axes)]
        yield drawn(
            f"way_{file_stem(one.name.lower())}", ("sector_routes", "sector_totals"),
            f"{title}, by region: {subtitle[0].lower()}{subtitle[1:]}.",
            partial(
                chain,
                links, heads=heads, unit=found.gas, labels=found.names, source=source,
                title=title, subtitle=subtitle, palette=found.palette,
            ),
        )  # fmt: skip


def _way(found: SectorsFound, one: SectorSpec) -> tuple[tuple[Axis, ...], list[str], str, str]:
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


def _interactive(found: SectorsFound, one: SectorSpec) -> dict[str, Any]:
    """What the page needs to take a sector's way apart; nothing to take where nothing flows."""
    axes, heads, title, subtitle = _way(found, one)
    try:
        drill = drill_down(
            found.traces[one.name], axes, heads=heads, unit=found.gas, labels=found.names,
            palette=found.palette,
        )  # fmt: skip
    except CarbonflowsError:  # the figure's caption says why
        drill = {}
    return {"drill": drill, "title": title, "subtitle": subtitle}


def sectors_page(found: SectorsFound) -> dict[str, Any]:
    """Give the template of sectors its tables as HTML and its sentences."""
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
                ("exported gross", "exported_gross"),
            )
        }
    )  # fmt: skip
    account = account.drop(
        columns=["direct", "consumption_over_production", "exported_gross", "exported_net"]
    )
    drivers = tables["drivers"].set_index("region")[["ratio", *DRIVERS]].loc[account["region"]]
    borders = tables["sector_borders"].assign(share=100 * tables["sector_borders"]["share"])
    wide = borders.pivot_table(index="sector", columns="what", values="share", sort=False)
    kinds = tables["sector_sources"].pivot_table(
        index="sector", columns="kind", values="value", sort=False
    )
    context: dict[str, Any] = {
        "accounts": html(account, f"Production, consumption and trade (footprint), {gas}"),
        "drivers": html(
            (100 * drivers).rename(columns={"ratio": "in all"}).reset_index(),
            "Consumption over production less 1, by what drives it, %", digits=1,
        ),
        "moves": html(
            (100 * tables["sector_moves"].pivot_table(
                index="sector", columns="moves_as", values="share", sort=False
            )).reset_index(),
            "Share that crosses a border as this, %; what does so twice is in two columns",
        ) if tables["sector_moves"]["value"].sum() > 0 else "",
        "totals": html(tables["sector_totals"], f"Carbon on all chains through each sector, {gas}"),
        "borders": html(wide.reset_index(), "Share by borders crossed, %"),
        "kinds": html(kinds.reset_index(), f"Emitted by the sector, for power, elsewhere, {gas}"),
        "content": html(
            tables["sector_in_products"].pivot_table(
                index="commodity", columns="product", values="value", sort=False
            ).reset_index(),
            f"Carbon of commodities that ends in these products, {gas}",
        ) if len(tables["sector_in_products"]) else "",
        "published": (
            html(tables["published"], "Printed beside computed", digits=1)
            if "published" in tables
            else ""
        ),
        "stages": "", "weights": "", "per_tonne": "",
        "studies": [
            {"name": one.name, "anchor": file_stem(one.name.lower()),
             "stem": f"way_{file_stem(one.name.lower())}",
             "note": one.note, "tonnes": "",
             "routes": html(
                 _largest(tables["sector_routes"], one.name),
                 f"Largest flows between regions, {gas}",
             ),
             **_interactive(found, one)}
            for one in found.study.sector
        ],
        "splits": [
            {"sector": s.sector.split("|")[0], "parts": ", ".join(s.parts), "note": s.note}
            for s in found.study.split
        ],
        "sections": [
            ("accounts", "Accounts"), ("at-the-border", "At the border"),
            ("studies", "Sector studies"),
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
            "Odds of all shares of a part halved or doubled, the others in proportion",
        )
    if "per_tonne" in tables:
        context["per_tonne"] = html(tables["per_tonne"], "Tonnes of CO2 per tonne made", digits=2)
    for study in context["studies"] if "per_tonne" in tables else ():
        study["tonnes"] = Markup(_shipments(found, study["name"], html))
    return context


def _shipments(found: SectorsFound, sector: str, html: Callable[..., str]) -> str:
    """Where a sector's tonnes go, or why that is not known."""
    given = found.tables["per_tonne"].query("sector == @sector")
    if given.empty:
        return ""
    routes = found.tables.get("tonnes_routes", pd.DataFrame({"sector": []}))
    if sector in set(routes["sector"]):
        return html(_largest(routes.drop(columns="year"), sector), "Largest shipments, t")
    lost = missing_makers(found.traces[sector], given.set_index("region")["tonnes"])
    named = some([found.names.get(region, region) for region in lost], 12)
    return f"<p>Shipments in tonnes need all makers; none are given for {escape(named)}.</p>"


def _largest(routes: pd.DataFrame, sector: str, top: int = 8) -> pd.DataFrame:
    """The largest flows between two regions, of any step."""
    rows = routes[(routes["sector"] == sector) & (routes["from_region"] != routes["to_region"])]
    rows = rows.nlargest(top, "value").drop(columns="sector")
    return rows.replace({"from_stage": STAGES, "to_stage": STAGES})
