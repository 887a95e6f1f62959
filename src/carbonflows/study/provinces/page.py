"""What a study of provinces draws and says."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from carbonflows.accounts.emissions import Emissions
from carbonflows.accounts.intensity import printed_unit
from carbonflows.accounts.province_rank import ranking_panels
from carbonflows.build.chain import Chain
from carbonflows.build.country import CountryData
from carbonflows.study.html import html_table
from carbonflows.study.outcome import Picture, drawn, file_stem
from carbonflows.study.provinces.accounts import COUNTRY
from carbonflows.study.provinces.checks import TOLD as UNBALANCED
from carbonflows.study.provinces.checks import odd_regions
from carbonflows.study.spec import Study

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

MOST_ROWS = 45
TOLD = 1e-4
"""Relative difference of outflow and inflow above which a headline tells of it."""
MOST_MAPPED = 15
"""Most provinces on a map of flows; more are shown by macro-region."""
MAP_ENDS = {
    "All drivers": "the final demand is or, for exports, where they leave the country",
    "exports": "the exports leave the country",
}
"""Where flows of these drivers end."""
_SLIVER = 0.03
"""Gaps between outlines that are closed when provinces are joined [degrees]."""


@dataclass(frozen=True, eq=False)
class ProvincesFound:
    """What the tables, pictures and words of a study of provinces are made from."""

    study: Study
    chain: Chain
    data: CountryData
    load: Emissions
    tables: dict[str, pd.DataFrame]
    synthetic: bool

    @property
    def gas(self) -> str:
        """Unit of all emissions, with what they are of."""
        return self.load.gas

    @property
    def names(self) -> dict[str, str]:
        """Names to print for regions that have one besides their label."""
        if "name" not in self.data.regions:
            return {}
        return {str(k): str(v) for k, v in self.data.regions["name"].items()}

    @property
    def coarse(self) -> str:
        """Level of the maps: macro-regions where there are any and provinces are many."""
        many = len(self.data.regions) > MOST_MAPPED
        return "macro-region" if many and "group" in self.data.regions else "province"

    def at(self, name: str, level: str) -> pd.DataFrame:
        """One level of a table."""
        frame = self.tables[name]
        return frame[frame["level"] == level].drop(columns=["level", "year"], errors="ignore")


def how_estimated(found: ProvincesFound) -> str:
    """One sentence on where trade between the regions comes from."""
    if found.synthetic:
        return (
            "The country does not exist: its statistics are drawn from a known truth, trade "
            "between its provinces is estimated as it would be for a real one, and the result is "
            "scored against the truth."
        )
    if found.chain.survey:
        return (
            "Regional tables are published; trade between the regions is estimated: by a gravity "
            f"model for {len(found.chain.fits)} sectors, by distance and size for the others."
        )
    return (
        "There are no regional tables and no trade between regions in these data: output, final "
        "demand and trade of each region are estimated from emissions, GDP, population, distance "
        "and location quotients (non-survey). Read flows between regions as a model's answer, not "
        "as statistics."
    )


def province_headlines(found: ProvincesFound) -> list[str]:
    """Lines worth knowing."""
    outside = found.at("outside", "province").set_index("region")
    country = outside.loc[COUNTRY]
    named = found.names
    imported = outside.drop(index=COUNTRY)["imported_share"]
    most, least = str(imported.idxmax()), str(imported.idxmin())
    lines = [
        how_estimated(found),
        f"{100 * country['outside_share']:.0f} % of the country's emissions "
        f"({country['emissions']:,.0f} {found.gas}) serve consumption outside the region where "
        f"they occur: {100 * country['country'] / country['emissions']:.0f} % elsewhere in the "
        f"country, {100 * country['abroad'] / country['emissions']:.0f} % abroad.",
        f"From elsewhere come {100 * imported[most]:.0f} % of the emissions that "
        f"{named.get(most, most)} consumes, the largest share, and {100 * imported[least]:.0f} % "
        f"in {named.get(least, least)}, the smallest.",
    ]
    if "totals" in found.tables:
        totals = found.tables["totals"]
        apart = (totals["inflow"] / totals["outflow"] - 1).abs()
        if apart.max() > TOLD:
            lines.append(
                f"Outflow and inflow disagree in {int((apart > TOLD).sum())} sectors, by up to "
                f"{100 * apart.max():.1f} %; they were reconciled "
                f"({found.study.provinces.totals} totals)."
            )
    shares = found.tables["driver_shares"].set_index("driver")["of_emissions"]
    told = ", ".join(f"{str(name).lower()} {100 * v:.0f} %" for name, v in shares.items())
    lines.append(f"What drives the country's emissions: {told}.")
    lines += _levels_told(found)
    if "sensitivity" in found.tables:
        tried = 100 * found.tables["sensitivity"]["outside_share"]
        kinds = [str(what) for what in found.tables["sensitivity"]["what"].unique()[1:]]
        lines.append(
            f"With other choices of {', '.join(kinds)} the share outside lies between "
            f"{tried.min():.0f} and {tried.max():.0f} %."
        )
    return lines


def _levels_told(found: ProvincesFound) -> list[str]:
    """What the inventory and the regional tables are beside the world table, where they differ."""
    lines = []
    if "emission_levels" in found.tables:
        levels = found.tables["emission_levels"]
        ours, world = levels["inventory"].sum(), levels["world"].sum()
        ratios = levels.loc[levels["what"] == "sectors", "ratio"].dropna()
        apart = max(ratios.max(), 1 / ratios[ratios > 0].min()) if len(ratios) else 1.0
        if abs(ours / world - 1) > TOLD or apart > 1 + TOLD:
            kept = levels["used"].eq("inventory").all()
            lines.append(
                f"The inventory has {ours:,.0f} Mt where the world table has {world:,.0f}, by "
                f"sector {ratios.min():.2g} to {ratios.max():.2g} times as much: "
                + ("it is used as it is." if kept else "it is brought to the world table's level.")
            )
    outside = found.at("outside", "province").set_index("region")
    odd = odd_regions(outside, found.data)
    if len(odd):
        told = ", ".join(f"{found.names.get(str(r), r)} {value:.2g}" for r, value in odd.items())
        lines.append(f"Emissions per GDP are far from the regions' median, times: {told}. A slip?")
    if "table_balance" in found.tables:
        errors = found.tables["table_balance"].set_index("region")["row_error"]
        if errors.max() > UNBALANCED:
            lines.append(
                f"The table of {errors.idxmax()} misses its own row totals by "
                f"{100 * errors.max():.1f} % of its output, the most of all."
            )
    return lines


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def map_shapes(found: ProvincesFound) -> "GeoDataFrame | None":
    """Outlines of the regions that are mapped, with a point inside each."""
    outlines = found.data.shapes
    if outlines is None:
        return None
    outlines = outlines[["geometry"]].loc[found.data.regions.index]
    outlines = outlines.set_geometry(outlines.geometry.make_valid())
    if found.coarse == "macro-region":
        groups = found.data.regions["group"].astype(str)
        outlines = outlines.assign(group=groups).dissolve(by="group", sort=False)
        closed = [shape.buffer(_SLIVER).buffer(-_SLIVER) for shape in outlines.geometry]
        outlines = outlines.set_geometry(closed, crs=outlines.crs)
    outlines.index = outlines.index.rename("region")
    centres = _centres(found.data.regions) if found.coarse == "macro-region" else {}
    anchors = [_inside(shape, centres.get(name)) for name, shape in outlines.geometry.items()]
    return outlines.assign(anchor=anchors)


def _centres(regions: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Mean place of the people of each macro-region [degrees]."""
    group = regions["group"].astype(str)
    shares = regions["population"] / regions.groupby(group)["population"].transform("sum")
    places = regions[["longitude", "latitude"]].mul(shares, axis=0).groupby(group).sum()
    return {str(name): (float(x), float(y)) for name, x, y in places.itertuples()}


def _inside(shape: Any, centre: tuple[float, float] | None) -> Any:
    """The centre where it lies inside an outline, or a point in the outline's largest piece."""
    from shapely import Point

    if centre is not None and shape.contains(Point(centre)):
        return Point(centre)
    return max(getattr(shape, "geoms", [shape]), key=lambda g: g.area).representative_point()


def province_pictures(found: ProvincesFound) -> Iterator[Picture]:
    """Draw the figures of a study of provinces one after the other."""
    from carbonflows.figures.balance import balance_bars
    from carbonflows.figures.flowmap import flow_map
    from carbonflows.figures.panels import ranked_panels

    source = f"Source: {found.chain.table.label}, carbonflows"
    shapes = map_shapes(found)
    moved = found.at("drivers", found.coarse)
    noun = "macro-region" if found.coarse == "macro-region" else "province"
    whole = moved.assign(driver="All drivers")
    for driver, rows in pd.concat([whole, moved]).groupby("driver", sort=False):
        if shapes is None or str(driver) in ("imbalance",):
            continue
        square = rows.pivot_table(
            index="source_region", columns="destination_region", values="value", aggfunc="sum",
            sort=False, fill_value=0.0,
        ).reindex(index=shapes.index, columns=shapes.index, fill_value=0.0)  # fmt: skip
        end = MAP_ENDS.get(str(driver), "the final demand is")
        yield drawn(
            f"fluxes_{file_stem(str(driver).lower())}", ("drivers",),
            f"{_capital(str(driver))}: the largest flows of emissions between {noun}s, from "
            f"where the emissions occur to where {end}. The fill shows net exports to the "
            "country's other regions.",
            partial(
                flow_map,
                square, shapes, unit=found.gas, top=15, noun=noun,
                source=f"Only regions with data are drawn. {source}",
                labels=found.names, heading="Net exports inside the country",
                title=f"Largest flows of embodied carbon: {str(driver).lower()}",
                subtitle=f"From where emissions occur to where {end}",
            ),
        )  # fmt: skip
    balance = found.at("balance", "province").query("measure == 'footprint'")
    signed = balance.set_index("region").drop(columns="measure")
    columns = [str(column) for column in signed]
    exported = [column for column in columns if column.startswith("exports")]
    signed[exported] = -signed[exported]
    words = {
        column: " ".join(column.split("_")[1:]).replace("interregional", "inside the country,")
        .replace("international", "abroad,") for column in columns
    }  # fmt: skip
    yield drawn(
        "balance", ("balance",),
        "Emissions in exports (left) and imports (right) by partner and by what carries them, "
        "finished or intermediate goods; the net is imports less exports.",
        lambda: balance_bars(
            signed, unit=found.gas, labels=found.names, column_names=words,
            hatched=[c for c in columns if c.endswith("intermediate")],
            sides=("Exports", "Imports"), source=source, title="Emissions in trade by its kind",
            subtitle="With the country's other regions and abroad; hatched: intermediate goods",
        ),
    )  # fmt: skip
    ranks = found.at("rankings", "province")
    panels = ranking_panels(ranks)
    units = {**panels.attrs["units"], "total": found.gas}
    smallest = [row for row in panels.columns.unique("row") if row.startswith("Smallest")]
    members = None
    if "group" in found.data.regions:
        members = {str(k): str(v) for k, v in found.data.regions["group"].items()}
    yield drawn(
        "rankings", ("rankings",),
        "Net trade inside the country and consumption, in total, per GDP and per head; each panel "
        "has its own ranking.",
        lambda: ranked_panels(
            panels, units=units, members=members, smallest=smallest,
            labels={**found.names, "total": "Total", "gdp": "Per GDP", "population": "Per head"},
            source=source, title="Provinces ranked",
            subtitle="Net domestic imports and exports, and consumption-based emissions",
        ),
    )  # fmt: skip


def provinces_page(found: ProvincesFound) -> dict[str, Any]:
    """Give the template of provinces its tables as HTML and its sentences."""
    from markupsafe import Markup

    def html(frame: pd.DataFrame, caption: str, **options: Any) -> Markup:
        shown = frame.drop(columns="year", errors="ignore").copy()
        for column in ("region", "exit_region", "source_region", "destination_region"):
            if column in shown:
                shown[column] = [found.names.get(str(r), str(r)) for r in shown[column]]
        if "driver" in shown:
            shown["driver"] = [_capital(str(driver)) for driver in shown["driver"]]
        heads = [str(c).replace("_", " ").capitalize().replace("gdp", "GDP") for c in shown]
        shown.columns = pd.Index(heads)
        return Markup(html_table(shown.head(MOST_ROWS), caption, **options))

    tables, gas = found.tables, found.gas
    spent = str(tables["spending"].attrs["unit"]).replace("drivers", "spending")
    money = found.chain.table.unit
    intensity = printed_unit(f"{found.load.unit}/{money}", money)
    outside = found.at("outside", "province").drop(columns="imbalance")
    outside[["outside_share", "imported_share"]] *= 100
    exits = found.at("exits", found.coarse).query("exports == 'footprint'").drop(columns="exports")
    shares = [c for c in map(str, exits.columns) if c.startswith(("of_", "outside"))]
    exits[shares] *= 100
    drivers = tables["driver_shares"].assign(
        of_emissions=100 * tables["driver_shares"]["of_emissions"],
        of_gdp=100 * tables["driver_shares"]["of_gdp"],
    )
    context: dict[str, Any] = {
        "how": how_estimated(found),
        "outside": html(outside, f"Emissions and consumption by region, {gas}; shares in %"),
        "driver_shares": html(drivers, f"Drivers: emissions, {gas}, spending, and shares, %"),
        "exits": html(exits, f"Exports by region of exit: value, carbon, {gas}, and shares, %"),
        "spending": html(
            found.at("spending", found.coarse),
            f"Spending per head and exports over value added ({spent})", digits=2,
        ),
        "balance": html(
            found.at("balance", found.coarse).query("measure == 'footprint'").drop(
                columns="measure"
            ), f"Emissions in exports and imports by {found.coarse}, {gas}",
        ),
        "intensities": html(
            tables["intensities"],
            f"Interregional imports and exports: emissions, {gas}, value, {money}, and intensity, "
            f"{intensity}; ratio of the intensities", digits=3,
        ),
        "fits": html(tables["fits"], "Gravity models", digits=3) if "fits" in tables else "",
        "score": html(tables["score"], "Found beside the truth", digits=3)
        if "score" in tables else "",
        "sensitivity": html(
            tables["sensitivity"].assign(
                outside_share=100 * tables["sensitivity"]["outside_share"]
            ), "Share outside under other choices, %", digits=1,
        ) if "sensitivity" in tables else "",
        "published": html(tables["published"], "Printed beside computed", digits=1)
        if "published" in tables else "",
        "levels": html(tables["emission_levels"], "Inventory beside the world table, Mt", digits=2)
        if "emission_levels" in tables else "",
        "maps": [
            f"fluxes_{file_stem(str(driver).lower())}"
            for driver in ["All drivers", *tables["drivers"]["driver"].unique()]
        ],
        "sections": [
            ("outside-section", "Outside"), ("drivers-section", "Drivers"),
            ("exits-section", "Exits"),
            ("trade-section", "Trade"), ("ranks-section", "Rankings"),
            ("method-section", "How it was made"), ("table", "The table"),
            ("provenance", "Provenance"),
        ],
    }  # fmt: skip
    return context
