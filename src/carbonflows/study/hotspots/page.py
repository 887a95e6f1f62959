"""What a study of hotspots draws and says."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.countries import country_names
from carbonflows.grid.layers import RasterLayer
from carbonflows.grid.zones import REMAINDER
from carbonflows.study.hotspots.files import (
    ZOOM,
    destination_names,
    drawable,
    in_tonnes,
    labelled_cities,
    source_of,
)
from carbonflows.study.hotspots.mapped import ABROAD, ALL, REST, Mapped
from carbonflows.study.hotspots.mirror import Mirror
from carbonflows.study.html import html_table
from carbonflows.study.outcome import Picture, drawn

FAMILIES = 9
"""Families of sectors that get a map, the largest."""
CITIES = 25
"""Cities that are drawn."""
LABELLED = 12
"""Cities that a map names."""
LISTED = 12
"""Hubs that the figure lists."""


def how_placed(found: Mapped) -> str:
    """Say in a sentence or two what says where sectors emit, and what that cannot show."""
    if found.places.truth is not None:
        return (
            "The country does not exist: every emitter's true place is known, the maps are made "
            "from what an analyst would have (a registry of plants, night lights, people), and the "
            "result is scored against the truth."
        )
    report = found.weights.report
    by_layer = report.groupby("layer", sort=False)["mass"].sum() / report["mass"].sum()
    points = set(found.study.hotspots.points)
    told = ", ".join(
        f"{'the points' if str(name) in points else 'the raster'} “{name}” {100 * share:.0f} %"
        for name, share in by_layer.items()
    )
    return f"Of all emissions on the grid, this is placed by: {told}."


def hotspot_headlines(found: Mapped, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Lines worth knowing."""
    gas = found.gridded.load.gas
    totals = tables["totals"].drop_duplicates("what").set_index("what")["value"]
    driven = float(totals["driven by final demand abroad"])
    first = tables["destinations"].head(3)
    named = ", ".join(f"{row['name']} {100 * row['share']:.0f} %" for _, row in first.iterrows())
    families = tables["families"][tables["families"]["family"] != REST]
    sectors = families.sort_values("share_of_driven", ascending=False).head(3)
    emitters = ", ".join(
        f"{row['family']} {100 * row['share_of_driven']:.0f} %" for _, row in sectors.iterrows()
    )
    share = found.study.hotspots.share
    held = tables["concentration"]
    at = held[(held["map"] == ABROAD) & ((held["share"] - share).abs() < 1e-9)].iloc[0]
    resolution = found.places.grid.resolution
    lines = [
        how_placed(found),
        f"Final demand abroad drives {driven:,.0f} {gas} of the country's emissions, "
        f"{100 * driven / found.industrial:.1f} % of those of all sectors; most of it is that of "
        f"{named}.",
        f"Of what is driven from abroad, these sectors emit most: {emitters}.",
        f"{100 * at['area_share']:.2g} % of the land hold {100 * share:g} % of what is driven from "
        f"abroad (cells of {resolution}, Gini {at['gini']:.2f}). {_land_told(tables, share)}",
        _hubs_told(found, tables),
    ]
    if "cities" in tables:
        cities = tables["cities"][tables["cities"]["city"] != REMAINDER].head(5)
        pairs = zip(cities["name"], cities["driven_from_abroad"], strict=True)
        told = ", ".join(f"{name} {value:,.1f}" for name, value in pairs)
        lines.append(f"Cities with the most that is driven from abroad, {gas}: {told}.")
    if "score" in tables:
        score = tables["score"].set_index("what")["found"]
        wrong = [f"{what.split(' of ')[-1]} {score[what]:.0f} %" for what in score.index
                 if what.startswith("in a wrong cell of")]  # fmt: skip
        lines.append(
            "Beside the truth, this share of what is driven from abroad lies in a wrong cell: "
            + ", ".join(wrong) + "."
        )  # fmt: skip
    return lines


def _land_told(tables: Mapping[str, pd.DataFrame], share: float) -> str:
    """How that depends on the size of cells."""
    coarser = tables["resolution"]
    own = coarser[coarser["map"] == ABROAD]
    if len(own) < 2:
        return ""
    pairs = zip(
        own[f"area_share_{100 * share:g}"].iloc[1:], own["resolution"].iloc[1:], strict=True
    )
    told = ", ".join(f"{100 * area:.2g} % at {size}" for area, size in pairs)
    return f"Coarser cells say more: {told}."


def _hubs_told(found: Mapped, tables: Mapping[str, pd.DataFrame]) -> str:
    """How many hubs there are, and where they would stand among countries."""
    hub, ranks = found.hubs.table, tables["ranks"].set_index(["numerator", "own_country"])
    rank = ranks["rank"].astype(int)
    first_km2 = float(hub["area_km2"].iloc[0])
    value = ranks["value"].astype(float)
    total, driven = (ALL, "as listed"), (ABROAD, "as listed")
    less = rank[(ALL, "less the value")], rank[(ABROAD, "less the value")]
    gas = found.gridded.load.gas
    where = ""
    if "cities" in hub and len(hub):
        first = [str(names).split("; ")[0] for names in hub["cities"].head(3) if str(names)]
        if first:
            where = f" (the largest around {', '.join(first)}; the first has {first_km2:,.0f} km²)"
    return (
        f"The hotspots form {len(hub)} hubs{where}. As a country of their own they would be number "
        f"{rank[total]} by all they emit ({value[total]:,.0f} {gas}) and number "
        f"{rank[driven]} by what is driven from abroad ({value[driven]:,.0f}); beside what is left "
        f"of their own country, numbers {less[0]} and {less[1]}."
    )


def hotspot_pictures(
    found: Mapped, tables: Mapping[str, pd.DataFrame], mirror: Mirror | None = None
) -> Iterator[Picture]:
    """Draw the figures of a study of hotspots one after the other."""
    from carbonflows.figures.gridmap import grid_map, grid_maps
    from carbonflows.figures.hubs import hub_map
    from carbonflows.figures.lorenz import lorenz_plot
    from carbonflows.figures.ranked import ranked_stacks

    load, places = found.gridded.load, found.places
    source = source_of(found)
    unit, cities = f"t {load.name}", labelled_cities(found, LABELLED)
    below = float(found.maps[ABROAD].clip(max=0).sum())
    less = "" if below > -1e-3 else f" Below zero, and not drawn: {-below:,.2f} {load.gas}."
    coarse = _coarse(found)
    ports = _unnamed_twice(places.ports, cities)
    shown = partial(grid_map, shapes=places.outlines, unit=unit, density=True, source=source)
    yield drawn(
        "driven_from_abroad", ("cities", "totals"),
        "Emissions driven by final demand abroad, in the cells where they occur." + less + coarse,
        lambda: shown(
            drawable(found, found.maps[ABROAD]), cities=cities, ports=ports,
            title="Emissions driven by final demand abroad",
            subtitle=f"Where they occur, cells of {places.grid.resolution}",
        ),
    )  # fmt: skip
    yield drawn(
        "all_emissions", ("totals",), "All emissions, whatever final demand drives them.",
        lambda: shown(
            drawable(found, found.maps[ALL]), cities=cities, title="All emissions",
            subtitle=f"Cells of {places.grid.resolution}",
        ),
    )  # fmt: skip
    several = partial(grid_maps, shapes=places.outlines, unit=unit, density=True, source=source)
    yield drawn(
        "destinations", ("destinations",),
        "Emissions driven by the final demand of the largest destinations, with the same classes.",
        lambda: several(
            drawable(found, found.by_destination), titles=destination_names(found),
            title="By whose final demand", subtitle="Emissions in the cells where they occur",
        ),
    )  # fmt: skip
    families = [str(name) for name in found.by_family["sector"].values]
    most = found.by_family.sum(list(found.places.grid.dims)).to_numpy().argsort()[::-1][:FAMILIES]
    yield drawn(
        "families", ("families",),
        "Emissions driven from abroad by the sector that emits, with the same classes."
        + (f" The {FAMILIES} largest of {len(families)}." if len(families) > FAMILIES else ""),
        lambda: several(
            drawable(found, found.by_family.isel(sector=most)),
            titles=[families[k][:1].upper() + families[k][1:] for k in most],
            title="By the sector that emits", subtitle="Driven by final demand abroad",
        ),
    )  # fmt: skip
    printed = {}
    if found.study.published is not None:
        for value in found.study.published.values:
            if value.quantity == "land with share of emissions":
                at = float(value.region.removesuffix("%")) / 100
                who = found.study.published.source.split(",")[0]
                printed[who] = (value.value / 100, at)
    curves = {str(name): part for name, part in tables["lorenz"].groupby("map", sort=False)}
    yield drawn(
        "lorenz", ("lorenz", "concentration", "resolution"),
        "Share of emissions that the densest land holds; the shares depend on the size of cells.",
        lambda: lorenz_plot(
            curves, marks=(found.study.hotspots.share,), log=True, published=printed or None,
            title="How little land holds how much", source=source,
            subtitle=f"Cells of {places.grid.resolution}, ranked by emissions per area",
        ),
    )  # fmt: skip
    yield drawn(
        "hubs", ("hubs", "ranks"),
        f"Hubs: the fewest cells that hold {100 * found.study.hotspots.share:g} % of what is "
        f"driven from abroad, {_apart(found)}; the largest first, with what is driven from abroad "
        "and all emissions in them and the distance to the nearest port.",
        lambda: hub_map(
            found.hubs.labels, hub_rows(found).head(LISTED), places.outlines, ports=places.ports,
            columns=_hub_columns(found), title="Hubs of emissions driven from abroad",
            subtitle=f"Cells of {places.grid.resolution}, {_apart(found)}", source=source,
        ),
    )  # fmt: skip
    if "cities" in tables:
        ranked = tables["cities"][tables["cities"]["city"] != REMAINDER].set_index("name")
        parts = ranked[[f for f in found.families if f in ranked]].clip(lower=0)
        yield drawn(
            "cities", ("cities", "city_flows"),
            "Emissions driven from abroad by city and by the sector that emits.",
            lambda: ranked_stacks(
                parts, unit=load.gas, top=CITIES, rest=REST, title="Cities ranked",
                heading="Emissions driven from abroad",
                subtitle="By the sectors that emit", source=source,
            ),
        )  # fmt: skip
    if mirror is not None:
        name = country_names([mirror.region])[0]
        yield drawn(
            "mirror", ("mirror",),
            f"The mirror image ({name}): emissions everywhere that its final demand causes, with "
            "what its households burn.",
            lambda: grid_map(
                in_tonnes(mirror.gridded.map()), mirror.shapes, unit=unit, density=True,
                title=f"Emissions caused by final demand: {name}",
                source=f"Source: {mirror.gridded.table}, carbonflows",
                subtitle=f"Where they occur, cells of {mirror.gridded.grid.resolution}",
            ),
        )  # fmt: skip


def _coarse(found: Mapped) -> str:
    """Say which rasters are coarser than the map, whose cells show on it."""
    own = found.places.grid
    size = float(np.sqrt(own.area.mean()))
    told = [
        f"“{layer.name}” {layer.grid.resolution}" for layer in found.places.layers
        if isinstance(layer, RasterLayer) and np.sqrt(np.median(layer.grid.area)) > 1.5 * size
    ]  # fmt: skip
    return f" Coarser than these cells, and visible as blocks: {', '.join(told)}." if told else ""


def _unnamed_twice(ports: pd.DataFrame | None, cities: pd.DataFrame | None) -> pd.DataFrame | None:
    """Ports, without the names that a map writes at their cities already."""
    if ports is None or cities is None:
        return ports
    return ports.assign(name=ports["name"].where(~ports["name"].isin(cities["name"]), ""))


def _apart(found: Mapped) -> str:
    """How near to each other the hotspots of a hub are."""
    reach = found.study.hotspots.reach
    return "touching" if reach == 1 else f"at most {reach} rows or columns apart"


def hub_rows(found: Mapped) -> pd.DataFrame:
    """Hubs as lines: their names, a second city, and their share of what is driven in per cent."""
    table = found.hubs.table.reset_index()
    if "cities" in table:
        second = table["cities"].fillna("").astype(str).str.split("; ").str[1]
        table["name"] = table["name"].where(second.isna(), table["name"] + ", " + second.fillna(""))
    return table.assign(percent=100 * table[f"{ABROAD} of all"])


def _hub_columns(found: Mapped) -> dict[str, str]:
    """Columns of the figure's table, with what heads them."""
    gas = found.gridded.load.unit
    columns = {ABROAD: f"Driven, {gas}", ALL: f"All, {gas}", "percent": "Of driven, %"}
    if found.places.ports is not None:
        columns |= {"port": "Nearest port", "port_km": "km"}
    return columns


def hotspots_page(found: Mapped, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Give the template of hotspots its tables as HTML and its sentences."""
    from markupsafe import Markup

    gas = found.gridded.load.gas

    def html(
        name: str, caption: str, rows: int = 25, part: pd.DataFrame | None = None, **options: Any
    ) -> Markup:
        if name not in tables:
            return Markup("")
        shown = tables[name] if part is None else part
        shown = shown.drop(columns="year", errors="ignore").head(rows).copy()
        for column in shown.columns:
            text = str(column)
            if "share" in text and pd.api.types.is_float_dtype(shown[column]):
                shown[column] = 100 * shown[column]
        heads = [str(c).replace("_", " ").capitalize().replace(" km2", ", km²") for c in shown]
        shown.columns = pd.Index(heads)
        return Markup(html_table(shown, caption, **options))

    hub = hub_rows(found)[["hub", "name", ABROAD, ALL, "percent", "cells", "area_km2"]
                          + [c for c in ("port", "port_km") if c in found.hubs.table]]  # fmt: skip
    hub.columns = pd.Index(
        ["Hub", "Around", f"Driven from abroad, {gas}", f"All emissions, {gas}", "Of all driven, %",
         "Cells", "Area, km²"]
        + (["Nearest port", "Distance, km"] if "port" in found.hubs.table else [])
    )  # fmt: skip
    return {
        "how": how_placed(found),
        "zoom": ZOOM if found.study.figures.draw else "",
        "totals": html("totals", "Totals", part=_as_text(tables["totals"], ["value"])),
        "destinations": html("destinations", f"By whose final demand, {gas}; shares in %"),
        "categories": html(
            "categories", f"By kind of final demand, {gas}; shares in %",
            part=_told_of(found, tables["categories"]),
        ),
        "families": html("families", f"By the sector that emits, {gas}; shares in %"),
        "concentration": html(
            "concentration", "Land that holds shares of emissions, %, and Gini coefficients",
            part=_by_map(tables["concentration"]), digits=2,
        ),
        "resolution": html("resolution", "Larger cells; shares in %", digits=2),
        "clusters": html("clusters", "Cells that statistics call clusters; shares in %", digits=2),
        "hubs": Markup(html_table(hub.head(20), "Hubs, the largest first", digits=1)),
        "ranks": html("ranks", f"The hubs among countries, {gas}; share in %", digits=1),
        "cities": html("cities", f"Cities ranked, {gas}; shares in %"),
        "placed": html("placed", f"What places emissions, {gas}; shares in %", digits=1),
        "points": html("points", "Points that are not where they should be", digits=1),
        "score": html("score", "Found beside the truth", digits=2),
        "mirror": html("mirror", f"The mirror image, {gas}; shares in %", digits=1),
        "published": html(
            "published", "Printed beside computed",
            part=_as_text(tables["published"], ["published", "computed"])
            if "published" in tables else None,
        ),
        "layers": html("layers", "What the layers have", digits=0),
        "sections": [
            ("maps-section", "Maps"), ("land-section", "How little land"),
            ("hubs-section", "Hubs"), ("cities-section", "Cities"),
            ("method-section", "How it was made"), ("table", "The table"),
            ("provenance", "Provenance"),
        ],
    }  # fmt: skip


def _told_of(found: Mapped, categories: pd.DataFrame) -> pd.DataFrame:
    """Kinds of final demand of all abroad and of the destinations that have maps."""
    return categories[categories["destination"].isin(["abroad", *found.destinations])]


def _by_map(concentration: pd.DataFrame) -> pd.DataFrame:
    """A line for each map: the land that holds each share of its emissions [%], and its Gini."""
    wide = concentration.pivot_table(
        index="map", columns="share", values="area_share", sort=False, observed=True
    )
    wide = 100 * wide.set_axis([f"Land with {100 * s:g} %" for s in wide.columns], axis=1)
    ginis = concentration.drop_duplicates("map").set_index("map")["gini"]
    return wide.assign(gini=ginis).reset_index()


def _as_text(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Numbers of many kinds in one column: whole from a hundred on, else with two digits."""

    def text(value: float) -> str:
        if np.isnan(value):
            return "–"
        whole = abs(value) >= 100 or float(value).is_integer()
        return f"{value:,.0f}" if whole else f"{value:,.2f}"

    return frame.assign(**{column: [text(float(v)) for v in frame[column]] for column in columns})
