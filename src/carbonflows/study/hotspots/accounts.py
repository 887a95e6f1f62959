"""Accounts of a study of hotspots: whose demand, which sectors, how little land, hubs, cities."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from carbonflows.countries import country_names
from carbonflows.errors import StudyError
from carbonflows.grid.cities import city_flows, ranked_cities
from carbonflows.grid.clusters import getis_ord, local_moran
from carbonflows.grid.gridded import conservation
from carbonflows.grid.layers import RasterLayer, UniformLayer
from carbonflows.grid.lorenz import Lorenz, lorenz, thinned
from carbonflows.grid.nodes import node_emissions
from carbonflows.grid.ranks import by_resolution, rank_as_country
from carbonflows.grid.weights import Weights
from carbonflows.grid.zones import REMAINDER
from carbonflows.study.hotspots.places import columns_of

if TYPE_CHECKING:
    from xarray import DataArray
from carbonflows.study.hotspots.mapped import ABROAD, ALL, REST, Mapped

THETAS = (0.5, 0.75, 0.9)
"""Shares of emissions whose land is told."""


def hotspot_accounts(found: Mapped) -> dict[str, pd.DataFrame]:
    """Return every account of a study of hotspots, tidy.

    Parameters
    ----------
    found : Mapped

    Returns
    -------
    dict of str to DataFrame
        By file name.
    """
    frames = {
        "totals": _totals(found), "destinations": _destinations(found),
        "categories": _categories(found), "families": _families_table(found),
        "concentration": _concentration(found), "lorenz": _curves(found),
        "resolution": _resolution(found), "clusters": _clusters(found),
        "hubs": found.hubs.table.reset_index(), "ranks": _ranks(found),
    }  # fmt: skip
    if found.places.in_cities is not None:
        frames |= _cities(found)
    frames["placed"] = _placed(found.weights)
    frames["layers"] = _layers(found)
    if len(found.weights.points):
        frames["points"] = found.weights.points
    frames["conservation"] = conservation(found.gridded).reset_index().rename(
        columns={"demand_region": "destination"}
    )  # fmt: skip
    return frames


def _totals(found: Mapped) -> pd.DataFrame:
    """The numbers that shares are of."""
    land, emitted = found.places.territory.land > 0, (found.maps[ALL] != 0).to_numpy()
    driven = float(found.abroad.totals("destination").sum())
    everything = float(found.gridded.totals("region").sum())
    rows = [
        ("all emissions on the grid", everything, "Mt"),
        ("of all sectors, without final users themselves", found.industrial, "Mt"),
        ("driven by final demand abroad", driven, "Mt"),
        ("driven by final demand abroad", 100 * driven / found.industrial, "% of all sectors"),
        ("land of the territory", found.places.land, "km2"),
        ("of it in regions with emissions", float(found.places.in_regions.total_area.sum()), "km2"),
        ("cells with land", float(land.sum()), "1"),
        ("cells with emissions", float(emitted.sum()), "1"),
        ("cells without land that emit", float((emitted & ~land).sum()), "1"),
        ("cells where what is driven from abroad is below zero",
         float((found.maps[ABROAD] < 0).sum()), "1"),
        ("their sum, left out of curves, hotspots and figures",
         float(found.maps[ABROAD].clip(max=0).sum()), "Mt"),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["what", "value", "unit"])


def _destinations(found: Mapped) -> pd.DataFrame:
    """Whose final demand drives emissions, largest first."""
    sums = found.abroad.totals("destination").sort_values(ascending=False, kind="stable")
    labels = [str(label) for label in sums.index]
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(sums) + 1), "destination": labels,
            "name": country_names(labels), "emissions": sums.to_numpy(),
            "share": sums.to_numpy() / sums.sum(),
            "share_of_industrial": sums.to_numpy() / found.industrial,
        }
    )  # fmt: skip


def _categories(found: Mapped) -> pd.DataFrame:
    """What final demand drives emissions, by destination and by driver."""
    whole = found.abroad.caused.sum()
    drivers = {c: driver for driver, listed in found.country.drivers.items() for c in listed}
    by = whole.rename(index=lambda c: drivers.get(c, c), level=1).groupby(level=[0, 1], sort=False)
    tidy = by.sum().rename("emissions").reset_index()
    tidy.columns = pd.Index(["destination", "driver", "emissions"])
    together = tidy.groupby("driver", sort=False)["emissions"].sum().reset_index()
    tidy = pd.concat([together.assign(destination="abroad"), tidy], ignore_index=True)
    tidy = tidy[tidy["emissions"] != 0]
    size = tidy.groupby("destination", sort=False)["emissions"].transform("sum")
    tidy = tidy.assign(share=tidy["emissions"] / size).reset_index(drop=True)
    return tidy[["destination", "driver", "emissions", "share"]]


def _families_table(found: Mapped) -> pd.DataFrame:
    """Which sectors emit: in all, and driven from abroad."""
    members = {s: family for family, sectors in found.families.items() for s in sectors}
    names = list(found.families)
    driven, every = (
        account.totals("sector").rename(index=members).groupby(level=0, sort=False).sum()
        for account in (found.abroad, found.gridded)
    )
    made = pd.DataFrame({"emissions": every, "driven_from_abroad": driven}).reindex(names)
    made = made.fillna(0.0)
    made["share_of_driven"] = made["driven_from_abroad"] / made["driven_from_abroad"].sum()
    made["driven_share"] = np.divide(
        made["driven_from_abroad"], made["emissions"], out=np.zeros(len(made)),
        where=made["emissions"] > 0,
    )  # fmt: skip
    listed = [", ".join(found.families[name]) for name in names]
    return made.rename_axis("family").reset_index().assign(sectors=listed)


def _thetas(found: Mapped) -> list[float]:
    """Shares of emissions whose land is told, the study's own among them."""
    return sorted({*THETAS, found.study.hotspots.share})


def _looked_at(found: Mapped) -> "dict[str, DataArray]":
    """Maps whose concentration is told."""
    maps = dict(found.maps)
    maps |= {f"driven by {name}": found.by_destination.sel(destination=name)
             for name in found.destinations}  # fmt: skip
    maps |= {f"{name}, driven from abroad": found.by_family.sel(sector=name)
             for name in found.by_family["sector"].values}  # fmt: skip
    return {name: data for name, data in maps.items() if float(data.clip(min=0).sum()) > 0}


def _curve(found: Mapped, data: "DataArray") -> Lorenz:
    """Lorenz curve over the territory's land."""
    return lorenz(data, found.area, total_area=found.land, negative="drop")


def _concentration(found: Mapped) -> pd.DataFrame:
    """How little land holds a share of the emissions, map by map."""
    parts = []
    for name, data in _looked_at(found).items():
        curve = _curve(found, data)
        table = curve.table(_thetas(found)).reset_index()
        table.insert(0, "map", name)
        parts.append(table.assign(gini=curve.gini))
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(resolution=found.places.grid.resolution)


def _curves(found: Mapped) -> pd.DataFrame:
    """Lorenz curves of the two maps."""
    parts = [
        thinned(_curve(found, data).curve).assign(map=name) for name, data in found.maps.items()
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame[["map", *frame.columns.drop("map")]]


def _resolution(found: Mapped) -> pd.DataFrame:
    """What larger cells make of the shares of land."""
    sizes = (1, *found.study.hotspots.coarser)
    if len(set(sizes)) < len(sizes) or min(sizes) < 1:
        raise StudyError("hotspots.coarser: give different numbers of cells above 1")
    if max(sizes) > min(found.places.grid.shape):
        rows, columns = found.places.grid.shape
        raise StudyError(
            f"hotspots.coarser: blocks of {max(sizes)} cells on a grid of {rows} × {columns}; "
            "choose smaller ones, or coarser = []"
        )
    parts = [
        by_resolution(
            data,
            sizes,
            shares=_thetas(found),
            land=found.area,
            total_area=found.land,
            negative="drop",
        )
        .reset_index()
        .assign(map=name)
        for name, data in found.maps.items()
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame[["map", *frame.columns.drop("map")]]


def _clusters(found: Mapped) -> pd.DataFrame:
    """Cells that statistics call clusters: how many, and what they hold."""
    rows = []
    for name, data in found.maps.items():
        held = data.clip(min=0)
        within = found.area > 0
        tests = {
            "Getis-Ord Gi*, among dense cells": getis_ord(
                held, within=within, land=found.area
            ).cluster
            == 1,
            "local Moran, high among high": local_moran(
                held, within=within, land=found.area
            ).cluster
            == 1,
            "local Moran, high among low": local_moran(held, within=within, land=found.area).cluster
            == 4,
        }
        for test, chosen in tests.items():
            cells = chosen.to_numpy()
            rows.append(
                (
                    name, test, int(cells.sum()), float(found.area[cells].sum()),
                    float(found.area[cells].sum() / found.land),
                    float(held.to_numpy()[cells].sum() / held.sum()),
                )
            )  # fmt: skip
    columns = ["map", "test", "cells", "area_km2", "area_share", "emission_share"]
    return pd.DataFrame(rows, columns=columns)


def _ranks(found: Mapped) -> pd.DataFrame:
    """Where the hubs would stand among countries: all their emissions, or what is driven."""
    code, unit = found.study.provinces.country, found.country.load.unit
    countries = listed = _listed_countries(found)
    if countries is None:
        table = found.country.chain.table
        emitted = node_emissions(table, found.country.load).groupby(level=0, sort=False).sum()
        own = emitted.index.isin(found.country.regions)
        whole = pd.Series({code: float(emitted[own].sum())})
        residual = [r for r in emitted.index if "*" in table.members.get(r, ())]
        countries = pd.concat([emitted[~own].drop(residual), whole])
    hub = found.hubs.table
    if hub.empty:
        raise StudyError(
            f"hotspots.smallest: no hub has {found.study.hotspots.smallest} cells; choose fewer"
        )
    numerators = {ALL: float(hub[ALL].sum()), ABROAD: float(hub[ABROAD].sum())}
    ranked = rank_as_country(numerators, countries, own=code, unit=unit, confirmed=listed is None)
    return ranked.reset_index().assign(hubs=len(hub))


def _listed_countries(found: Mapped) -> pd.Series | None:
    """Emissions of countries from the study's file [Mt]."""
    if found.study.hotspots.countries is None:
        return None
    path = found.study.placed(found.study.hotspots.countries)
    frame = columns_of(path, ["country", "value"], "hotspots.countries")
    values = pd.to_numeric(frame["value"], errors="coerce")
    listed = pd.Series(values.to_numpy(), frame["country"].astype(str))
    code = found.study.provinces.country
    if code not in listed.index:
        raise StudyError(
            f"{path}: no line of {code} itself, beside which its hubs are ranked; add it"
        )
    return listed


def _cities(found: Mapped) -> dict[str, pd.DataFrame]:
    """Cities ranked, and their emissions by family and destination."""
    cities, names = found.places.in_cities, found.names
    assert cities is not None
    assert names is not None
    whole = city_flows(found.gridded, cities, ())["emissions"]
    flows = city_flows(found.abroad, cities, ("sector", "destination"))
    members = {s: family for family, sectors in found.families.items() for s in sectors}
    shown = {d: d if d in found.destinations else REST for d in found.country.abroad}
    family = flows.columns.get_level_values("sector").map(members).rename("family")
    destination = flows.columns.get_level_values("destination").map(shown)
    summed = flows.T.groupby([family, destination], sort=False).sum().T
    driven = summed.sum(axis=1)
    ranking = ranked_cities(driven, names).rename(columns={"value": "driven_from_abroad"})
    ranking.insert(3, "region", _regions(found, ranking["city"]))
    codes = ranking["city"]
    ranking["all_emissions"] = whole.reindex(codes).to_numpy()
    by_family = summed.T.groupby(level="family", sort=False).sum().T
    for name in found.families:
        if name in by_family:
            ranking[name] = by_family[name].reindex(codes).to_numpy()
    tidy = summed.melt(ignore_index=False, value_name="emissions").reset_index()
    tidy = tidy[tidy["emissions"] != 0].reset_index(drop=True)
    tidy.insert(1, "name", tidy["city"].map(names).fillna(tidy["city"]))
    return {"cities": ranking, "city_flows": tidy}


def _regions(found: Mapped, codes: pd.Series) -> pd.Series:
    """Names of the regions that cities lie in."""
    assert found.places.cities is not None
    names: Mapping[str, str] = found.region_names
    within = {
        str(code): names.get(region, region)
        for code, region in found.places.cities["within"].items()
    }
    return codes.map({**within, REMAINDER: ""})


def _placed(placed: Weights) -> pd.DataFrame:
    """What places emissions: by step and layer, mass and its share."""
    report = placed.report
    summed = report.groupby(["step", "layer"], sort=False)["mass"].sum().reset_index()
    summed["share"] = summed["mass"] / summed["mass"].sum()
    sectors = report.groupby(["step", "layer"], sort=False)["sector"].unique()
    listed = [", ".join(map(str, sectors[step, layer])) for step, layer in
              zip(summed["step"], summed["layer"], strict=True)]  # fmt: skip
    return summed.assign(sectors=listed)


def _layers(found: Mapped) -> pd.DataFrame:
    """What each layer has, inside of the regions and elsewhere, and what was done in reading it."""
    frame = found.weights.layers.copy()
    read = {
        layer.name: layer.data.attrs if isinstance(layer, RasterLayer) else layer.points.attrs
        for layer in found.places.layers
        if not isinstance(layer, UniformLayer)
    }
    stated = [read.get(str(name), {}) for name in frame["layer"]]
    frame["cells_without_data"] = [int(facts.get("missing_cells", 0)) for facts in stated]
    on_land = [name for name, raster in found.study.hotspots.rasters.items() if raster.on_land]
    frame["treated"] = [
        "; ".join([*map(str, facts.get("treated", ())), *(["kept on land"] * (name in on_land))])
        for name, facts in zip(frame["layer"], stated, strict=True)
    ]
    return frame
