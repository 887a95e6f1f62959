"""Lay out what is published of China in 2007 for a study of hotspots.

    python scripts/china_hotspots.py DATA FOLDER [--wiod WIOD] [--grid GRID] [--world WORLD]

DATA, FOLDER and WIOD are those of `china_2007.py`, whose files are written too. DATA also has power
plants (World Resources Institute) and outlines of prefectures; GRID is the folder of CDIAC's 1°
fossil CO2 (DATA/../grid), WORLD that of the Global Carbon Budget's totals by country
(DATA/../world). FOLDER then has a second study, which runs as it is:
`carbonflows run FOLDER/hotspots.toml`.

There is no inventory of single firms in these data: power plants stand for electricity, and CDIAC's
grid, which follows people within a country, for all else.
"""

import argparse
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
from china_2007 import YEAR, lay_out, outlines_of

from carbonflows.countries import country_names
from carbonflows.errors import CarbonflowsError
from carbonflows.inventory.factors import CO2_PER_CARBON
from carbonflows.sources.outlines import read_outlines

RATES = {
    "Coal": (0.9, 5300.0), "Gas": (0.4, 3000.0), "Oil": (0.7, 1500.0), "Petcoke": (0.9, 5000.0),
    "Cogeneration": (0.5, 4500.0),
}  # fmt: skip
"""Fuel → t CO2 per MWh and full-load hours: an assumption, the same everywhere; only their
proportions matter. Other fuels are not fossil."""
PORTS = [
    ("Dalian", 121.65, 38.93), ("Tianjin", 117.75, 38.98), ("Qingdao", 120.32, 36.08),
    ("Lianyungang", 119.45, 34.74), ("Shanghai", 121.60, 31.37), ("Ningbo", 121.85, 29.93),
    ("Fuzhou", 119.45, 25.99), ("Xiamen", 118.07, 24.45), ("Shenzhen", 114.27, 22.57),
    ("Guangzhou", 113.45, 23.08), ("Zhanjiang", 110.40, 21.17), ("Yingkou", 122.10, 40.29),
]  # fmt: skip
"""Large sea ports, to about 5 km, as on any nautical chart."""
TIBET = "Xizang"
PUBLISHED = [
    ("driven from abroad", "country", 1466, "Mt"),
    ("share of industrial emissions", "country", 14.6, "%"),
    ("share of what is driven from abroad", "USA", 23, "%"),
    ("share of what is driven from abroad", "HKG", 10.8, "%"),
    ("share of what is driven from abroad", "JPN", 9, "%"),
    ("share of category", "USA, Household consumption", 49, "%"),
    ("share of emitting sectors", "Electricity", 42, "%"),
    ("land with share of emissions", "75", 1, "%"),
    ("rank as a country", "hubs", 5, "rank"),
]
"""What the report on Yang et al. 2020 prints for 2012; its 1.466 megatons must be gigatons."""


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    for name in ("--wiod", "--grid", "--world"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    beside = given.data.parent
    wiod = given.wiod or beside / "wiod2013"
    try:
        lay_out(given.data, given.folder, wiod)
        lay_out_places(
            given.data, given.folder, given.grid or beside / "grid", given.world or beside / "world"
        )
    except CarbonflowsError as error:
        sys.exit(str(error))


def lay_out_places(data: Path, folder: Path, grid: Path, world: Path) -> None:
    """Write plants, prefectures, the territory, ports, countries and the study file."""
    plants_of(data).to_csv(folder / "plants.csv", index=False)
    cities = read_outlines(
        data / "prefectures_topo.json", code="区划码", name="name", crs="EPSG:4326",
        layer="prefectures", mend=True,
    )  # fmt: skip
    cities.reset_index()[["code", "name", "geometry"]].to_file(
        folder / "cities.geojson", driver="GeoJSON"
    )
    outlines = outlines_of(data)
    regions = gpd.read_file(folder / "shapes.geojson").rename(columns={"region": "code"})
    tibet = gpd.GeoDataFrame({"code": [TIBET]}, geometry=[outlines.geometry[TIBET]], crs=4326)
    pd.concat([regions, tibet]).to_file(folder / "territory.geojson", driver="GeoJSON")
    ports = pd.DataFrame(PORTS, columns=["name", "longitude", "latitude"])
    ports.to_csv(folder / "ports.csv", index=False)
    countries_of(world).to_csv(folder / "countries.csv")
    text = (folder / "study.toml").read_text(encoding="utf-8").split("[published]")[0]
    rest = text.split("[table]", 1)[1]
    values = "".join(
        f'\n[[published.values]]\nquantity = "{quantity}"\nregion = "{region}"\nvalue = {value}\n'
        f'unit = "{unit}"\n'
        for quantity, region, value, unit in PUBLISHED
    )
    cdiac = (grid / f"gridcar.{YEAR}.gz").resolve()
    (folder / "hotspots.toml").write_text(
        HEAD + "[table]" + rest + STUDY.format(cdiac=cdiac, year=YEAR) + values, encoding="utf-8"
    )


def plants_of(data: Path) -> pd.DataFrame:
    """Fossil power plants that ran in the year, as far as their dates are known."""
    found = pd.read_csv(data / "power_plants_wri_china.csv", low_memory=False)
    found = found[found["Fuel"].isin(RATES) & found["Capacity (MW)"].notna()]
    began = pd.to_numeric(found["Commissioning Date"].astype(str).str[:4], errors="coerce")
    found = found[~(began > YEAR)]
    rates = found["Fuel"].map(lambda fuel: RATES[fuel][0] * RATES[fuel][1])
    return pd.DataFrame(
        {
            "name": found["Name"], "fuel": found["Fuel"], "longitude": found["Longitude"],
            "latitude": found["Latitude"], "value": found["Capacity (MW)"] * rates / 1e3,
        }
    )  # fmt: skip


def countries_of(world: Path) -> pd.Series:
    """CO2 of every country in the year [Mt CO2], without sums of several."""
    found = pd.read_csv(world / "territorial-emissions.csv").query("Year == @YEAR")
    codes = found["Code"].astype(str)
    named = pd.Series(country_names(codes), found.index)
    single = found[codes.str.fullmatch(r"[A-Z]{3}") & (named != codes)].set_index("Code")
    return (single["Emissions"].dropna() * CO2_PER_CARBON).rename("value").rename_axis("country")


HEAD = """# Where on the map China's emissions are driven from abroad, 2007: what can be done with plants
# and a coarse grid in place of an inventory of firms.
title = "Where China's exports are emitted, 2007"
kind = "hotspots"
question = "Where in China are emissions driven by final demand abroad, on how little land, and around which cities and ports?"
cites = [
    "Yang Y., Qu S., Cai B., Liang S., Wang Z., Wang J., Xu M. (2020): Mapping global carbon footprint in China. Nature Communications 11, 2237.",
    "Andres R. J., Boden T. A., Marland G. (2016): Annual fossil-fuel CO2 emissions: mass of emissions gridded by one degree latitude by one degree longitude, NDP-058. CDIAC.",
    "Global Energy Observatory and others (2018): Global Power Plant Database. World Resources Institute.",
    "Shan Y., Guan D., Zheng H., Ou J., Li Y., Meng J., Mi Z., Liu Z., Zhang Q. (2018): China CO2 emission accounts 1997-2015. Scientific Data 5, 170201.",
]

"""  # noqa: E501
STUDY = """[hotspots]
cell = 10
crs = "china-albers"
share = 0.75
overlap = "share"
misplaced = "drop"
tolerance = 5
destinations = ["USA", "JPN", "DEU", "GBR", "KOR", "ROW"]
ports = "ports.csv"
countries = "countries.csv"

[hotspots.cities]
file = "cities.geojson"
name = "name"
mend = true

[hotspots.territory]
file = "territory.geojson"
mend = true

[hotspots.families]
"Electricity" = "Electricity, gas and water"
"Metals" = "Basic and fabricated metals"
"Cement and minerals" = "Non-metallic minerals"
"Refineries" = "Coke and refined petroleum"
"Chemicals" = "Chemicals"
"Transport" = ["Inland transport", "Water transport", "Air transport", "Transport services"]

[hotspots.points."power plants"]
file = "plants.csv"
fuel = "fuel"
name = "name"
unit = "kt CO2"
duplicates = "keep"
sectors = ["Electricity, gas and water"]

[hotspots.rasters."CDIAC 1 degree"]
file = "{cdiac}"
layout = "cdiac"
year = {year}
on_land = true

[hotspots.world]
region = "USA"
step = 1.0
raster = {{ file = "{cdiac}", layout = "cdiac", year = {year}, on_land = true }}

[published]
source = "Yang et al. 2020, as reported by the University of Michigan; 2012"
differs = "Another year (2007, not 2012). Power plants by capacity and a 1 degree grid that follows people stand in for the study's inventory of firms: steel, cement and refineries have no places of their own, hotspots outside of electricity are as smooth as that grid, so that shares of land, the number and size of hubs and their ranks cannot be reproduced, and some coasts (Zhoushan, Leizhou, the tip of Shandong) are empty in it. The land is that of 30 provinces and Tibet, which has no inventory. Trade between provinces is estimated. WIOD has no Hong Kong, which is inside the rest of the world."
"""  # noqa: E501

if __name__ == "__main__":
    main()
