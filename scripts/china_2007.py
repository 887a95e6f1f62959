"""Lay out what is published of China's provinces in 2007 for a study of provinces.

    python scripts/china_2007.py DATA FOLDER [--wiod WIOD]

DATA is a folder with CEADs' provincial inventories of 2007 and provincial GDP, population, area and
outlines; WIOD the folder of the World Input-Output Database (DATA/../wiod2013). FOLDER is made,
with a study file that runs as it is: `carbonflows run FOLDER/study.toml`. There is no provincial
input-output table and no trade between provinces in these data: both are estimated.
"""

import argparse
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd

from carbonflows.errors import CarbonflowsError, SourceError
from carbonflows.sources.ceads_inventory import read_ceads_inventory

YEAR = 2007
PROVINCES = {
    "Northeast": {"Liaoning": 210000, "Jilin": 220000, "Heilongjiang": 230000},
    "Beijing-Tianjin": {"Beijing": 110000, "Tianjin": 120000},
    "North": {"Hebei": 130000, "Shandong": 370000},
    "Central": {
        "Shanxi": 140000, "Anhui": 340000, "Jiangxi": 360000, "Henan": 410000, "Hubei": 420000,
        "Hunan": 430000,
    },
    "Central Coast": {"Shanghai": 310000, "Jiangsu": 320000, "Zhejiang": 330000},
    "South Coast": {"Fujian": 350000, "Guangdong": 440000, "Hainan": 460000},
    "Northwest": {
        "Inner Mongolia": 150000, "Shaanxi": 610000, "Gansu": 620000, "Qinghai": 630000,
        "Ningxia": 640000, "Xinjiang": 650000,
    },
    "Southwest": {
        "Guangxi": 450000, "Chongqing": 500000, "Sichuan": 510000, "Guizhou": 520000,
        "Yunnan": 530000,
    },
}  # fmt: skip
"""Macro-regions of Feng et al. 2013 with the administrative code of each province."""
SHAPES = {"Inner Mongolia": "Nei Mongol"}
"""Names in the outlines, where they differ."""
COAST = ("Central Coast", "South Coast")
COAST_EXPORTS = 0.74
"""Share of exports that originate in the two coasts (Feng et al. 2013, after the yearbook)."""
PUBLISHED = [
    ("outside share", "country", 57, "%"),
    ("imported share of consumption", "Beijing-Tianjin", 75, "%"),
    ("imported share of consumption", "Central Coast", 50, "%"),
    ("imported share of consumption", "South Coast", 50, "%"),
    ("exports originating", "Central Coast + South Coast", 74, "%"),
    ("exports emitted elsewhere", "Central Coast + South Coast", 40, "%"),
    ("caused by investment", "country", 37, "%"),
    ("consumption per GDP", "Ningxia", 527, "g/CNY"),
    ("consumption per GDP", "Guangdong", 126, "g/CNY"),
    ("net domestic exports per GDP", "Inner Mongolia", 247, "g/CNY"),
    ("net domestic exports per GDP", "Shanxi", 164, "g/CNY"),
    ("net domestic exports per GDP", "Hebei", 144, "g/CNY"),
    ("flux", "Northwest > Beijing-Tianjin, Household consumption", 34, "Mt"),
    ("flux", "North > Beijing-Tianjin, Household consumption", 29, "Mt"),
    ("flux", "Central > Central Coast, Household consumption", 58, "Mt"),
    ("flux", "North > Central Coast, Household consumption", 42, "Mt"),
    ("flux", "Northwest > Central Coast, Household consumption", 32, "Mt"),
    ("flux", "Central > South Coast, Household consumption", 34, "Mt"),
    ("flux", "Southwest > South Coast, Household consumption", 33, "Mt"),
    ("flux", "Central > Central Coast, Capital formation", 90, "Mt"),
    ("flux", "North > Central Coast, Capital formation", 80, "Mt"),
    ("flux", "Northwest > Central Coast, Capital formation", 36, "Mt"),
    ("flux", "North > Beijing-Tianjin, Capital formation", 46, "Mt"),
    ("flux", "Central > Central Coast, exports", 77, "Mt"),
    ("flux", "North > Central Coast, exports", 70, "Mt"),
    ("flux", "Northwest > Central Coast, exports", 38, "Mt"),
    ("flux", "Southwest > South Coast, exports", 59, "Mt"),
    ("flux", "Central > South Coast, exports", 45, "Mt"),
    ("flux", "Northwest > South Coast, exports", 20, "Mt"),
]
"""What Feng et al. 2013 print, rounded as there; "more than 75 %" and "about 50 %" in its words."""


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--wiod", type=Path)
    given = parser.parse_args()
    try:
        lay_out(given.data, given.folder, given.wiod or given.data.parent / "wiod2013")
    except CarbonflowsError as error:
        sys.exit(str(error))


def lay_out(data: Path, folder: Path, wiod: Path) -> None:
    """Write regions, outlines, inventory, exports and the study file."""
    regions = regions_of(data)
    outlines = outlines_of(data)
    shapes = gpd.GeoDataFrame(
        {"region": regions.index},
        geometry=[outlines.geometry[SHAPES.get(name, name)] for name in regions.index],
        crs=outlines.crs,
    )
    points = shapes.to_crs("ESRI:102025").representative_point().to_crs(4326)
    regions["longitude"], regions["latitude"] = points.x.round(4).array, points.y.round(4).array
    inventory = read_ceads_inventory(data / f"Emission_Inventories_for_30_Provinces_{YEAR}.xlsx")
    if lost := set(regions.index) ^ set(inventory["province"]):
        raise SourceError(f"{sorted(lost)}: not in the inventories and in the regions alike")
    folder.mkdir(parents=True, exist_ok=True)
    regions.to_csv(folder / "regions.csv")
    shapes.to_file(folder / "shapes.geojson", driver="GeoJSON")
    inventory.rename(columns={"province": "region"}).assign(unit="Mt").to_csv(
        folder / "inventory.csv", index=False
    )
    exports_of(regions).to_csv(folder / "exports.csv")
    values = "".join(
        f'\n[[published.values]]\nquantity = "{quantity}"\nregion = "{region}"\nvalue = {value}\n'
        f'unit = "{unit}"\n'
        for quantity, region, value, unit in PUBLISHED
    )
    (folder / "study.toml").write_text(STUDY.format(wiod=wiod.resolve()) + values, encoding="utf-8")


def outlines_of(data: Path) -> gpd.GeoDataFrame:
    """Outlines of provinces by name, rings that cross themselves mended."""
    outlines = gpd.read_file(data / "provinces.geojson").set_index("name")
    return outlines.set_geometry(outlines.make_valid())


def regions_of(data: Path) -> pd.DataFrame:
    """Code, macro-region, area, population and GDP of each province."""
    gdp = pd.read_csv(data / "gdp_province.csv", index_col=0)
    gdp.columns = gdp.columns.str.rstrip(",")
    population = pd.read_csv(data / "population_province.csv", index_col=0)[str(YEAR)]
    area = pd.read_csv(data / "area_province.csv", index_col=0)["area"]
    rows = [
        (name, code, group, area[name], population[name] * 1e4, gdp.loc[YEAR, name] * 100)
        for group, members in PROVINCES.items()
        for name, code in members.items()
    ]
    columns = ["region", "code", "group", "area_km2", "population", "gdp"]
    return pd.DataFrame(rows, columns=columns).set_index("region")


def exports_of(regions: pd.DataFrame) -> pd.Series:
    """Share of each province in exports: the printed share of the coasts, by GDP within."""
    coast = regions["group"].isin(COAST)
    whole = regions["gdp"].groupby(coast).transform("sum")
    share = coast.map({True: COAST_EXPORTS, False: 1 - COAST_EXPORTS})
    return (share * regions["gdp"] / whole).rename("share")


STUDY = """# China's provinces in the world of 2007: trade between provinces is estimated, not published.
title = "China's provinces in the world, 2007"
kind = "provinces"
question = "Whose consumption causes the emissions of each province, and through which coast do they leave the country?"
cites = [
    "Feng K., Davis S. J., Sun L., Li X., Guan D., Liu W., Liu Z., Hubacek K. (2013): Outsourcing CO2 within China. PNAS 110, 11654-11659.",
    "Shan Y., Guan D., Zheng H., Ou J., Li Y., Meng J., Mi Z., Liu Z., Zhang Q. (2018): China CO2 emission accounts 1997-2015. Scientific Data 5, 170201.",
]

[table]
source = "wiod2013"
path = "{wiod}"
year = 2007

[emissions]
stressor = "CO2"

[provinces]
country = "CHN"
folder = "."
concordance = "ceads-to-wiod2013"
gdp_unit = "M CNY"

[provinces.drivers]
"Household consumption" = ["CONS_h", "CONS_np"]
"Government" = ["CONS_g"]
"Capital formation" = ["GFCF", "INVEN"]

[published]
source = "Feng et al. 2013, abstract, text and figures"
differs = "Trade between provinces, their output by sector and their final demand are estimated here from emissions, GDP, population and location quotients, where the study had provincial input-output tables and a gravity model fitted to transport data; the world is WIOD, not GTAP; the inventory is that of CEADs, at its own level."
"""  # noqa: E501

if __name__ == "__main__":
    main()
