"""
Where on the map
================

A country that does not exist, in China's place: what it emits is put on a grid, with whose final
demand causes it, and the truth says how good the map is.
"""

# %%
# The country
# -----------
#
# A table of the world with the country's provinces in it, solved, and what is known of places: a
# registry of plants, people, cities, ports.

import numpy as np

import carbonflows as cf
from carbonflows.build.synthetic.emitters import synthetic_places, true_pattern
from carbonflows.build.synthetic.observed import observed

world = cf.example(2007)
made = cf.synthetic_country(world, "CHN", provinces=8, seed=3)
places = synthetic_places(made, seed=3)
chain = cf.regions_in_world(world, "CHN", observed(made))
system = cf.Leontief(chain.table)
shapes = made.shapes[["geometry"]]
provinces = list(shapes.index)
abroad = [region for region in chain.table.regions if region not in provinces]
places.registry[["name", "sector", "longitude", "latitude", "value"]].head(3).round(1)

# %%
# Weights
# -------
#
# Which share of each node's emissions lies in each cell? Plants say it for power, cement and
# metals, night lights for other industry, people for the rest and for households.

grid = cf.Grid.projected(shapes, 20e3)
mass = cf.node_emissions(chain.table, "CO2", regions=provinces)
layers = [
    cf.PointLayer("plants", places.registry, unit="kt CO2"),
    cf.RasterLayer("night lights", places.lights, places.industry),
    cf.RasterLayer("people", places.population),
]
placed = cf.weights(grid, shapes, mass, layers)
placed.report.groupby("layer")["mass"].sum().round(0)

# %%
# Maps
# ----
#
# Emissions driven by final demand abroad, by destination. Each map sums to the account.

flows = cf.gridded_flows(system, placed, "CO2")
driven = flows.only(destination=abroad)
whole = driven.map()
assert np.isclose(float(whole.sum()), driven.totals("destination").sum())
driven.totals("destination").nlargest(4).round(0)

# %%

from carbonflows.figures.gridmap import grid_map, grid_maps

source = f"Source: {chain.table.label}, carbonflows"
cover = cf.coverage(grid, shapes)
figure = grid_map(
    1e6 * whole.where(cover.land > 0), shapes, unit="t CO2", density=True, source=source,
    title="Emissions driven by final demand abroad",
)  # fmt: skip

# %%

three = driven.maps("destination", {name: [name] for name in ("USA", "JPN", "DEU")})
small = grid_maps(
    1e6 * three.where(cover.land > 0), shapes, unit="t CO2", density=True, source=source,
    titles=["United States", "Japan", "Germany"], title="Whose final demand",
)  # fmt: skip

# %%
# How little land
# ---------------
#
# Three quarters stand on one per cent of the land, found or true. The rest is spread too widely
# where it follows lights and people. Cells are ranked by emissions per area of the whole cell, so
# that a coast is no denser than the land behind it; shares are of the land, and they depend on the
# size of the cells.

from carbonflows.figures.lorenz import lorenz_plot

pattern, nodes = true_pattern(places, grid)
truth = grid.array(pattern @ mass[nodes].to_numpy(), name="truth", unit="Mt")
sectors = [sector for sector in flows.names("sector") if sector != "final users"]
found = flows.only(sector=sectors).map()
emits = (flows.map().to_numpy() != 0) | (truth.to_numpy() != 0)
area = np.where((cover.land > 0) | emits, grid.area, 0)
land = max(cover.total_area.sum(), area[emits].sum())
curves = {
    "found": cf.lorenz(found, area, total_area=land),
    "true places": cf.lorenz(truth, area, total_area=land),
}
curve = lorenz_plot(
    {name: one.curve for name, one in curves.items()}, log=True,
    title="Emissions of all sectors over land", source=source,
)  # fmt: skip
coarser = cf.by_resolution(whole, land=area, total_area=land)
coarser[["resolution", "land_km2", "area_share_50", "area_share_75"]].round(4)

# %%
# Hubs
# ----
#
# Hotspots that are near to one another, with the cities inside them and the nearest port.

from carbonflows.figures.hubs import hub_map
from carbonflows.grid.zones import zone_names

cities = cf.coverage(grid, places.cities)
names = zone_names(places.cities, places.cities["region"])
mask = cf.hotspot_mask(whole, share=0.75, land=area, total_area=land)
hubs = cf.hubs(
    mask, whole, land=cover.land * grid.area, reach=3, cities=cities, names=names,
    ports=places.ports,
)  # fmt: skip
first = hubs.table.head(8)
drawn = hub_map(
    hubs.labels, first, shapes, ports=places.ports, source=source,
    columns={"emissions": "Mt CO2", "cells": "cells", "port": "nearest port", "port_km": "km"},
    title="Hubs of emissions driven from abroad",
)  # fmt: skip
first[["name", "cells", "emissions", "port", "port_km"]].round(1)

# %%
# Cities
# ------
#
# Plants count in the city that contains them, all else by the part of each cell's land that lies
# in it; what lies in no city is the last line.

by_city = cf.city_flows(driven, cities, ["destination"])
ranking = cf.ranked_cities(by_city.sum(axis=1), names)
ranking[["rank", "city", "name", "value", "share"]].head(6).round(3)
