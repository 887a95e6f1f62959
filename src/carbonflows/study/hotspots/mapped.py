"""A country's emissions on a grid, and the parts of them that a study of hotspots looks at."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from carbonflows.errors import StudyError, some, suggested
from carbonflows.grid.cities import city_flows
from carbonflows.grid.gridded import GriddedFlows, gridded_flows
from carbonflows.grid.hotspots import hotspot_mask
from carbonflows.grid.hubs import Hubs, hubs
from carbonflows.grid.nodes import FINAL_USERS, node_emissions
from carbonflows.grid.weights import Weights, weights
from carbonflows.grid.zones import REMAINDER, zone_names
from carbonflows.labels import repeated
from carbonflows.study.country import Country
from carbonflows.study.hotspots.places import Places
from carbonflows.study.named import whichever
from carbonflows.study.spec import Study

if TYPE_CHECKING:
    from xarray import DataArray

MOST_MAPPED = 6
"""Destinations, and families of sectors, that get maps and columns of their own."""
ALL, ABROAD = "all emissions", "driven from abroad"
"""The two maps that everything is told of."""
REST = "all others"


@dataclass(frozen=True, eq=False)
class Mapped:
    """A country's emissions on a grid, and the parts of them that are looked at.

    Attributes
    ----------
    study : Study
    country : Country
    places : Places
    weights : Weights
    gridded : GriddedFlows
        All emissions of the country's regions.
    families : dict of str to list of str
        Family of emitting sectors → sectors.
    """

    study: Study
    country: Country
    places: Places
    weights: Weights
    gridded: GriddedFlows
    families: dict[str, list[str]]

    @cached_property
    def abroad(self) -> GriddedFlows:
        """What final demand abroad causes."""
        return self.gridded.only(destination=self.country.abroad)

    @cached_property
    def maps(self) -> "dict[str, DataArray]":
        """All emissions, and those driven from abroad [Mt per cell]."""
        return {ALL: self.gridded.map(), ABROAD: self.abroad.map()}

    @cached_property
    def by_destination(self) -> "DataArray":
        """A map for each destination that is told of [Mt per cell]."""
        return self.abroad.maps("destination", {name: [name] for name in self.destinations})

    @cached_property
    def by_family(self) -> "DataArray":
        """A map for each family of emitting sectors: what is driven from abroad [Mt per cell]."""
        emitting = set(self.abroad.names("sector"))
        members = {
            family: [sector for sector in sectors if sector in emitting]
            for family, sectors in self.families.items()
        }
        return self.abroad.maps("sector", {family: own for family, own in members.items() if own})

    @cached_property
    def destinations(self) -> list[str]:
        """Destinations that get maps: the study's, or the largest."""
        wanted = self.study.hotspots.destinations
        if wanted:
            known = self.country.abroad
            if twice := repeated(wanted):
                raise StudyError(f"hotspots.destinations: {some(twice)} is there twice; keep one")
            if lost := [name for name in wanted if name not in known]:
                way_out = suggested(lost, known, f"choose from {some(known, 60)}")
                raise StudyError(f"hotspots.destinations: {some(lost)} is not abroad; {way_out}")
            return list(wanted)
        sums = self.abroad.totals("destination").sort_values(ascending=False)
        return [str(name) for name in sums.index[:MOST_MAPPED]]

    @cached_property
    def area(self) -> np.ndarray:
        """Area of each cell that has land or emits (rows, columns) [km²].

        Cells count in full, so that a plant on a spit of land is no denser than one inland.
        """
        places = self.places
        counted = (places.territory.land > 0) | (self.maps[ALL].to_numpy() != 0)
        return np.where(counted, places.grid.area, 0.0)

    @property
    def land_in_cells(self) -> np.ndarray:
        """Land of each cell (rows, columns) [km²]; of cells in the sea that emit, all of it."""
        land = np.asarray(self.places.territory.land * self.places.grid.area)
        return np.where(land > 0, land, self.area)

    @cached_property
    def land(self) -> float:
        """Land that shares are of: the territory's, or of emitting cells if they are more [km²]."""
        emitting = float(self.area[self.maps[ALL].to_numpy() != 0].sum())
        return max(self.places.land, emitting)

    @property
    def industrial(self) -> float:
        """Emissions of all sectors, without final users themselves [Mt]."""
        totals = self.gridded.totals("sector")
        return float(totals.drop(FINAL_USERS, errors="ignore").sum())

    @cached_property
    def mask(self) -> "DataArray":
        """Hotspots: the fewest cells that hold the study's share of what is driven from abroad."""
        share = self.study.hotspots.share
        return hotspot_mask(
            self.maps[ABROAD], share=share, land=self.area, total_area=self.land, negative="drop"
        )

    @cached_property
    def names(self) -> pd.Series | None:
        """Names of cities that tell homonyms apart, by code."""
        cities = self.places.cities
        if cities is None:
            return None
        regions = {str(k): v for k, v in self.region_names.items()}
        within = cities["within"].map(lambda region: regions.get(region, region))
        return zone_names(cities, within)

    @property
    def region_names(self) -> dict[str, str]:
        """Names of the country's regions."""
        regions = self.country.data.regions
        named = regions["name"] if "name" in regions else pd.Series(regions.index, regions.index)
        return {str(key): str(value) for key, value in named.items()}

    @cached_property
    def driven_by_city(self) -> pd.Series:
        """What is driven from abroad in each city, by code [Mt]; empty without cities."""
        if self.places.in_cities is None:
            return pd.Series(dtype=float)
        return city_flows(self.abroad, self.places.in_cities, ())["emissions"].drop(REMAINDER)

    @cached_property
    def by_driver(self) -> "DataArray":
        """A map for each kind of final demand abroad [Mt per cell]."""
        known = set(self.abroad.names("category"))
        members = {
            driver: [category for category in listed if category in known]
            for driver, listed in self.country.drivers.items()
        }
        return self.abroad.maps("category", {name: own for name, own in members.items() if own})

    @cached_property
    def hubs(self) -> Hubs:
        """Hotspots that touch."""
        from xarray import Dataset

        layers = Dataset({ABROAD: self.maps[ABROAD].clip(min=0), ALL: self.maps[ALL]})
        return hubs(
            self.mask, layers, land=self.land_in_cells, smallest=self.study.hotspots.smallest,
            reach=self.study.hotspots.reach,
            cities=self.places.in_cities, names=self.names, ports=self.places.ports,
        )  # fmt: skip


def mapped(study: Study, country: Country, places: Places) -> Mapped:
    """Put the emissions of a country's regions on the grid.

    Parameters
    ----------
    study : Study
    country : Country
    places : Places

    Returns
    -------
    Mapped
    """
    wanted = study.hotspots
    mass = node_emissions(country.chain.table, country.load, regions=country.regions)
    families = _families(study, country)
    groups = {name: sectors for name, sectors in families.items() if name != REST}
    placed = weights(
        places.grid, places.shapes, mass, places.layers, groups=groups, most=wanted.most,
        coverage=places.in_regions, tolerance=wanted.tolerance, misplaced=wanted.misplaced,
    )  # fmt: skip
    gridded = gridded_flows(country.system, placed, country.load)
    return Mapped(study, country, places, placed, gridded, families)


def _families(study: Study, country: Country) -> dict[str, list[str]]:
    """Families of sectors that emit, what no family has in one of its own."""
    table = country.chain.table
    if REST in study.hotspots.families:
        raise StudyError(f"hotspots.families: {REST!r} is what no family has; name it otherwise")
    named = {
        family: whichever(table, sectors, f"hotspots.families.{family}")
        for family, sectors in study.hotspots.families.items()
    }
    taken = [sector for sectors in named.values() for sector in sectors]
    if twice := [sector for sector in dict.fromkeys(taken) if taken.count(sector) > 1]:
        raise StudyError(f"hotspots.families: {some(twice)} is in two families; keep one")
    rest = [str(sector) for sector in table.sectors if sector not in taken]
    return {**named, REST: rest} if named and rest else named or {s: [s] for s in rest}
