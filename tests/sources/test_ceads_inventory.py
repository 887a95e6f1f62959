"""The published inventories give their printed sums; other workbooks are found or refused."""

import shutil
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import CarbonflowsError, DataError, LabelError, SourceError, UnitError
from carbonflows.sources.ceads_inventory import FUELS, read_ceads_inventory
from sources.layout_ceads_inventory import COLUMNS, SECTORS
from sources.layout_ceads_inventory import inventory as numbers
from sources.layout_ceads_inventory import inventory_rows as sheet
from sources.layout_xlsx import write_xlsx

NAME = "Emission_Inventories_for_2_Provinces_2007.xlsx"


@pytest.fixture(scope="module")
def published(shared):
    return shared / "china"


@pytest.mark.parametrize(("year", "total"), [(2007, 6822.2696), (2012, 9742.7006)])
def test_published_sums(published, year, total):
    found = read_ceads_inventory(published, year)
    assert found["value"].sum() == pytest.approx(total, abs=1e-4)
    assert list(found.columns) == ["province", "sector", "fuel", "value"]
    assert found["province"].nunique() == 30
    assert found["sector"].nunique() == 45 + 2
    assert list(found["fuel"].unique()) == [*FUELS, "Process"]
    assert len(found) == 30 * 47 * 18
    assert found.attrs["unit"] == "Mt CO2"
    assert found.attrs["year"] == year
    assert found.attrs["left out"] == {"Scope 2 Heat": 0.0, "Scope 2 Electricity": 0.0}
    (file,) = found.attrs["files"]
    assert file["name"] == f"Emission_Inventories_for_30_Provinces_{year}.xlsx"


def test_published_cells(published):
    """Cells as Excel shows them."""
    found = read_ceads_inventory(published / "Emission_Inventories_for_30_Provinces_2007.xlsx")
    cells = found.set_index(["province", "sector", "fuel"])["value"]
    assert cells["Shanghai", "Urban", "Gasoline"] == 1.7523950162917967
    assert cells["Shanghai", "Rural", "Raw Coal"] == 0.3364812343528755
    assert cells["Yunnan", "Others", "Coke"] == 0.01582123972704502
    assert cells["Heilongjiang"].sum() == pytest.approx(187.37465448604698)
    by_fuel = cells["Qinghai"].groupby("fuel").sum()
    assert by_fuel["Process"] == pytest.approx(1.2694861)
    assert by_fuel["Natural Gas"] == pytest.approx(4.335416299707799)
    assert "Inner Mongolia" in set(found["province"])
    homes = found[found["sector"].isin(["Urban", "Rural"])]
    assert homes.groupby("sector")["value"].sum().min() > 50


def test_years(published, tmp_path):
    with pytest.raises(SourceError, match="holds the years 2007, 2012: say which one"):
        read_ceads_inventory(published)
    with pytest.raises(SourceError, match="china has no year 2010: there are 2007, 2012"):
        read_ceads_inventory(published, 2010)
    source = published / "Emission_Inventories_for_30_Provinces_2007.xlsx"
    other = tmp_path / "Emission_Inventories_2012.xlsx"
    shutil.copyfile(source, other)
    with pytest.raises(SourceError, match="has sheets of 2007 under the name of 2012: rename it"):
        read_ceads_inventory(other)


def workbook(folder, sheets=None, name=NAME):
    sheets = sheets or {
        "NOTE": [["Introduction"]],
        "Hebei2007": sheet(numbers(1)),
        "InnerMongolia2007": sheet(numbers(2)),
    }
    return write_xlsx(folder / name, sheets)


def test_smallest_workbook(tmp_path):
    found = read_ceads_inventory(workbook(tmp_path))
    kept = np.delete(numbers(2), [17, 18, 19], axis=1)
    assert list(found["province"].unique()) == ["Hebei", "Inner Mongolia"]
    own = found[found["province"] == "Inner Mongolia"]["value"].to_numpy().reshape(5, 18)
    assert np.array_equal(own, kept)
    assert list(found["sector"].unique()) == list(SECTORS)


@pytest.mark.parametrize(("above", "left"), [(3, 0), (0, 2), (5, 1)])
def test_found_by_its_words_wherever_it_stands(tmp_path, above, left):
    one = read_ceads_inventory(workbook(tmp_path, {"Hebei2007": sheet(numbers())}))
    (tmp_path / "moved").mkdir()
    moved = sheet(numbers(), above=above, left=left)
    other = read_ceads_inventory(workbook(tmp_path / "moved", {"Hebei2007": moved}))
    assert one.equals(other)


def test_columns_in_another_order(tmp_path):
    rows = sheet(numbers())
    order = [0, *reversed(range(1, len(COLUMNS) + 1))]
    turned = [[row[j] for j in order] for row in rows]
    found = read_ceads_inventory(workbook(tmp_path, {"Hebei2007": turned}))
    cells = found.set_index(["sector", "fuel"])["value"]
    assert cells["Farming", "Raw Coal"] == numbers()[0, 0]
    assert cells["Rural", "Process"] == numbers()[-1, -1]


def test_what_is_bought_is_left_out_and_other_energy_kept(tmp_path):
    values = numbers()
    values[:, 17:20] = 1.0
    found = read_ceads_inventory(workbook(tmp_path, {"Hebei2007": sheet(values)}))
    assert found.attrs["left out"] == {"Scope 2 Heat": 5.0, "Scope 2 Electricity": 5.0}
    assert found[found["fuel"] == "Other Energy"]["value"].sum() == 5.0
    assert found["value"].sum() == pytest.approx(np.delete(values, [17, 18], axis=1).sum())


def test_units(tmp_path):
    def read(stated, **options):
        rows = sheet(numbers(), unit=stated)
        if not stated:
            del rows[1]
        path = workbook(tmp_path, {"Hebei2007": rows})
        return read_ceads_inventory(path, **options)["value"].sum()

    whole = read("Mt CO2")
    assert read("kt CO2", tolerance=1e-3) == pytest.approx(whole / 1000)
    assert read("10^4 t CO2", tolerance=1e-3) == pytest.approx(whole / 100)
    assert read("", unit="Mt CO2") == whole
    with pytest.raises(UnitError, match="states no unit: pass unit='Mt CO2' if that is what"):
        read("")
    with pytest.raises(UnitError, match="TJ"):
        read("TJ")
    with pytest.raises(UnitError, match="states 'Mt CO2', not 'kt CO2': leave unit out"):
        read("Mt CO2", unit="kt CO2")


def test_national_sheet(tmp_path):
    sheets = {
        "Hebei2007": sheet(numbers(1)), "Hubei2007": sheet(numbers(2)),
        "Sum": sheet(numbers(1) + numbers(2)),
    }  # fmt: skip
    found = read_ceads_inventory(workbook(tmp_path, sheets))
    assert found["province"].nunique() == 2
    sheets["Sum2007"] = sheets.pop("Sum")
    assert read_ceads_inventory(workbook(tmp_path, sheets)).equals(found)
    sheets["Sum2007"] = sheet(2 * numbers(1))
    with pytest.raises(DataError, match=r"the national sheet has .* Mt of .*, its provinces"):
        read_ceads_inventory(workbook(tmp_path, sheets))


def spoiled(row: int, column: int, value) -> list[list]:
    rows = sheet(numbers())
    rows[row] = list(rows[row])
    rows[row][column] = value
    return rows


LOST_POINT = float(numbers()[1, 3]) * 1000


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (spoiled(5, 4, "n/a"), DataError, "cell E6 is 'n/a', not a number: correct it"),
        (spoiled(5, 4, ""), DataError, "cell E6 is empty: correct it, 0 where nothing"),
        (spoiled(5, 4, LOST_POINT), DataError, "the total of Coal Mining is .*, its parts sum to"),
        (spoiled(3, 4, 1.0), DataError, "the total consumption of Briquettes is 1 Mt, its parts"),
        (spoiled(5, 23 - 1, 1.0), DataError, "the total of Coal Mining is 1 Mt, its parts"),
        (spoiled(3, 22, 1.0), DataError, "the total of Total Consumption is 1 Mt, its parts"),
        (spoiled(0, 4, "Brickets"), LabelError, "has the unknown column Brickets"),
        (spoiled(0, 4, ""), LabelError, "lacks the column Briquettes"),
        (spoiled(0, 4, "Coke"), LabelError, "Coke|Briquettes"),
        (spoiled(7, 0, "Rural"), LabelError, "no row 'Urban' left of its fuels"),
        (spoiled(8, 0, "Urban"), LabelError, "Urban, Rural is missing or there twice"),
        (spoiled(6, 0, "Farming"), LabelError, "Farming is missing or there twice"),
        (spoiled(6, 0, ""), LabelError, "row 7 has no sector: use the published workbook"),
        (spoiled(1, 4, "kt CO2"), UnitError, "states the units Mt CO2, kt CO2: give one for all"),
        (sheet(numbers())[:-1], LabelError, "Rural is missing or there twice"),
        (sheet(numbers())[:-2], LabelError, "no row 'Urban'"),
        ([["nothing"]], SourceError, "has no line of fuels .Raw Coal"),
        ([], SourceError, "has no line of fuels"),
    ],
)  # fmt: skip
def test_refused(tmp_path, rows, error, message):
    path = workbook(tmp_path, {"Hebei2007": sheet(numbers()), "Hubei2007": rows})
    with pytest.raises(error, match=message) as caught:
        read_ceads_inventory(path)
    assert f"{NAME}" in str(caught.value)
    assert "'Hubei2007'" in str(caught.value)


def test_sheets_that_do_not_fit_each_other(tmp_path):
    other = sheet(numbers())
    other[5] = ["Wood", *other[5][1:]]
    path = workbook(tmp_path, {"Hebei2007": sheet(numbers()), "Hubei2007": other})
    with pytest.raises(LabelError, match="differs from 'Hebei2007' in Coal Mining, Wood: use"):
        read_ceads_inventory(path)
    path = workbook(tmp_path, {"Hebei2007": sheet(numbers()), "hebei 2007": sheet(numbers())})
    assert read_ceads_inventory(path)["province"].nunique() == 2
    path = workbook(tmp_path, {"Hebei2007": sheet(numbers()), "Hebei 2007": sheet(numbers())})
    with pytest.raises(LabelError, match="has Hebei twice in 2007: keep one"):
        read_ceads_inventory(path)
    path = workbook(tmp_path, {"Hebei2007": sheet(numbers()), "Table 1": [["x"]]})
    with pytest.raises(SourceError, match="sheet 'Table 1' is not named like Shanghai2007"):
        read_ceads_inventory(path)
    path = workbook(tmp_path, {"NOTE": [["x"]]})
    with pytest.raises(SourceError, match="has no sheet named like Shanghai2007"):
        read_ceads_inventory(path)
    path = workbook(tmp_path, {"Sum2007": sheet(numbers())})
    with pytest.raises(SourceError, match="has no sheet of a province"):
        read_ceads_inventory(path)


def test_two_workbooks_of_a_year(tmp_path):
    workbook(tmp_path)
    workbook(tmp_path, name="Emission_Inventories_old_2007.xlsx")
    with pytest.raises(SourceError, match="for 2007: give the path of one"):
        read_ceads_inventory(tmp_path)


def test_zip(tmp_path):
    path = workbook(tmp_path)
    packed = tmp_path / "ceads.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(path, f"deep/{NAME}")
    assert read_ceads_inventory(packed, 2007).equals(read_ceads_inventory(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>404</html>", "is a web page, not data"),
        (b"PK\x03\x04 cut", "is not a complete Excel workbook"),
        (b"", "is empty"),
    ],
)
def test_no_workbook(tmp_path, content, message):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        read_ceads_inventory(tmp_path / NAME)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").touch()
    with pytest.raises(SourceError, match="has no file for the emission inventories"):
        read_ceads_inventory(tmp_path / "empty")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_one_wrong_cell_never_goes_unseen(tmp_path_factory, data):
    """A number changed by more than the tolerance breaks a printed total."""
    row, column = data.draw(st.integers(3, 8)), data.draw(st.integers(1, 22))
    rows = sheet(numbers())
    was = rows[row][column]
    rows[row][column] = data.draw(
        st.one_of(st.text("abc.-", max_size=3), st.floats(-100, 100).filter(lambda x: abs(x) < 1e3))
    )
    path = workbook(tmp_path_factory.mktemp("cell"), {"Hebei2007": rows})
    try:
        found = read_ceads_inventory(path)
    except CarbonflowsError:
        return
    bought = column in (18, 19)
    same = isinstance(rows[row][column], float) and abs(rows[row][column] - was) < 1e-3
    assert bought or same
    assert found["value"].sum() == pytest.approx(np.delete(numbers(), [17, 18], 1).sum(), abs=1e-3)
