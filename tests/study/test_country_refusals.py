"""What a country's folder is refused for: each in one line, culprit first, way out last."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonflows.build.country import CountryData
from carbonflows.build.proxies import spread_exports
from carbonflows.build.synthetic.country import synthetic_country
from carbonflows.build.synthetic.observed import observed
from carbonflows.errors import CarbonflowsError, DataError, LabelError
from carbonflows.sources.example import example
from carbonflows.study.country_folder import read_country, write_country

PLACES = """region,code,group,longitude,latitude,area_km2,population,gdp
Shanxi,140000,North,112.5,37.9,156700,33930000,5734
Shaanxi,610000,West,108.9,34.3,205800,37480000,5466
Hebei,130000,North,114.5,38.0,188800,69430000,13710
"""
INVENTORY = """region,sector,fuel,value,unit
Shanxi,Steel,Coal,10,Mt
Shaanxi,Steel,Coal,20,Mt
Hebei,Steel,Coal,30,Mt
"""
CODED = """region,code,sector,fuel,value,unit
Shanxi,140000,Steel,Coal,10,Mt
Shaanxi,610000,Steel,Coal,20,Mt
Hebei,130000,Steel,Coal,30,Mt
"""
EXPORTS = "region,share\nShanxi,0.2\nShaanxi,0.3\nHebei,0.5\n"
FOOD = (
    "trade/Food.csv",
    """origin,Shanxi,Shaanxi,Hebei
Shanxi,5,1,2
Shaanxi,3,6,0
Hebei,1,1,9
""",
)
TABLE = """sector,Z:Food,Z:Steel,Y:Use,exports,imports,outflow,inflow,x,value_added
Food,1,1,5,1,1,1,1,7,5
Steel,1,1,5,1,1,1,1,7,5
"""
TABLES = {f"tables/{name}.csv": TABLE for name in ("Shanxi", "Shaanxi", "Hebei")}
ENERGY = "region,row,fuel,value,unit\n" + "".join(
    f"{name},Construction,Other bituminous coal,100,10^4 t\n"
    for name in ("Shanxi", "Shaanxi", "Hebei")
)
ROWS = "row,role,sector\nConstruction,final,Steel\nMines,production,\n"
PROCESS = INVENTORY.replace("Coal", "Process")


def laid(place: Path, files: dict[str, str], encoding: str = "utf-8") -> Path:
    for name, text in {"regions.csv": PLACES, **files}.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, encoding=encoding)
    return place


def changed(name: str, text: str, *swaps: tuple[str, str]) -> dict[str, str]:
    """A file with some of its text replaced."""
    for old, new in swaps:
        assert old in text
        text = text.replace(old, new)
    return {name: text}


def regions(*swaps: tuple[str, str]) -> dict[str, str]:
    return changed("regions.csv", PLACES, *swaps)


def inventory(*swaps: tuple[str, str]) -> dict[str, str]:
    return changed("inventory.csv", INVENTORY, *swaps)


def coded(*swaps: tuple[str, str]) -> dict[str, str]:
    return changed("inventory.csv", CODED, *swaps)


def exports(*swaps: tuple[str, str]) -> dict[str, str]:
    return changed("exports.csv", EXPORTS, *swaps)


def trade(*swaps: tuple[str, str]) -> dict[str, str]:
    return changed(*FOOD, *swaps)


def table(*swaps: tuple[str, str]) -> dict[str, str]:
    return TABLES | changed("tables/Shaanxi.csv", TABLE, *swaps)


def process(*swaps: tuple[str, str]) -> dict[str, str]:
    return {"energy.csv": ENERGY} | changed("process.csv", PROCESS, *swaps)


def rows(*swaps: tuple[str, str]) -> dict[str, str]:
    return {"energy.csv": ENERGY} | changed("rows.csv", ROWS, *swaps)


SWAPPED = ("140000", "?"), ("610000", "140000"), ("?", "610000")
WITHOUT_CODES = [",".join(line.split(",")[:1] + line.split(",")[2:]) for line in PLACES.split("\n")]
GOOD = {
    "regions": {},
    "regions without codes": {"regions.csv": "\n".join(WITHOUT_CODES), **coded()},
    "codes of their own": regions(("140000", "7"), ("610000", "8"), ("130000", "9")),
    "a province without a code": regions(("130000", "")),
    "ISO codes for GB codes": coded(("140000", "CN-SX")),
    "a code that tells which": coded(("Shanxi", "Shannxi")),
    "a group named like its region": regions((",West", ",Shaanxi")),
    "shares that are rounded": exports(("0.2", "0.195")),
    "no exports of one": exports(("0.2", "0"), ("0.3", "0.5")),
    "samples": trade(),
    "tables": table(),
    "a column of notes": table(("value_added", "value_added,note"), ("7,5", "7,5,revised")),
    "roles": rows(),
    "processes": process(("10,Mt", "0,Mt")),
}  # fmt: skip


@pytest.mark.parametrize("case", GOOD)
def test_what_is_as_it_should_be_is_read(tmp_path, case):
    found = read_country(laid(tmp_path, GOOD[case]))
    assert list(found.regions.index) == ["Shanxi", "Shaanxi", "Hebei"]
    if "inventory.csv" in GOOD[case]:
        by_region = found.inventory.set_index("province")["value"]
        assert by_region.to_dict() == {"Shanxi": 10, "Shaanxi": 20, "Hebei": 30}


BAD = {
    "exports in per cent": (
        exports(("0.2", "20"), ("0.3", "30"), ("0.5", "50")),
        r"exports\.csv: shares sum to 100, .* Hebei's 50; .*add up to 1$",
    ),
    "exports that sum to 1.02": (exports(("0.2", "0.22")), r"exports\.csv: shares sum to 1\.02"),
    "exports below zero": (
        exports(("0.2", "-0.2"), ("0.5", "0.9")), r"exports\.csv: share of Shanxi: '-0\.2'.*give"
    ),
    "exports left empty": (exports(("0.2", "")), r"exports\.csv: share of Shanxi: an empty cell"),
    "endless exports": (exports(("0.2", "inf")), r"exports\.csv: share of Shanxi: 'inf'"),
    "exports in words": (exports(("0.2", "much")), r"exports\.csv: share of Shanxi: 'much'"),
    "codes exchanged": (
        regions(*SWAPPED), r"regions\.csv: region 'Shanxi' has the code of Shaanxi .*correct one"
    ),
    "a code of nothing": (regions(("140000", "14000")), r"regions\.csv: code '14000' of Shanxi"),
    "a code twice": (regions(("140000", "130000")), r"regions\.csv: code 130000 is there twice"),
    "codes of the inventory exchanged": (
        coded(*SWAPPED), r"inventory\.csv: region 'Shanxi' has the code of Shaanxi"
    ),
    "other codes than in regions.csv": (
        regions(("140000", "1"), ("610000", "2"), ("130000", "3"))
        | coded(("140000", "2"), ("610000", "1"), ("130000", "3")),
        r"inventory\.csv: region 'Shanxi' has the code 2, in regions\.csv it is 1; correct",
    ),
    "two codes for one region": (
        coded(("Hebei,130000,Steel,Coal,30,Mt\n", "Hebei,130000,Steel,Coal,30,Mt\n"
               "Hebei,130001,Steel,Oil,1,Mt\n")),
        r"inventory\.csv: region 'Hebei' has the codes 130000 and 130001; keep one",
    ),
    "a line twice in inventory.csv": (
        inventory(("Hebei,Steel,Coal,30,Mt\n", "Hebei,Steel,Coal,30,Mt\n" * 2)),
        r"inventory\.csv: Hebei/Steel/Coal is there twice; keep one line",
    ),
    "a line twice in process.csv": (
        process(("Hebei,Steel,Process,30,Mt\n", "Hebei,Steel,Process,30,Mt\n" * 2)),
        r"process\.csv: Hebei/Steel/Process is there twice",
    ),
    "an empty group": (regions((",West", ",")), r"regions\.csv: Shaanxi has no group; name one"),
    "a blank group": (regions((",West", ",  ")), r"regions\.csv: Shaanxi has no group"),
    "groups that differ in blanks": (
        regions((",West", ",North ")), r"groups 'North' and 'North ' differ in blanks only"
    ),
    "blanks inside a group": (
        regions(("0,North", "0,North East"), (",West", ",NorthEast")), "'North East' and 'NorthE"
    ),
    **{
        f"text for {column}": (
            regions((f",{old}", f',"{new}"')),
            rf"regions\.csv: Shaanxi in column {column}: '{new}' is no .*without commas",
        )
        for column, old, new in (
            ("gdp", "5466", "5,466"), ("population", "37480000", "37,480,000"),
            ("area_km2", "205800", "205,800"), ("longitude", "108.9", "108,9"),
            ("latitude", "34.3", "34N"),
        )
    },
    **{
        f"{column} {value or 'empty'}": (
            regions((f",{one}", f",{value}"), (f",{two}", f",{value}")),
            rf"regions\.csv: Shaanxi, Hebei in column {column}: .* is no number above zero; "
            + ("correct it" if value else "fill it in"),
        )
        for column, one, two in (
            ("gdp", "5466", "13710"), ("population", "37480000", "69430000"),
            ("area_km2", "205800", "188800"),
        )
        for value in ("0", "-1", "", "inf")
    },
    "no region": ({"regions.csv": PLACES.splitlines()[0] + "\n"}, "no region; .*two regions"),
    "one region": (
        {"regions.csv": "\n".join(PLACES.splitlines()[:2])},
        r"regions\.csv: only Shanxi; a country needs two regions at least",
    ),
    "a line without a region": (regions(("Hebei", "")), r"regions\.csv: a line has no region"),
    "text in a table": (
        table(("Food,1,1", "Food,1,n.a.")),
        r"tables/Shaanxi\.csv: Food in column Z:Steel: 'n\.a\.' is no finite number; write",
    ),
    "text in a total": (table(("7,5", "7,x")), r"Shaanxi\.csv: Food, Steel in column value_added"),
    "an empty cell of a table": (
        table(("Food,1,1", "Food,1,")), r"Shaanxi\.csv: Food in column Z:Steel: an empty cell"
    ),
    "no column of a destination": (
        changed("trade/Food.csv", "\n".join(x.rpartition(",")[0] for x in FOOD[1].splitlines())),
        r"trade/Food\.csv, destinations: Hebei is missing; give every region",
    ),
    "no line of an origin": (
        trade(("Hebei,1,1,9\n", "")), r"trade/Food\.csv, origins: Hebei is missing"
    ),
    "an unknown destination": (
        trade((",Hebei", ",Hubei")),
        r"Food\.csv, destinations: Hubei is no region of the country; did you mean Hebei \(130000",
    ),
    "an origin twice": (
        trade(("Hebei,1", "Shanxi,1")), r"Food\.csv, origins: Shanxi is there twice; keep one"
    ),
    "an empty flow": (
        trade(("Shanxi,5,1", "Shanxi,5,")), r"Food\.csv: Shanxi in column Shaanxi: an empty cell"
    ),
    "a flow below zero": (
        trade(("Shanxi,5,1", "Shanxi,5,-1")), r"Shanxi in column Shaanxi: '-1' is no number from"
    ),
    "rows without roles": (rows(("role", "rolle")), r"rows\.csv: no column 'role'; did you mean"),
    "rows without sectors": (rows(("sector", "branch")), r"rows\.csv: no column 'sector'; it has"),
    "an unknown role": (
        rows(("final", "finall")),
        r"rows\.csv: role 'finall' of Construction is unknown; did you mean 'final'\?",
    ),
    "a row twice": (
        rows(("Mines,", "Construction,")), r"rows\.csv: row Construction is there twice"
    ),
    "a region without processes": (
        process(("Hebei,Steel,Process,30,Mt\n", "")),
        r"process\.csv: Hebei is missing; give 0 for none",
    ),
    "processes without energy": (
        inventory() | changed("process.csv", PROCESS),
        r"process\.csv has no use without energy\.csv; put its lines into inventory\.csv",
    ),
    "Shannxi for Shaanxi": (
        inventory(("Shaanxi", "Shannxi")),
        r"inventory\.csv: Shannxi is no region of the country; did you mean "
        r"(?=.*Shanxi \(140000\))(?=.*Shaanxi \(610000\))",
    ),
    "Shannxi without codes": (
        {"regions.csv": "\n".join(WITHOUT_CODES), **inventory(("Shaanxi", "Shannxi"))},
        r"Shannxi is no region .*(?=.*Shanxi \(140000\))(?=.*Shaanxi \(610000\))",
    ),
    "a name that is like none": (
        inventory(("Shaanxi", "Atlantis")), r"Atlantis is no region .*it has Shanxi, Shaanxi, Heb"
    ),
    "text in the inventory": (
        inventory(("30", "lots")), r"inventory\.csv: Hebei/Steel/Coal in column value: 'lots'"
    ),
    "a table with another sector": (
        table(("Food", "Foood")), r"table of Shaanxi: lacks Food; give the same sectors in all"
    ),
    "a table with a sector more": (
        table(
            ("Z:Food,Z:Steel", "Z:Food,Z:Steel,Z:Zinc"), ("Food,1,1", "Food,1,1,0"),
            ("Steel,1,1,5,1,1,1,1,7,5", "Steel,1,1,0,5,1,1,1,1,7,5\nZinc,0,0,0,0,0,0,0,0,0,0"),
        ),
        "table of Shaanxi: has Zinc besides; give the same sectors in all tables",
    ),
    "the first table with another sector": (
        TABLES | {"tables/Hebei.csv": TABLE.replace("Food", "Foood")},
        "table of Hebei: lacks Food",
    ),
    "tables that are no CSV": ({"tables/Hebei.xlsx": ""}, "tables has no CSV file; save them"),
    "flows that are no CSV": ({"trade/Food.xlsx": ""}, "trade has no CSV file; save them"),
    "a table with another category": (
        table(("Y:Use", "Y:Uses")), "table of Shaanxi: lacks Use; give the same categories"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_one_line(tmp_path, case):
    files, told = BAD[case]
    with pytest.raises(CarbonflowsError, match=told) as caught:
        read_country(laid(tmp_path, files))
    assert "\n" not in str(caught.value)


FILES = ["regions.csv", "inventory.csv", "exports.csv", "tables/Hebei.csv", "trade/Food.csv",
         "energy.csv", "process.csv", "rows.csv", "factors.csv", "shapes.geojson"]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_in_another_encoding_is_told_apart(tmp_path, name):
    files = {"energy.csv": ENERGY} if name in ("process.csv", "rows.csv", "factors.csv") else {}
    laid(tmp_path, files)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes("region,note\nÑuble,größer\n".encode("latin-1"))
    with pytest.raises(CarbonflowsError, match=rf"{name} is no text in UTF-8; save it as UTF-8"):
        read_country(tmp_path)


def test_exports_are_spread_by_shares_only() -> None:
    output = pd.DataFrame({"goods": [50.0, 50.0]}, ["A", "B"])
    sold = pd.Series({"goods": 10.0})
    for shares in ([1.5, -0.5], [np.nan, 1.0], [np.inf, 0.0]):
        with pytest.raises(DataError, match=r"shares of exports: share of [AB]: .* no number from"):
            spread_exports(output, sold, pd.Series(shares, ["A", "B"]))
    with pytest.raises(DataError, match=r"shares sum to 2, the largest is A's 1\.5"):
        spread_exports(output, sold, pd.Series({"A": 1.5, "B": 0.5}))
    found = spread_exports(output, sold, pd.Series({"A": 0.754, "B": 0.251}))
    assert found["goods"].sum() == pytest.approx(10)


def test_data_in_memory_is_held_to_the_same() -> None:
    columns = ["longitude", "latitude", "area_km2", "population", "gdp"]
    places = pd.DataFrame(
        [[0, 50, 1e4, 1e6, 10], [1, 51, 2e4, 2e6, 30]], ["Shanxi", "Shaanxi"], columns
    )
    CountryData(places.assign(code=[140000.0, np.nan], group=["a", "b"]))
    for spoilt, told in (
        (places.iloc[:1], "only Shanxi; a country needs two regions"),
        (places.assign(code=[610000.0, 140000.0]), "'Shanxi' has the code of Shaanxi"),
        (places.assign(group=["a", None]), "Shaanxi has no group"),
        (places.assign(gdp=[1, np.nan]), "Shaanxi in column gdp: an empty cell"),
    ):
        with pytest.raises(CarbonflowsError, match=told):
            CountryData(spoilt)
    sample = pd.DataFrame(1.0, places.index, ["Shanxi", "Hebei"])
    with pytest.raises(LabelError, match="sample of Food, destinations: Hebei is no region"):
        CountryData(places, samples={"Food": sample})


def test_regions_without_processes_are_written_as_zero(tmp_path) -> None:
    """What is written can be read, also of a country that makes cement in some regions only."""
    known = observed(synthetic_country(example(2007), provinces=4))
    first = known.regions.index[0]
    lines = known.inventory
    bare = lines[(lines["fuel"] != "Process") | (lines["province"] != first)]
    write_country(replace(known, inventory=bare, tables={}, samples={}), tmp_path / "country")
    found = read_country(tmp_path / "country").inventory
    assert found["value"].sum() == pytest.approx(bare["value"].sum(), rel=1e-9)
    made = found[found["fuel"] == "Process"].set_index("province")["value"]
    assert made[first] == 0
