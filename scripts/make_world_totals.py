"""Make `src/carbonflows/data/world`: totals of the world that tables are compared with.

Usage: ``python scripts/make_world_totals.py PATH``, where PATH is a folder with

- ``gdp.csv``: World Bank, GDP (current USD), columns ``Country Name, Country Code, Year, Value``;
- ``territorial-emissions.csv``: Global Carbon Budget 2019, fossil CO2 in MtC, columns
  ``Code, Year, Emissions, Source``.
"""

import argparse
import csv
from pathlib import Path

import pandas as pd

from carbonflows.sources.worldbank import AGGREGATES, WORLD, read_worldbank

TARGET = Path(__file__).resolve().parents[1] / "src" / "carbonflows" / "data" / "world"
CARBON_TO_CO2 = 3.664  # the factor that the Global Carbon Budget itself uses
SHARES_OF = 2010  # a year for which nearly every country has a value

README = f"""\
# Totals of the world

What a table that covers the world is compared with, and how to tell that it does
(`carbonflows.plausible`).

| file | what |
|---|---|
| `totals.csv` | GDP [current USD] and fossil CO2 [Mt] of the world; empty where a source ends |
| `gdp_shares.csv` | each country's share of the world's GDP in {SHARES_OF} |

**GDP.** World Bank, World Development Indicators, NY.GDP.MKTP.CD (GDP, current USD), world total
and countries, rounded to 10⁹ USD. Licence: Open Data Commons Public Domain Dedication and Licence
(ODC-PDDL). The world total includes Taiwan, which is not listed as a country.

**CO2.** Global Carbon Budget 2019: Friedlingstein et al. (2019), Earth System Science Data
11:1783-1838. World total of fossil CO2 (fuels and cement) including international bunkers,
converted with {CARBON_TO_CO2} t CO2 per t C and rounded to 1 Mt. Licence: Creative Commons
Attribution 4.0 International (CC BY 4.0).

**Changes made.** None but the conversion, the rounding and the division by the world total.
`scripts/make_world_totals.py` makes all files here.
"""


def world_totals(source: Path) -> pd.DataFrame:
    """Return GDP [USD] and CO2 [Mt] of the world by year."""
    money = pd.read_csv(source / "gdp.csv")
    money = money[money["Country Code"] == WORLD].set_index("Year")["Value"]
    carbon = pd.read_csv(source / "territorial-emissions.csv")
    carbon = carbon[carbon["Code"] == "World"].set_index("Year")["Emissions"]
    return pd.DataFrame({"gdp_usd": money, "co2_mt": carbon * CARBON_TO_CO2}).sort_index()


def gdp_shares(source: Path) -> pd.Series:
    """Return each country's share of the world's GDP, by ISO3 code."""
    money = read_worldbank(source / "gdp.csv", SHARES_OF)
    return money.drop(labels=list(AGGREGATES), errors="ignore").sort_index() / money[WORLD]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    source = parser.parse_args().path
    TARGET.mkdir(parents=True, exist_ok=True)
    with (TARGET / "totals.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["year", "gdp_usd", "co2_mt"])
        for year, row in world_totals(source).iterrows():
            gdp = "" if pd.isna(row["gdp_usd"]) else f"{row['gdp_usd'] / 1e9:.0f}e9"
            co2 = "" if pd.isna(row["co2_mt"]) else f"{row['co2_mt']:.0f}"
            out.writerow([year, gdp, co2])
    with (TARGET / "gdp_shares.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["country", "share"])
        out.writerows((code, f"{share:.3g}") for code, share in gdp_shares(source).items())
    (TARGET / "README.md").write_text(README, encoding="utf-8")


if __name__ == "__main__":
    main()
