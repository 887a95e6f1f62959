"""Make the example world from the WIOD 2013 release.

    python scripts/make_example.py PATH [--out FOLDER]

PATH is the folder that ``carbonflows.sources.wiod2013`` reads. The same input gives the same bytes.
"""

import argparse
import csv
import hashlib
from pathlib import Path

from carbonflows.regions import Grouping, aggregate
from carbonflows.sources.example import YEARS
from carbonflows.sources.wiod2013 import CITATION, CO2_CITATION, read_wiod2013
from carbonflows.sources.wiod2013_labels import SECTORS
from carbonflows.store import save_table
from carbonflows.table import IOTable

OUT = Path(__file__).resolve().parents[1] / "src" / "carbonflows" / "data" / "example"

ALONE = [
    "CHN", "IND", "IDN", "RUS", "TUR", "USA", "CAN", "MEX", "BRA", "JPN",
    "KOR", "TWN", "AUS", "GBR", "DEU", "FRA", "ITA", "ESP", "SWE",
]  # fmt: skip
# Cyprus belongs to the eastern members here because Han et al. (2018, Table 1) count it so.
EAST = ["BGR", "CYP", "CZE", "EST", "HUN", "LTU", "LVA", "POL", "ROU", "SVK", "SVN"]
WEST = ["AUT", "BEL", "DNK", "FIN", "GRC", "IRL", "LUX", "MLT", "NLD", "PRT"]

SECTOR_GROUPS = {
    "Agriculture": "c1",
    "Mining": "c2",
    "Food": "c3",
    "Textiles and leather": "c4 c5",
    "Coke and petroleum": "c8",
    "Chemicals and plastics": "c9 c10",
    "Non-metallic minerals": "c11",
    "Basic metals": "c12",
    "Machinery": "c13",
    "Electrical equipment": "c14",
    "Transport equipment": "c15",
    "Wood, paper and other manufacturing": "c6 c7 c16",
    "Electricity, gas and water": "c17",
    "Construction": "c18",
    "Trade and hospitality": "c19 c20 c21 c22",
    "Land transport and logistics": "c23 c26",
    # Apart from land transport: together they would double the bias of the consumption accounts.
    "Water and air transport": "c24 c25",
    "Services": "c27 c28 c29 c30 c31 c32 c33 c34 c35",
}

README = f"""\
# The example world

A real multi-regional input-output table with CO2: 22 regions × 18 sectors, five categories of final
demand, for {", ".join(map(str, YEARS))}. `carbonflows.example(year)` opens it.

| file | what |
|---|---|
| `wiod_YEAR.zip` | the table (Zarr v3 in a zip, see `carbonflows.open_table`) |
| `regions.csv` | country → region |
| `sectors.csv` | WIOD sector → sector |
| `SHA256SUMS` | checksums; `sha256sum -c SHA256SUMS` |

**Unit.** Money: M USD, current basic prices. CO2: kt, as in the WIOD CO2 accounts; households' own
emissions are on their final demand `CONS_h`.

**Source.**
- {CITATION}.
- {CO2_CITATION}.

**Licence.** The WIOD project (Groningen Growth and Development Centre, University of Groningen)
publishes its tables free to use with citation, and its 2016 release under the Creative Commons
Attribution 4.0 International licence (CC BY 4.0). This excerpt of the 2013 release is passed on
with attribution in that spirit; that the same licence covers it could not be verified. The flows
came through the R package `wiod`, which rounds them to whole M USD. Cite the two papers above when
you publish results.

**Changes made.** Countries and sectors were summed as `regions.csv` and `sectors.csv` say: `EEU`
are the eastern members of the European Union with Cyprus, `WEU` the rest of its western members,
`ROW` all countries that are in no other region, as WIOD models them. Taxes less subsidies, margins
and purchases abroad count as value added. No number was changed otherwise: totals are those of the
full table. `scripts/make_example.py` makes all files here.

**Bias.** Production is that of the full table. Consumption computed on these small tables differs
from the full table's, summed afterwards, by less than 4 % for every region and by less than 0.7 %
of world emissions over all regions; flows between regions by less than 5 % of their sum. The traded
share of world emissions (footprint) comes out less than 0.5 points too high.
`tests/sources/test_example.py` holds these bounds.
"""


def region_grouping() -> Grouping:
    """Country → one of 22 regions."""
    groups = {c: c for c in ALONE} | dict.fromkeys(WEST, "WEU") | dict.fromkeys(EAST, "EEU")
    groups["ROW"] = "ROW"
    return Grouping(groups, name="example regions", source="carbonflows, scripts/make_example.py")


def sector_grouping() -> Grouping:
    """WIOD sector → one of 18 sectors."""
    groups = {
        SECTORS[code][1]: group for group, codes in SECTOR_GROUPS.items() for code in codes.split()
    }
    return Grouping(groups, name="example sectors", source="carbonflows, scripts/make_example.py")


def example_table(path: Path, year: int) -> IOTable:
    """Read one year and sum it."""
    table = read_wiod2013(path, year)
    small = aggregate(table, region_grouping(), sector_grouping(), name="WIOD example")
    return small.replace(source=f"{table.source}; summed to 22 regions and 18 sectors")


def write_grouping(path: Path, column: str, grouping: Grouping) -> None:
    """Write a grouping as CSV."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column, "group"])
        writer.writerows(grouping.members.items())


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the example world from WIOD 2013.")
    parser.add_argument("path", type=Path, help="folder of the WIOD 2013 release")
    parser.add_argument("--out", type=Path, default=OUT, help="where to put it")
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    for year in YEARS:
        save_table(example_table(arguments.path, year), out / f"wiod_{year}.zip", overwrite=True)
    write_grouping(out / "regions.csv", "region", region_grouping())
    write_grouping(out / "sectors.csv", "sector", sector_grouping())
    (out / "README.md").write_text(README, encoding="utf-8")
    made = ["README.md", "regions.csv", "sectors.csv", *(f"wiod_{year}.zip" for year in YEARS)]
    sums = [f"{hashlib.sha256((out / name).read_bytes()).hexdigest()}  {name}\n" for name in made]
    (out / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    for name in [*made, "SHA256SUMS"]:
        print(f"{(out / name).stat().st_size:>9,} bytes  {out / name}")


if __name__ == "__main__":
    main()
