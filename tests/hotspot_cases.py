"""Studies of hotspots that tests run: a country of files, and what a run put on the grid."""

import json
from pathlib import Path

import pandas as pd
import pytest
from geopandas import GeoDataFrame
from shapely import box

import carbonflows as cf
from carbonflows.build.synthetic.country import synthetic_country
from carbonflows.build.synthetic.emitters import synthetic_places
from carbonflows.build.synthetic.observed import observed
from carbonflows.figures.shapes import country_shapes
from carbonflows.grid.coverage import coverage
from carbonflows.raster import Grid
from carbonflows.sources.raster_write import write_raster
from carbonflows.study import StudyResult, run
from carbonflows.study.country_folder import write_country
from carbonflows.study.hotspots import study as hotspots
from carbonflows.study.hotspots.mapped import Mapped, mapped

REST = "all others"
LIT = [
    "Mining", "Food", "Textiles and leather", "Wood, paper and other manufacturing",
    "Coke and petroleum", "Chemicals and plastics", "Non-metallic minerals", "Basic metals",
    "Machinery", "Electrical equipment", "Transport equipment", "Electricity, gas and water",
]  # fmt: skip
STUDY = f"""title = "A folder of files"
kind = "hotspots"

[table]
source = "example"
year = 2007

[emissions]
stressor = "CO2"

[provinces]
country = "CHN"
folder = "."
unit = "M USD"
gdp_unit = "M USD"

[hotspots]
cell = 50
reach = 4
ports = "ports.csv"

[hotspots.families]
"Electricity" = "Electricity, gas and water"
"Metals" = "Basic metals|Basic and fabricated metals"

[hotspots.points."registered plants"]
file = "plants.csv"
unit = "kt CO2"
region = "region"
sector = "sector"
name = "name"

[hotspots.rasters."night lights"]
file = "lights.tif"
kind = "amount"
sectors = {json.dumps(LIT)}

[hotspots.rasters.population]
file = "population.tif"

[hotspots.cities]
file = "cities.geojson"
"""
MORE = """
[hotspots.territory]
file = "territory.geojson"

[hotspots.world]
region = "USA"
step = 5
raster = { file = "world.tif" }
"""


def lay_out(place: Path, step: float | None = None) -> None:
    """Write a country of four provinces as files: what a study of hotspots reads.

    Its rasters are those of the synthetic country, or coarser ones, which are quicker.
    """
    made = synthetic_country(cf.example(2007), "CHN", provinces=4, seed=0)
    coarse = None if step is None else Grid.lonlat(step, tuple(made.shapes.total_bounds))
    places = synthetic_places(made, seed=0, grid=coarse, lights_grid=coarse)
    write_country(observed(made), place, texts={"study.toml": STUDY})
    places.registry.drop(columns="capacity").to_csv(place / "plants.csv", index=False)
    write_raster(places.lights, place / "lights.tif")
    write_raster(places.population, place / "population.tif")
    cities = places.cities.reset_index()[["code", "name", "geometry"]]
    cities.to_file(place / "cities.geojson", driver="GeoJSON")
    places.ports[["name", "longitude", "latitude"]].to_csv(place / "ports.csv", index=False)
    island = box(80, 40, 85, 45)  # land that nobody has emissions on
    GeoDataFrame(
        {"code": ["main", "island"]}, geometry=[made.shapes.union_all(), island], crs=4326
    ).to_file(place / "territory.geojson", driver="GeoJSON")
    world = Grid.lonlat(5)
    land = coverage(world, country_shapes()[["geometry"]], overlap="share").land
    even = 200 * land * world.area  # 200 t on every km²: some 30 Gt
    write_raster(world.array(even, name="even", unit="t CO2"), place / "world.tif")
    listed = pd.Series({"CHN": 5000.0, "USA": 4000.0, "IND": 1000.0, "JPN": 100.0})
    listed.rename("value").rename_axis("country").to_csv(place / "countries.csv")


def found_in(study, out: Path, **changed) -> tuple[StudyResult, Mapped]:
    """Run a study, and keep what it put on the grid."""
    kept: list[Mapped] = []

    def keeping(*given):
        kept.append(mapped(*given))
        return kept[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hotspots, "mapped", keeping)
        result = run(study, out, **{"again": True} | changed)
    return result, kept[0]


def total(result: StudyResult, what: str) -> float:
    rows = result.tables["totals"]
    return float(
        rows.loc[(rows["what"] == what) & ~rows["unit"].str.contains("%"), "value"].iloc[0]
    )


def driven_of(result: StudyResult) -> float:
    return total(result, "driven by final demand abroad")
