"""Both layouts of WIOD 2013 give the same table; anything else is refused in one line."""

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from carbonflows.errors import DataError, LabelError, SourceError
from carbonflows.sources import read
from carbonflows.sources import wiod2013_excel as excel
from carbonflows.sources.wiod2013 import read_wiod2013
from carbonflows.sources.wiod2013_labels import SECTORS


@pytest.fixture(scope="module")
def wiod(shared) -> Path:
    return shared / "wiod2013"


@pytest.fixture(scope="module")
def mock(shared) -> Path:
    """Six countries and eight sectors in the published layout, toy numbers."""
    return shared / "layouts" / "wiod_mock"


@pytest.fixture(scope="module")
def from_npz(wiod):
    return read("wiod2013", wiod, year=2007)


@pytest.fixture(scope="module")
def from_workbook(wiod):
    return read("wiod2013", wiod / "wiot07_row_apr12.xlsx")


def test_sector_names():
    assert len(SECTORS) == 35
    assert len({name for _, name in SECTORS.values()}) == 35
    assert len({isic for isic, _ in SECTORS.values()}) == 35


def test_the_year_is_that_of_the_name(from_npz):
    assert from_npz.provenance["steps"][0]["year"].startswith("from the file's name only")


def test_what_the_table_states(from_npz):
    assert from_npz.label == "WIOD 2013 2007"
    assert (len(from_npz.regions), len(from_npz.sectors)) == (41, 35)
    assert list(from_npz.categories) == ["CONS_h", "CONS_np", "CONS_g", "GFCF", "INVEN"]
    assert (from_npz.unit, from_npz.currency) == ("M USD", "USD")
    assert from_npz.price_basis == "current basic prices"
    assert {"ROU", "ROW"} < set(from_npz.regions)
    assert not {"ROM", "RoW"} & set(from_npz.regions)
    assert from_npz.members["ROW"] == ("*",)
    assert from_npz.members["ROU"] == ("ROU",)
    assert from_npz.x_given.sum() / 1e6 == pytest.approx(109.4, abs=0.05)
    (file,) = from_npz.provenance["files"]
    assert file["name"] == "wiod13_2007.npz"
    assert len(file["sha256"]) == 64


def test_both_layouts_give_the_same_table(from_npz, from_workbook):
    for part in ("Z", "Y", "x", "x_given", "value_added"):
        assert getattr(from_npz, part).equals(getattr(from_workbook, part)), part
    assert from_npz.demand.equals(from_workbook.demand)
    assert dict(from_npz.members) == dict(from_workbook.members)
    one, other = from_npz.extensions["emissions"], from_workbook.extensions["emissions"]
    assert np.abs(one.F.to_numpy() - other.F.to_numpy()).max() < 1e-6
    assert np.abs(one.F_Y.to_numpy() - other.F_Y.to_numpy()).max() < 1e-6
    names = [file["name"] for file in from_workbook.provenance["files"]]
    assert names == ["wiot07_row_apr12.xlsx", "CO2_may12.zip"]
    assert from_workbook.provenance["release"] == "2013 (apr12)"


def test_numbers_stand_where_the_source_has_them(from_npz, wiod):
    stored = np.load(wiod / "wiod13_2007.npz")
    countries = [str(c) for c in stored["countries"]]
    chn, usa, rom = (countries.index(c) for c in ("CHN", "USA", "ROM"))
    steel, cars = ("CHN", "Basic and fabricated metals"), ("USA", "Transport equipment")
    assert from_npz.Z.loc[steel, cars] == stored["Z"][chn * 35 + 11, usa * 35 + 14] > 0
    assert from_npz.Y.loc[steel, ("USA", "GFCF")] == stored["F"][chn * 35 + 11, usa * 5 + 3] > 0
    co2 = from_npz.extensions["emissions"]
    power = co2.F.loc["CO2", ("ROU", "Electricity, gas and water")]
    assert power == pytest.approx(52979.74)  # as printed in ROU_CO2_May12.xls, sheet 2007
    assert power == stored["co2_kt"][rom, 16]
    assert co2.F_Y.loc["CO2", ("ROU", "CONS_h")] == pytest.approx(13923.08)
    assert co2.F.to_numpy().sum() + co2.F_Y.to_numpy().sum() == pytest.approx(29.22e6, 2e-4)


@pytest.mark.parametrize("year", [1995, 2009])
def test_published_accounts_instead_of_the_arrays(wiod, year):
    own = read_wiod2013(wiod, year)
    published = read_wiod2013(wiod, year, co2=wiod / "CO2_may12.zip")
    one, other = own.extensions["emissions"], published.extensions["emissions"]
    assert np.abs(one.F.to_numpy() - other.F.to_numpy()).max() < 1e-6
    assert np.abs(one.F_Y.to_numpy() - other.F_Y.to_numpy()).max() < 1e-6


def test_output_policy(wiod):
    table = read_wiod2013(wiod, 2007, output="given")
    assert table.x.equals(table.x_given.rename("x"))
    columns = read_wiod2013(wiod, 2007, output="columns")
    assert np.abs(columns.x - columns.x_given).max() == 0


def test_other_countries_and_sectors(mock):
    table = read_wiod2013(mock, co2=mock / "AIR_may12")
    assert list(table.regions) == ["AUS", "BEL", "LUX", "ROU", "USA", "ROW"]
    assert len(table.sectors) == 8
    assert table.year == 2009
    assert table.Z.iloc[0, 0] == 23697.221
    assert table.Y.iloc[0, -1] == 4.8982602
    assert table.x_given.iloc[0] == 239150.176812268
    # Taxes, adjustments, value added and margins; neither total.
    assert table.value_added.iloc[0] == pytest.approx(1284.55207 + 42262.90673 + 163.96634)
    co2 = table.extensions["emissions"]
    farms, homes = 6652.840865583831, 41143.2189857637
    assert co2.F.loc["CO2", ("ROU", "Agriculture, forestry and fishing")] == farms
    assert co2.F_Y.loc["CO2", ("ROU", "CONS_h")] == homes
    assert len(table.provenance["files"]) == 7


def test_without_emissions(mock):
    assert dict(read_wiod2013(mock, co2=False).extensions) == {}


def test_years(wiod, mock):
    with pytest.raises(SourceError, match=r"has no year 1990: there are 1995, 1996, .*, 2009"):
        read_wiod2013(wiod, 1990)
    with pytest.raises(SourceError, match=r"holds the years 1995, .*: say which one"):
        read_wiod2013(wiod)
    with pytest.raises(SourceError, match=r"sep12.xlsx has no year 2008: there are 2009"):
        read_wiod2013(mock / "wiot09_row_sep12.xlsx", 2008)


def test_paths(tmp_path):
    with pytest.raises(SourceError, match="nowhere: no such file or folder; check the path"):
        read_wiod2013(tmp_path / "nowhere")
    with pytest.raises(SourceError, match=r"holds no table of this release: expected files like"):
        read_wiod2013(tmp_path)
    (tmp_path / "table.xlsx").touch()
    with pytest.raises(SourceError, match=r"table.xlsx is not named like a table of this release"):
        read_wiod2013(tmp_path / "table.xlsx")


def test_two_releases_of_a_year(mock, tmp_path):
    for name in ("wiot09_row_apr12.xlsx", "wiot09_row_sep12.xlsx"):
        shutil.copyfile(mock / "wiot09_row_sep12.xlsx", tmp_path / name)
    with pytest.raises(SourceError, match=r"apr12.xlsx, wiot09_row_sep12.xlsx for 2009: give"):
        read_wiod2013(tmp_path, 2009)
    assert read_wiod2013(tmp_path / "wiot09_row_apr12.xlsx", co2=False).year == 2009


def test_wrong_year_in_the_name(mock, tmp_path):
    shutil.copyfile(mock / "wiot09_row_sep12.xlsx", tmp_path / "wiot08_row_sep12.xlsx")
    with pytest.raises(SourceError, match="is the table of 2009 under the name of 2008: rename"):
        read_wiod2013(tmp_path, 2008, co2=False)


def test_no_accounts(mock, tmp_path):
    with pytest.raises(SourceError, match=r"finds no CO2_may12.zip: pass co2=PATH, or co2=False"):
        read_wiod2013(mock)
    with pytest.raises(SourceError, match="gone does not exist: check the path"):
        read_wiod2013(mock, co2=tmp_path / "gone")


def accounts(mock: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "AIR"
    folder.mkdir()
    for file in (mock / "AIR_may12").iterdir():
        shutil.copyfile(file, folder / file.name)
    return folder


def test_account_of_a_country_missing(mock, tmp_path):
    folder = accounts(mock, tmp_path)
    (folder / "ROU_AIR_May12.xls").unlink()
    with pytest.raises(SourceError, match="has no CO2 account for ROU: fetch the complete"):
        read_wiod2013(mock, co2=folder)


def test_broken_files(mock, tmp_path):
    folder = accounts(mock, tmp_path)
    (folder / "ROU_AIR_May12.xls").write_bytes(b"")
    with pytest.raises(SourceError, match=r"ROU_AIR_May12.xls is empty"):
        read_wiod2013(mock, co2=folder)
    (tmp_path / "CO2.zip").write_bytes(b"PK")
    with pytest.raises(SourceError, match=r"CO2.zip is not a sound zip archive"):
        read_wiod2013(mock, co2=tmp_path / "CO2.zip")
    for name in ("wiot09_row_sep12.xlsx", "wiod13_2007.npz"):
        (tmp_path / name).write_bytes(b"PK")
        with pytest.raises(SourceError, match=f"{name} is not a complete"):
            read_wiod2013(tmp_path / name, co2=False)


def test_accounts_without_the_year(mock, monkeypatch, tmp_path):
    packed = tmp_path / "AIR.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in (mock / "AIR_may12").iterdir():
            archive.write(file, file.name)
    regions = ["AUS", "BEL"]
    with pytest.raises(SourceError, match=r"AUS_AIR_May12.xls has no year 2010: there are"):
        excel.from_accounts(packed, 2010, regions, [SECTORS["c1"][1]])


def table_rows() -> list[list]:
    """The published layout at its smallest: one country, two sectors."""
    return [
        ["World Input-Output Table for 2007", *[""] * 11],
        ["", *[""] * 11],
        ["", "", "", "", "AtB", "C", "", "", "", "", "", ""],
        ["", "", "", "", "Farms", "Mines", "Homes", "NP", "Gov", "GFCF", "Inv", "Total output"],
        ["", "", "", "", *["RoW"] * 7, ""],
        ["", "", "", "", "c1", "c2", "c37", "c38", "c39", "c41", "c42", ""],
        ["AtB", "Farms", "RoW", "c1", 1.0, 2.0, 3.0, 0.0, 0.0, 0.0, -1.0, 5.0],
        ["C", "Mines", "RoW", "c2", 4.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 7.0],
        ["", "Total intermediate consumption", "TOT", "r60", 5.0, 3.0, 4.0, 0, 0, 1.0, -1.0, ""],
        ["", "taxes less subsidies", "TOT", "r99", 0.5, 0.25, 9.0, 0, 0, 0, 0, ""],
        ["", "Value added at basic prices", "TOT", "r64", -0.5, 3.75, 0, 0, 0, 0, 0, ""],
        ["", "Output at basic prices", "TOT", "r69", 5.0, 7.0, 0, 0, 0, 0, 0, ""],
    ]


def read_rows(monkeypatch, tmp_path, rows):
    file = tmp_path / "wiot07_row_apr12.xlsx"
    file.touch()
    monkeypatch.setattr(excel, "cells_of", lambda *args: rows)
    return read_wiod2013(file, co2=False)


def test_smallest_workbook(monkeypatch, tmp_path):
    table = read_rows(monkeypatch, tmp_path, table_rows())
    assert table.Z.to_numpy().tolist() == [[1, 2], [4, 1]]
    assert table.Y.to_numpy().tolist() == [[3, 0, 0, 0, -1], [1, 0, 0, 1, 0]]
    assert table.x.tolist() == table.x_given.tolist() == [5, 7]
    assert table.value_added.tolist() == [0, 4]
    step = table.provenance["steps"][0]
    assert step["value added"] == ["taxes less subsidies", "Value added at basic prices"]
    assert step["left out"]["value added rows of final demand, sum"] == 9.0


def changed(row: int, column: int, value: object) -> list[list]:
    rows = table_rows()
    rows[row][column] = value
    return rows


@pytest.mark.parametrize(
    ("row", "column", "value", "error", "message"),
    [
        (6, 5, "n/a", DataError, "row 7, column 6 holds 'n/a', not a number: correct the cell"),
        (7, 6, "", DataError, "row 8, column 7 holds '', not a number: correct the cell"),
        (7, 6, float("nan"), DataError, "Y has 1 value.* not finite, the first at row ROW/Mining"),
        (7, 3, "c36", LabelError, "c36 is no sector of this release; expected c1 to c35"),
        (7, 3, "c1", LabelError, "ROW/Agriculture, forestry and fishing occurs twice"),
        (7, 3, "c3", LabelError, "only among its rows or only among its columns: labels or lines"),
        (4, 10, "", LabelError, "column 11 has no country or no code in its header: fetch"),
        (5, 10, "", LabelError, "column 11 has no country or no code in its header: fetch"),
        (3, 11, "x", SourceError, "no column 'Total output'"),
        (6, 3, "k1", SourceError, "no row and column with the sector codes"),
    ],
)
def test_bad_workbook(monkeypatch, tmp_path, row, column, value, error, message):
    with pytest.raises(error, match=message) as caught:
        read_rows(monkeypatch, tmp_path, changed(row, column, value))
    assert "wiot07_row_apr12.xlsx" in str(caught.value)


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (6, 4, 100.0, r"column ROW/Agriculture.* sums to 104 but its total states 5"),
        (7, 9, 100.0, r"column ROW/GFCF sums to 100 but its total states 1"),
        (10, 5, 37.5, r"column ROW/Mining.* sums to .* but its total states 7"),
        (6, 11, 50.0, r"row ROW/Agriculture.* sums to 5 but its total states 50"),
    ],
)
def test_totals(monkeypatch, tmp_path, row, column, value, message):
    with pytest.raises(DataError, match=message) as caught:
        read_rows(monkeypatch, tmp_path, changed(row, column, value))
    assert str(caught.value).endswith("get the file again, or pass totals='report'")
    file = tmp_path / "wiot07_row_apr12.xlsx"
    found = read_wiod2013(file, co2=False, totals="report").provenance["steps"][0]["totals"]
    assert sum(report.get(f"{kind}s off", 0) for report in found.values() for kind in
               ("row", "column")) >= 1  # fmt: skip
    with pytest.raises(SourceError, match="totals='no' is not a policy"):
        read_wiod2013(file, co2=False, totals="no")


def test_blank_cells_count_as_zero_in_value_added_only(monkeypatch, tmp_path):
    table = read_rows(monkeypatch, tmp_path, changed(9, 5, ""))
    assert table.value_added.tolist() == [0, 3.75]


def account_rows(**changes: object) -> list[list]:
    rows = {"secAtB": 5.0, "secC": "", "secQ": "", "secTOT": 5.0, "": "", "FC_HH": 2.0} | changes
    return [["", "", "COAL", "TOTAL"], *(["", code, value, value] for code, value in rows.items())]


def read_account(monkeypatch, tmp_path, rows):
    monkeypatch.setattr(excel, "cells_of", lambda *args: rows)
    packed = tmp_path / "CO2.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("ROW_CO2_May12.xls", "")
    sectors = [SECTORS["c1"][1], SECTORS["c2"][1]]
    return excel.from_accounts(packed, 2007, ["ROW"], sectors)


def test_smallest_account(monkeypatch, tmp_path):
    co2, homes, records = read_account(monkeypatch, tmp_path, account_rows())
    assert co2.tolist() == [[5, 0]]
    assert homes.tolist() == [2]
    assert [record["name"] for record in records] == ["CO2.zip"]


def test_bad_account(monkeypatch, tmp_path):
    with pytest.raises(DataError, match="secC of 2007 is 'x', not a number"):
        read_account(monkeypatch, tmp_path, account_rows(secC="x"))
    with pytest.raises(SourceError, match="3 kt of secQ in 2007 belong to no sector of the table"):
        read_account(monkeypatch, tmp_path, account_rows(secQ=3.0))
    rows = [row for row in account_rows() if row[1] not in ("secC", "FC_HH")]
    with pytest.raises(SourceError, match="has no row for Mining and quarrying, households"):
        read_account(monkeypatch, tmp_path, rows)
    for changes in ({"secAtB": 6.0}, {"secTOT": 50.0}, {"total": 9.0}):
        (what,) = changes
        with pytest.raises(DataError, match=r"(secTOT|total) of 2007 is .* its sectors sum to"):
            read_account(monkeypatch, tmp_path, account_rows(**changes))
        rows = [[*row[:3], 0.5] if row[1] == what else row for row in account_rows(total=7.0)]
        with pytest.raises(DataError, match=f"{what} of 2007 is 0.5 kt, but its fuels sum to"):
            read_account(monkeypatch, tmp_path, rows)
    with pytest.raises(LabelError, match=r"xls: secC occurs twice in 2007: keep one"):
        read_account(monkeypatch, tmp_path, [*account_rows(), ["", "secC", 1.0, 1.0]])
    rows = [["", "", "COAL", "SUM"], *account_rows()[1:]]
    with pytest.raises(SourceError, match="no column TOTAL or CO2"):
        read_account(monkeypatch, tmp_path, rows)


def small_npz(folder: Path, **changes: np.ndarray) -> Path:
    arrays = {
        "Z": np.array([[1, 2], [4, 1]]),
        "F": np.array([[3, -1], [2, 0]]),
        "x": np.array([5, 7]),
        "countries": np.array(["RoW"]),
        "industries": np.array(["c1", "c2"]),
        "fd": np.array(["CONS_h", "INVEN"]),
        "co2_kt": np.array([[5.0, 0.0]]),
        "co2_hh_kt": np.array([2.0]),
    } | changes
    packed = io.BytesIO()
    np.savez(packed, **{key: value for key, value in arrays.items() if value is not None})
    path = folder / "wiod13_2007.npz"
    path.write_bytes(packed.getvalue())
    return path


def test_smallest_npz(tmp_path):
    table = read_wiod2013(small_npz(tmp_path))
    assert table.value_added.tolist() == [0, 4]
    co2 = table.extensions["emissions"]
    assert co2.F.to_numpy().tolist() == [[5, 0]]
    assert co2.F_Y.to_numpy().tolist() == [[2, 0]]


def test_countries_of_arrays_come_by_alphabet(tmp_path):
    two = {
        "Z": np.ones((4, 4)), "F": np.ones((4, 4)), "x": np.full(4, 8.0),
        "co2_kt": np.ones((2, 2)), "co2_hh_kt": np.ones(2),
    }  # fmt: skip
    found = read_wiod2013(small_npz(tmp_path, countries=np.array(["AUS", "RoW"]), **two))
    assert list(found.regions) == ["AUS", "ROW"]
    with pytest.raises(LabelError, match="its countries do not come in the order of the alphabet"):
        read_wiod2013(small_npz(tmp_path, countries=np.array(["RoW", "AUS"]), **two))


def test_npz_with_any_wrong_byte_is_refused_or_whole(tmp_path):
    path = small_npz(tmp_path)
    whole, refused = path.read_bytes(), 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        try:
            table = read_wiod2013(path)
        except (SourceError, LabelError, DataError) as error:
            refused += path.name in str(error)
        else:
            assert table.Z.to_numpy().tolist() == [[1, 2], [4, 1]]
    assert refused > len(whole) / 3


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"x": None}, SourceError, "lacks x: fetch it again"),
        ({"Z": np.ones((2, 3))}, SourceError, r"Z has shape \(2, 3\), expected \(2, 2\)"),
        ({"co2_kt": np.ones((1, 3))}, SourceError, "co2_kt or co2_hh_kt has a wrong shape"),
        ({"co2_kt": None}, SourceError, r"finds no CO2_may12.zip: pass co2=PATH"),
        ({"industries": np.array(["c1", "x2"])}, LabelError, "x2 is no sector of this release"),
        ({"industries": np.array(["c1", "c1"])}, LabelError, "forestry and fishing is no label"),
        ({"Z": np.array([[1, np.nan], [4, 1]])}, DataError, "Z has 1 value.* not finite"),
        ({"industries": np.array(["c2", "c1"])}, LabelError, "industries do not come in the order"),
        ({"fd": np.array(["CONS_h", "CONS_h"])}, LabelError, "CONS_h is no label of this release"),
        ({"countries": np.array(["RoW", "ROW"])}, LabelError, "RoW, ROW are one country"),
        ({"Z": np.array([[1, 20], [4, 1]])}, DataError, "row ROW/Agri.* sums to 23 but its total"),
        ({"co2_kt": np.array([[np.inf, 0]])}, DataError, "emissions: F has 1 value.* not finite"),
    ],
)
def test_bad_npz(tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        read_wiod2013(small_npz(tmp_path, **changes))
