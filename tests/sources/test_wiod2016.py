"""The WIOD 2016 workbooks and the JRC's CO2 accounts are read; damaged ones are refused."""

import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import CarbonflowsError, DataError, LabelError, SourceError
from carbonflows.sources.archive import Files
from carbonflows.sources.wiod2013 import read_wiod2013
from carbonflows.sources.wiod2016 import SOURCE, read_wiod2016, recognise
from sources.balanced import balanced, renamed, same_table
from sources.layout_adb import write_xlsx
from sources.layout_wiod2016 import (
    CATEGORIES,
    SECTORS,
    co2_sheets,
    wiod_rows,
    write_co2,
    write_wiod2016,
    write_xlsb,
)

NAME = "WIOT2010_Nov16_ROW.xlsb"


def world(seed=0, regions=("AUS", "CHN", "ROU", "ROW")):
    return balanced(seed, regions, SECTORS, CATEGORIES, stock="INVEN")


@pytest.mark.parametrize("ending", ["xlsb", "xlsx"])
def test_round_trip(tmp_path, ending):
    table = world()
    path = write_wiod2016(table, tmp_path, ending)
    read = read_wiod2016(path)
    same_table(read, table)
    assert list(read.sectors) == list(SECTORS)
    assert list(read.categories) == list(CATEGORIES)
    assert (read.label, read.unit, read.price_basis) == (
        "WIOD 2016 2010", "M USD", "current basic prices",
    )  # fmt: skip
    assert dict(read.extensions) == {}
    assert recognise(Files(path)) == "WIOD 2016"
    step = read.provenance["steps"][0]
    assert step["value added"][0] == "text of TXSP"
    assert step["left out"]["value added rows of final demand, sum"] == 6 * 12 * 0.25


def test_emissions_beside_the_table(tmp_path):
    table = world()
    path = write_wiod2016(table, tmp_path)
    co2 = write_co2(table, tmp_path)
    for emissions in (None, True, co2, tmp_path):
        found = read_wiod2016(path, emissions=emissions)
        extension, expected = found.extensions["emissions"], table.extensions["emissions"]
        assert np.array_equal(extension.F, expected.F)
        assert np.array_equal(extension.F_Y, expected.F_Y)
        assert extension.unit.to_dict() == {"CO2": "kt CO2"}
    assert [f["name"] for f in found.provenance["files"]] == [NAME, "CO2 emissions.xlsx"]
    assert dict(read_wiod2016(path, emissions=False).extensions) == {}
    co2.unlink()
    with pytest.raises(SourceError, match=r"no 'CO2 emissions.xlsx' beside"):
        read_wiod2016(path, emissions=True)
    with pytest.raises(SourceError, match="does not exist"):
        read_wiod2016(path, emissions=co2)


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    regions=st.lists(st.sampled_from(["AUS", "CHN", "USA", "ROW"]), min_size=1, unique=True),
    ending=st.sampled_from(["xlsb", "xlsx"]),
)
def test_any_table(tmp_path_factory, seed, regions, ending):
    table = world(seed, regions)
    same_table(read_wiod2016(write_wiod2016(table, tmp_path_factory.mktemp("w"), ending)), table)


def test_wiod_2013_in_this_layout(shared, tmp_path):
    wiod = read_wiod2013(shared / "wiod2013", 2007)
    codes = {sector: f"C{i + 10}" for i, sector in enumerate(wiod.sectors)}
    table = renamed(wiod, sectors=codes)
    path = write_wiod2016(table, tmp_path)
    write_co2(table, tmp_path)
    read = read_wiod2016(path)
    same_table(read, table)
    assert np.array_equal(read.extensions["emissions"].F, table.extensions["emissions"].F)


def test_prices_of_the_year_before(tmp_path):
    table = world()
    write_wiod2016(table, tmp_path)
    write_wiod2016(world(1), tmp_path, pyp=True)
    same_table(read_wiod2016(tmp_path), table)
    previous = read_wiod2016(tmp_path, prices="previous year")
    same_table(previous, world(1))
    assert previous.price_basis == "basic prices of 2009"
    with pytest.raises(SourceError, match="prices='old' is not known"):
        read_wiod2016(tmp_path, prices="old")


def test_years(tmp_path):
    path = write_wiod2016(world(), tmp_path)
    write_wiod2016(world().replace(year=2011), tmp_path)
    with pytest.raises(SourceError, match="holds the years 2010, 2011: say which one"):
        read_wiod2016(tmp_path)
    assert read_wiod2016(tmp_path, 2011).year == 2011
    with pytest.raises(SourceError, match="has no year 2012: there are 2010, 2011"):
        read_wiod2016(tmp_path, 2012)
    path.rename(tmp_path / "WIOT2012_Nov16_ROW.xlsb")
    with pytest.raises(SourceError, match="has no sheet 2012 but 2010: it is the table of another"):
        read_wiod2016(tmp_path, 2012)
    write_wiod2016(world(), tmp_path)
    write_wiod2016(world(), tmp_path, "xlsx")
    with pytest.raises(SourceError, match=r"xlsb, .*xlsx for 2010: give the path of one"):
        read_wiod2016(tmp_path, 2010)


def test_packed(tmp_path):
    path = write_wiod2016(world(), tmp_path)
    packed = tmp_path / "WIOTS_in_EXCEL.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(path, NAME)
    same_table(read_wiod2016(packed), world())


def set_cell(row, column, value):
    def change(rows):
        rows[row][column] = value

    return change


def swap(one, other, lines=()):
    def change(rows):
        if lines:
            for line in lines:
                rows[line][one], rows[line][other] = rows[line][other], rows[line][one]
        else:
            rows[one], rows[other] = rows[other], rows[one]

    return change


def times(row, column, factor):
    def change(rows):
        rows[row][column] *= factor

    return change


MUTATIONS = {
    "missing row": (lambda r: r.pop(8), LabelError, "row 9 is 'AUS/c4', but the columns have AUS"),
    "cut off": (lambda r: r.__delitem__(slice(10, None)), LabelError, "row 11 is empty or missing"),
    "no value added": (lambda r: r.pop(31), SourceError, "has no row VA below its nodes"),
    "no output": (lambda r: r.pop(), SourceError, "has no row GO below its nodes"),
    "extra row": (lambda r: r.insert(26, ["A02", "x", "AUS", "c9", 1.0]), LabelError, "one too"),
    "row twice": (lambda r: r.append(r[-1]), LabelError, "row GO occurs twice"),
    "swapped rows": (swap(8, 9), LabelError, "row 9 is 'AUS/c4'"),
    "swapped columns": (swap(5, 6, (2, 3, 4, 5)), LabelError, "missing or swapped"),
    "swapped uses": (swap(24, 25, (2, 3, 4, 5)), LabelError, "missing or swapped"),
    "column twice": (set_cell(5, 5, "c1"), LabelError, "AUS/c1 heads two columns"),
    "text": (set_cell(8, 5, "x"), DataError, "cell F9 is 'x', not a number"),
    "blank": (set_cell(8, 5, None), DataError, r"cell F9 is blank \(1 cells are\)"),
    "decimal point": (times(8, 5, 1e5), DataError, "row AUS/C19, column AUS/C10-C12 is off by"),
    "decimal point in use": (times(8, 25, 1e4), DataError, "row AUS/C19 sums to"),
    "decimal point in value added": (times(-3, 5, 1e5), DataError, "column AUS/C10-C12 sums to"),
    "no codes": (lambda r: r.pop(5), SourceError, "has no line of sector codes"),
    "unknown region": (
        lambda r: (
            [row.__setitem__(2, "XYZ") for row in r[6:11]]
            and [r[4].__setitem__(j, "XYZ") for j in (4, 5, 6, 7, 8, 24, 25, 26)]
        ),
        LabelError,
        "XYZ is no country code",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_damaged_workbook_is_refused(tmp_path, name):
    change, error, message = MUTATIONS[name]
    rows = [list(row) for row in wiod_rows(world())]
    change(rows)
    path = write_xlsb({"2010": rows}, tmp_path / NAME)
    with pytest.raises(error, match=message) as caught:
        read_wiod2016(path)
    assert NAME in str(caught.value)
    assert "\n" not in str(caught.value)


CO2_MUTATIONS = {
    "no sheet": (lambda s: s.pop("CHN"), SourceError, "has no sheet for CHN"),
    "no row": (lambda s: s["CHN"].pop(2), LabelError, "sheet CHN has no row for C10-C12"),
    "no households": (lambda s: s["CHN"].pop(), LabelError, "sheet CHN has no row for FC_HH"),
    "row twice": (lambda s: s["CHN"].append(s["CHN"][1]), LabelError, "A01 occurs twice"),
    "other row": (lambda s: s["CHN"].append(["A09", 0, 5.0]), LabelError, "5 kt of A09 belong to"),
    "text": (lambda s: s["CHN"][1].__setitem__(2, "x"), DataError, r"row 2 \(A01\) of 2010 is 'x'"),
    "year": (lambda s: s["CHN"][0].__setitem__(2, "2011"), SourceError, "CHN has no year 2010"),
}


@pytest.mark.parametrize("name", CO2_MUTATIONS)
def test_damaged_accounts_are_refused(tmp_path, name):
    change, error, message = CO2_MUTATIONS[name]
    path = write_wiod2016(world(), tmp_path)
    sheets = co2_sheets(world())
    change(sheets)
    write_xlsx(sheets, tmp_path / "CO2 emissions.xlsx")
    with pytest.raises(error, match=message) as caught:
        read_wiod2016(path)
    assert "CO2 emissions.xlsx" in str(caught.value)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_cut_workbook_is_refused(tmp_path_factory, data):
    path = write_wiod2016(world(), tmp_path_factory.mktemp("cut"))
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 60))])
    with pytest.raises(CarbonflowsError, match=NAME.replace(".", "[.]")):
        read_wiod2016(path)


def test_what_is_no_table(tmp_path):
    path = tmp_path / NAME
    path.write_text("<html>moved</html>")
    with pytest.raises(SourceError, match="is a web page, not data"):
        read_wiod2016(path)
    path.write_text("x")
    with pytest.raises(SourceError, match="is not a complete Excel workbook"):
        read_wiod2016(path)
    assert recognise(Files(path)) is None
    with pytest.raises(SourceError, match="holds no table of this release in current prices"):
        read_wiod2016(write_xlsx({"a": [["b"]]}, tmp_path / "x.xlsx"))
    with pytest.raises(SourceError, match="totals='no' is not a policy"):
        read_wiod2016(path, totals="no")
    assert SOURCE.read is read_wiod2016
