"""ADB's workbooks are read wherever their labels stand; damaged ones are refused."""

import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import CarbonflowsError, DataError, LabelError, SourceError, UnitError
from carbonflows.sources.adb import ADB_CODES, SOURCE, read_adb, recognise
from carbonflows.sources.archive import Files
from carbonflows.sources.wiod2013 import read_wiod2013
from sources.balanced import balanced, renamed, same_table
from sources.layout_adb import CATEGORIES, SECTORS, adb_rows, write_adb, write_xlsx

NAME = "ADB-MRIO-2010_Mar2022.xlsx"


def world(seed=0, regions=("AUS", "CHN", "DEU", "ROW")):
    return balanced(seed, regions, SECTORS, CATEGORIES, stock=CATEGORIES[2])


def test_codes():
    from carbonflows.countries import country_names

    codes = list(ADB_CODES.values())
    assert len(set(codes)) == len(codes)
    assert all(name != code for name, code in zip(country_names(codes), codes, strict=True))


@pytest.mark.parametrize("extra_line", [False, True])
@pytest.mark.parametrize("name", [NAME, "ADB-MRIO62-2010_June2023.xlsx", "ADB-MRIO-2010.xlsx"])
def test_round_trip(tmp_path, name, extra_line):
    table = world()
    path = write_adb(table, tmp_path / name, extra_line=extra_line)
    read = read_adb(path)
    same_table(read, table)
    assert list(read.regions) == ["AUS", "CHN", "DEU", "ROW"]
    assert list(read.categories) == list(CATEGORIES)
    assert (read.unit, read.year, read.price_basis) == ("M USD", 2010, "current basic prices")
    assert read.members["ROW"] == ("*",)
    assert read.provenance["release"] == "ADB MRIO 3 economies, current basic prices"
    step = read.provenance["steps"][0]
    assert step["value added"][0] == "Taxes less subsidies on products"
    assert step["left out"]["value added rows of final demand, sum"] == 6 * 12 * 0.25
    assert step["blank cells read as zero"] == 0


def test_a_cell_stands_where_its_labels_say(tmp_path):
    rows = [
        ["Multiregional Input-Output Table 2010"],
        ["In millions of US$"],
        ["", "", "", "", "Farming", "Mining", "Farming", "Mining", "Homes", "Homes", "TOTAL"],
        ["", "", "", "", "TAP", "TAP", "RoW", "RoW", "TAP", "RoW", "ToT"],
        ["", "", "", "", "c1", "c2", "c1", "c2", "F1", "F1", ""],
        ["", "Farming", "TAP", "c1", 1, 2, 3, 4, 5, 6, 21],
        ["", "Mining", "TAP", "c2", 7, 8, 9, 10, 11, 12, 57],
        ["", "Farming", "RoW", "c1", 1, 2, 3, 4, 5, 6, 21],
        ["", "Mining", "RoW", "c2", 7, 8, 9, 10, 11, 12, 57],
        *(["", "x", "ToT", code, 0, 0, 0, 0, 0, 0, 0] for code in ("r99", "r61", "r62", "r63")),
        ["", "x", "ToT", "r64", 5, 37, -3, 29, 0, 0, 0],
        ["", "x", "ToT", "trs", 0, 0, 0, 0, 0, 0, 0],
        ["", "x", "ToT", "r69", 21, 57, 21, 57, 0, 0, 0],
    ]
    read = read_adb(write_xlsx({"ADB MRIO 2010": rows}, tmp_path / NAME))
    assert read.Z.loc[("TWN", "Mining"), ("ROW", "Farming")] == 9
    assert read.Y.loc[("ROW", "Mining"), ("TWN", "Homes")] == 11
    assert read.x_given[("TWN", "Mining")] == 57
    assert read.value_added.tolist() == [5, 37, -3, 29]


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    regions=st.lists(
        st.sampled_from(["AUS", "CHN", "NLD", "ROU", "TWN", "ROW"]), min_size=1, unique=True
    ),
    extra_line=st.booleans(),
)
def test_any_table(tmp_path_factory, seed, regions, extra_line):
    table = world(seed, regions)
    path = tmp_path_factory.mktemp("adb") / NAME
    same_table(read_adb(write_adb(table, path, extra_line=extra_line)), table)


def test_constant_prices(tmp_path):
    table = world()
    path = tmp_path / "ADB MRIO 2010, at constant 2010 prices_Oct 2024.xlsx"
    read = read_adb(write_adb(table, path, prices="constant 2010"))
    assert read.price_basis == "constant 2010 basic prices"
    assert read.name == "ADB MRIO at 2010 prices"
    assert recognise(Files(path)) == "ADB MRIO, constant 2010 prices"
    same_table(read, table)
    write_adb(table, path, prices="current")
    with pytest.raises(SourceError, match="states current prices inside but not in its name"):
        read_adb(path)
    write_adb(table, tmp_path / NAME, prices="constant 2010")
    with pytest.raises(SourceError, match="states constant prices inside but not in its name"):
        read_adb(tmp_path / NAME)


def test_wiod_as_adb(shared, tmp_path):
    table = renamed(read_wiod2013(shared / "wiod2013", 2007))
    names = {r: "LVA" if r == "LTV" else r for r in table.regions}
    table = renamed(table, regions=names)
    same_table(read_adb(write_adb(table, tmp_path / "ADB-MRIO-2007.xlsx")), table)


def test_choosing(tmp_path):
    small, large = world(), world(regions=("AUS", "CHN", "DEU", "NLD", "ROW"))
    write_adb(small, tmp_path / "ADB-MRIO62-2010_June2023.xlsx")
    write_adb(large, tmp_path / "ADB-MRIO-2010_June2023.xlsx")
    with pytest.raises(SourceError, match=r"for 2010: pass economies=62 or so"):
        read_adb(tmp_path)
    same_table(read_adb(tmp_path, economies=4), large)
    same_table(read_adb(tmp_path, 2010, economies=3), small)
    with pytest.raises(SourceError, match="holds tables of 2010 with 3, 4 economies, not 62"):
        read_adb(tmp_path, economies=62)
    with pytest.raises(SourceError, match="has 4 economies, not 62: ask for 4"):
        read_adb(tmp_path / "ADB-MRIO-2010_June2023.xlsx", economies=62)
    with pytest.raises(SourceError, match=r"has no year 2011: there are 2010"):
        read_adb(tmp_path, 2011)
    recognised = recognise(Files(tmp_path / "ADB-MRIO62-2010_June2023.xlsx"))
    assert recognised == "ADB MRIO 62 economies, current prices"


def test_packed(tmp_path):
    path = write_adb(world(), tmp_path / NAME)
    with zipfile.ZipFile(tmp_path / "adb.zip", "w") as archive:
        archive.write(path, NAME)
    same_table(read_adb(tmp_path / "adb.zip"), world())


@pytest.mark.parametrize("blank", [None, " ", "NA", "n.a."])
def test_blank_cells(tmp_path, blank):
    rows = adb_rows(world())
    rows[8][5] = blank
    value = world().Z.iloc[1, 1]
    for row, column in ((8, -1), (-1, 5)):
        rows[row][column] -= value
    path = write_xlsx({"ADB MRIO 2010": rows}, tmp_path / NAME)
    read = read_adb(path)
    assert read.Z.iloc[1, 1] == 0
    assert read.provenance["steps"][0]["blank cells read as zero"] == 1
    with pytest.raises(DataError, match=r"cell F9 is blank \(1 cells are\)"):
        read_adb(path, blank="refuse")


def test_emissions(tmp_path):
    table = world()
    path = write_adb(table, tmp_path / NAME)
    lines = [(r, s, 2.0, "Mt CO2") for r, s in table.nodes] + [("CHN", "HH", 7.0, "Mt CO2")]
    lines += [(r, "HH", 0.0, "Mt CO2") for r in table.regions if r != "CHN"]
    frame = pd.DataFrame(lines, columns=["region", "sector", "value", "unit"])
    emissions = read_adb(path, emissions=frame).extensions["emissions"]
    assert (emissions.F == 2).all(axis=None)
    assert emissions.F_Y.loc["CO2", ("CHN", CATEGORIES[0])] == 7
    assert emissions.F_Y.to_numpy().sum() == 7
    with pytest.raises(LabelError, match=r"emissions has no CO2 for ROW/Final.* but for others"):
        read_adb(path, emissions=frame[:-1])


def set_cell(row, column, value):
    def change(rows):
        rows[row][column] = value

    return change


def swap(one, other, columns=False):
    def change(rows):
        if columns:
            for line in (4, 5, 6):
                rows[line][one], rows[line][other] = rows[line][other], rows[line][one]
        else:
            rows[one], rows[other] = rows[other], rows[one]

    return change


def times(row, column, factor):
    def change(rows):
        rows[row][column] *= factor

    return change


MUTATIONS = {
    "missing row": (lambda r: r.pop(9), LabelError, "row 10 is 'PRC/c1', but the columns have AUS"),
    "cut off": (
        lambda r: r.__delitem__(slice(12, None)),
        LabelError,
        "row 13 is 'ToT/|row 13 is empty or missing",
    ),
    "no value added": (lambda r: r.__delitem__(slice(19, None)), SourceError, "has no row r99"),
    "no output": (lambda r: r.pop(), SourceError, "has no row r69 below its nodes"),
    "extra row": (lambda r: r.insert(19, [None, "x", "AUS", "c9", *[1.0] * 25]), LabelError, "c9"),
    "row twice": (lambda r: r.append(r[-1]), LabelError, "row r69 occurs twice"),
    "swapped rows": (swap(8, 9), LabelError, "row 9 is 'AUS/c3'"),
    "swapped columns": (swap(5, 6, columns=True), LabelError, "labels are missing or swapped"),
    "swapped uses": (swap(16, 17, columns=True), LabelError, "labels are missing or swapped"),
    "column twice": (set_cell(6, 5, "c1"), LabelError, "AUS/c1 heads two columns"),
    "missing column": (lambda r: [x.pop(5) for x in r[4:]], LabelError, "missing or swapped"),
    "unknown region": (
        lambda r: (
            [x.__setitem__(2, "ZZZ") for x in r[7:10]]
            and [r[5].__setitem__(j, "ZZZ") for j in (4, 5, 6, 16, 17, 18)]
        ),
        LabelError,
        "ZZZ is no country code",
    ),
    "text": (set_cell(8, 5, "(2.03)"), DataError, r"cell F9 is '\(2.03\)', not a number"),
    "no numbers": (lambda r: r.__setitem__(8, r[8][:4]), DataError, "row 9 has no number at all"),
    "decimal point": (times(8, 5, 1e5), DataError, "row AUS/Mining.*, column AUS/Mining.* is off"),
    "decimal point in use": (times(8, 18, 1e4), DataError, "row AUS/Mining and quarrying sums to"),
    "decimal point in value added": (times(-2, 5, 1e5), DataError, "column AUS/Mining and quarry"),
    "lost sign": (times(8, 18, -1e3), DataError, "row AUS/Mining and quarrying sums to"),
    "blank output": (set_cell(-1, 5, None), DataError, "row r69 has no number for AUS/c2"),
    "other year": (set_cell(0, 0, "Input-Output Table 2011"), SourceError, "is the table of 2011"),
    "unit": (set_cell(2, 0, "In thousands of US$"), UnitError, "expected millions of US"),
    "no codes": (lambda r: r.pop(6), SourceError, "has no line of sector codes"),
    "no label": (lambda r: r[8].__setitem__(slice(0, 4), [None] * 4), DataError, "but no label"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_damaged_workbook_is_refused(tmp_path, name):
    change, error, message = MUTATIONS[name]
    rows = [list(row) for row in adb_rows(world())]
    change(rows)
    path = write_xlsx({"ADB MRIO 2010": rows}, tmp_path / NAME)
    with pytest.raises(error, match=message) as caught:
        read_adb(path)
    assert NAME in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_cut_workbook_is_refused(tmp_path_factory, data):
    path = write_adb(world(), tmp_path_factory.mktemp("cut") / NAME)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 60))])
    with pytest.raises(CarbonflowsError, match=NAME.replace(".", "[.]")):
        read_adb(path)


def test_what_is_no_table(tmp_path):
    path = tmp_path / NAME
    path.write_text("<html>moved</html>")
    with pytest.raises(SourceError, match="is a web page, not data"):
        read_adb(path)
    path.write_text("region,value\n")
    with pytest.raises(SourceError, match="is not a complete Excel workbook"):
        read_adb(path)
    assert recognise(Files(path)) is None
    write_xlsx({"Legend": [["a"]]}, path)
    with pytest.raises(SourceError, match="has no sheet with a table"):
        read_adb(path)
    write_xlsx({"Sheet1": []}, path)
    with pytest.raises(SourceError, match="has no line of sector codes"):
        read_adb(path)
    (tmp_path / "x.xlsx").write_bytes(path.read_bytes())
    with pytest.raises(SourceError, match="holds no ADB MRIO workbook"):
        read_adb(tmp_path / "x.xlsx")
    for wrong in ({"blank": "no"}, {"totals": "no"}):
        with pytest.raises(SourceError, match="='no' is not a policy"):
            read_adb(path, **wrong)
    assert SOURCE.read is read_adb


def test_totals_reported_instead_of_raised(tmp_path):
    rows = [list(row) for row in adb_rows(world())]
    rows[8][5] *= 1000
    path = write_xlsx({"ADB MRIO 2010": rows}, tmp_path / NAME)
    totals = read_adb(path, totals="report").provenance["steps"][0]["totals"]
    assert (totals["rows off"], totals["columns off"]) == (1, 1)
    assert np.isclose(totals["largest row gap"], 0.999 * rows[8][5])
