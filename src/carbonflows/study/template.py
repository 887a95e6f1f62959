"""The folder that studies of provinces and of hotspots read, of a country that does not exist."""

from functools import partial
from pathlib import Path

from carbonflows.build.synthetic.country import synthetic_country
from carbonflows.build.synthetic.emitters import SyntheticPlaces, synthetic_places
from carbonflows.build.synthetic.observed import observed
from carbonflows.sources.example import example
from carbonflows.sources.raster_write import write_raster
from carbonflows.study.country_folder import write_country

STUDY = """# A country's provinces inside the world. Everything in this folder is made up: put your
# own statistics in place of it, file by file, and name your world table below.
title = "Provinces inside the world"
kind = "provinces"
question = "Whose consumption causes the emissions of each province?"

[table]
source = "example"  # the world that the country is part of; `carbonflows sources` lists others
year = {year}

[emissions]
stressor = "CO2"

[provinces]
country = "{country}"  # the region of the world table that the provinces take the place of
folder = "."
unit = "M USD"  # of the files in tables/
gdp_unit = "M USD"  # of the column gdp in regions.csv
"""
HOTSPOTS = """# Where on the map a country emits for final demand abroad. Everything in this
# folder is made up: put your own files in place of it, and name your world table below.
title = "Where exports are emitted"
kind = "hotspots"
question = "Where on the map are emissions driven by final demand abroad?"

[table]
source = "example"
year = {year}

[emissions]
stressor = "CO2"

[provinces]
country = "{country}"
folder = "."
unit = "M USD"
gdp_unit = "M USD"

[hotspots]
cell = 10  # km
crs = "china-albers"  # any equal-area system of your country: "EPSG:…" or a PROJ string
reach = 4  # rows or columns that hotspots of one hub may be apart
ports = "ports.csv"

[hotspots.cities]
file = "cities.geojson"
code = "code"
name = "name"

[hotspots.families]  # what is told of emitting sectors; the rest are "all others"
"Electricity" = "Electricity, gas and water"
"Metals" = "Basic metals"
"Cement and minerals" = "Non-metallic minerals"

# What says where sectors emit, the best first: a sector follows the first that speaks for it.
[hotspots.points."registered plants"]
file = "plants.csv"
region = "region"
sector = "sector"  # or: fuel = "fuel" and sectors = {{ Coal = "Electricity, gas and water" }}
name = "name"
unit = "kt CO2"

[hotspots.rasters."night lights"]
file = "lights.tif"
kind = "amount"
sectors = [{lit}]

[hotspots.rasters.population]  # no sectors: all others, and final users
file = "population.tif"
"""
README = """What is in this folder, for `carbonflows run study.toml`:

regions.csv     region, longitude, latitude (of its capital or centre), area_km2, population, gdp;
                optional: code, group (macro-region), name
shapes.geojson  outlines, with the property region (optional: without it there are no maps)
energy.csv      energy balances: region, row, fuel, value, unit
rows.csv        what each row of them is: row, role, sector; leave it out for the rows of China's
                provincial balances; fuels are named as the factors are, or in [provinces.fuels]
factors.csv     emission factors of your own; left out, those of the IPCC guidelines of 2006
process.csv     CO2 of cement and other processes: region, sector, fuel (Process), value, unit (Mt);
                0 where there is none
inventory.csv   instead of energy.csv: region, sector, fuel, value, unit (Mt); optional: code
tables/R.csv    input-output table of region R: sector, Z:<sector> and Y:<category> (uses of all
                origins), exports, imports, outflow, inflow, x, value_added; without this folder
                regions are estimated from proxies (non-survey)
trade/S.csv     known flows of a commodity of sector S, origin by destination, any unit; left out,
                trade is estimated from distance and size
output.csv, final.csv, exports.csv
                proxies where there are no tables: region by sector, region by category, and the
                share of each region in exports (they sum to 1)
study.toml      what to do with it all

And beside it, for `carbonflows run hotspots.toml`:

plants.csv      points that emit: longitude, latitude, value (emissions, or what they are shared out
                by); optional: region, sector or fuel, name
population.tif, lights.tif
                rasters (GeoTIFF, NetCDF or Zarr) of emissions, or of what they follow
cities.geojson  outlines, with a code of their own and a name
ports.csv       name, longitude, latitude
hotspots.toml   which of them speaks for which sectors
"""


def write_template(
    folder: str | Path, *, country: str = "CHN", number: int = 12, seed: int = 0, year: int = 2007
) -> None:
    """Write a folder with everything that studies of provinces and of hotspots can use.

    Parameters
    ----------
    folder : str or Path
        Made; it must not be there yet.
    country : str
        Region of the example world whose place the country takes.
    number : int
        Of provinces.
    seed : int
    year : int
        Of the example world.

    Raises
    ------
    PlaceError
        The folder is there already, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "provinces"
    >>> write_template(place, number=4)
    >>> sorted(file.name for file in (place / "tables").iterdir())
    ['CHN-01.csv', 'CHN-02.csv', 'CHN-03.csv', 'CHN-04.csv']
    """
    made = synthetic_country(example(year), country, provinces=number, seed=seed)
    places = synthetic_places(made, seed=seed)
    lit = ", ".join(f'"{sector}"' for sector in places.industry)
    texts = {
        "study.toml": STUDY.format(year=year, country=country),
        "hotspots.toml": HOTSPOTS.format(year=year, country=country, lit=lit),
        "README.txt": README,
    }
    write_country(observed(made), folder, texts=texts, more=partial(_write_places, places))


def _write_places(places: SyntheticPlaces, folder: Path) -> None:
    """Write plants, rasters, cities and ports."""
    columns = ["name", "region", "sector", "fuel", "longitude", "latitude", "value"]
    places.registry[columns].to_csv(folder / "plants.csv", index=False)
    places.ports[["name", "longitude", "latitude"]].to_csv(folder / "ports.csv", index=False)
    places.cities[["name", "geometry"]].reset_index().to_file(
        folder / "cities.geojson", driver="GeoJSON"
    )
    write_raster(places.population, folder / "population.tif")
    write_raster(places.lights, folder / "lights.tif")
