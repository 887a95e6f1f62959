"""All editions of the OECD tables are read; a damaged file is refused with file and place."""

import io
import re
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import CarbonflowsError, DataError, LabelError, SourceError, UnitError
from carbonflows.sources.archive import Files
from carbonflows.sources.oecd_icio import SOURCE, read_oecd_icio, recognise
from carbonflows.sources.wiod2013 import read_wiod2013
from sources.balanced import balanced, renamed, same_table
from sources.layout_oecd_icio import icio_cells, write_cells, write_icio

EDITIONS = {
    2016: {"sectors": ("C01T05AGR", "C10T14MIN"), "categories": ("HFCE", "INV", "DIRP")},
    2018: {"sectors": ("01T03", "05T06"), "categories": ("HFCE", "INVNT", "P33")},
    2021: {"sectors": ("01T02", "03"), "categories": ("HFCE", "INVNT", "DPABR")},
    2023: {"sectors": ("A01_02", "A03"), "categories": ("HFCE", "INVNT", "DPABR")},
    2025: {"sectors": ("A01", "C24A"), "categories": ("HFCE", "INVNT", "DPABR")},
}


def world(edition: int, seed: int = 0):
    return balanced(seed, stock=EDITIONS[edition]["categories"][1], **EDITIONS[edition])


@pytest.fixture(scope="module")
def mock(shared) -> Path:
    return shared / "layouts" / "oecd_mock"


@pytest.mark.parametrize("name", ["ICIO2018_2010.CSV", "ICIO2018_2010.zip"])
def test_toy_of_2018(mock, name):
    table = read_oecd_icio(mock / name)
    assert list(table.regions) == ["AUS", "BEL", "MEX", "BRA", "COL"]
    assert list(table.categories) == ["HFCE", "NPISH", "GGFC", "INVNT", "P33"]
    assert (table.year, table.unit, len(table.sectors)) == (2010, "M USD", 8)
    assert table.provenance["release"] == "OECD ICIO 2018"
    # Read off the file: AUS_01T03 sells to AUS_05T06 and to BEL_16; MX1_17T18 buys in MEX's name.
    assert table.Z.loc[("AUS", "01T03"), ("AUS", "05T06")] == 57.495387
    assert table.Z.loc[("AUS", "01T03"), ("BEL", "16")] == 38.847202
    assert table.Z.loc[("AUS", "01T03"), ("MEX", "17T18")] == 1.3054775
    assert table.Z.loc[("MEX", "05T06"), ("AUS", "01T03")] == 116.17702
    assert table.Y.loc[("AUS", "01T03"), ("AUS", "HFCE")] == 2448
    assert table.Y.loc[("AUS", "01T03"), ("COL", "P33")] == 2022316.6
    assert table.x_given.iloc[0] == 235295.522015598
    taxes = [0.12804773122392, 3.46472244694616, 2.3589264976368, 0.104385613067983]
    assert table.value_added.iloc[0] == pytest.approx(sum(taxes) + 0.412614158696277 + 111490.88)
    assert dict(table.extensions) == {}
    steps = table.provenance["steps"]
    assert {"step": "merge parts", "parts": {"MEX": ["MX1"]}} in steps
    assert steps[0]["totals"]["largest row gap"] < 1e-6
    assert steps[0]["totals"]["largest column gap"] < 1e-6


def test_toy_of_2016(mock):
    table = read_oecd_icio(mock / "ICIO2016_2003.csv")
    assert list(table.regions) == ["AUS", "NZL", "CHN", "PER"]
    assert list(table.categories) == ["HFCE", "NPS", "GGFC", "GFCF", "INV", "DIRP"]
    assert table.Z.loc[("AUS", "C01T05AGR"), ("AUS", "C10T14MIN")] == 57.495387
    # Rows and columns of CN1 and CN2 together.
    assert table.Z.loc[("CHN", "C01T05AGR"), ("AUS", "C01T05AGR")] == 748.77909 + 1427.5281
    assert table.Z.loc[("AUS", "C01T05AGR"), ("CHN", "C01T05AGR")] == 86.04706 + 2897.532
    # By category first: the second column of final demand is NZL's households.
    assert table.Y.loc[("AUS", "C01T05AGR"), ("NZL", "HFCE")] == 22025858
    assert table.Y.loc[("AUS", "C01T05AGR"), ("AUS", "NPS")] == 3536639
    assert table.x_given[("AUS", "C01T05AGR")] == 235289.0533
    assert table.value_added[("AUS", "C01T05AGR")] == 111490.88
    (step,) = (s for s in table.provenance["steps"] if s["step"] == "discrepancy")
    assert step["sum"] == 888888 + 9999 + 5555
    final = read_oecd_icio(mock / "ICIO2016_2003.csv", discrepancy="to_final")
    assert final.Y.loc[("AUS", "C20WOD"), ("AUS", "DISC")] == 888888
    assert final.Y.xs("DISC", axis=1, level=1).to_numpy().sum() == 904442


def test_toy_with_parts_kept(mock):
    table = read_oecd_icio(mock / "ICIO2016_2003.csv", split="keep")
    assert list(table.regions) == ["AUS", "NZL", "PER", "CN1", "CN2"]
    assert table.Z.loc[("CN2", "C01T05AGR"), ("AUS", "C01T05AGR")] == 1427.5281
    assert table.Y.loc[("AUS", "C01T05AGR"), ("CN1", "HFCE")] == 20590970
    assert table.Y["CN2"].to_numpy().sum() == 0
    with pytest.raises(SourceError, match=r"ICIO2018_2010.CSV: the final demand of MEX cannot be"):
        read_oecd_icio(mock / "ICIO2018_2010.CSV", split="keep")


def test_a_folder_of_two_editions(mock):
    assert read_oecd_icio(mock, 2010).year == 2010
    assert read_oecd_icio(mock, 2003).provenance["release"] == "OECD ICIO 2016"
    with pytest.raises(SourceError, match=r"oecd_mock holds the years 2003, 2010: say which one"):
        read_oecd_icio(mock)
    with pytest.raises(SourceError, match=r"has no year 2011: there are 2003, 2010"):
        read_oecd_icio(mock, 2011)


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("extended", [False, True])
def test_round_trip(tmp_path, edition, extended):
    table = world(edition)
    path = write_icio(table, tmp_path, edition, extended=extended)
    read = read_oecd_icio(path)
    same_table(read, table)
    assert read.provenance["release"] == f"OECD ICIO {edition}"
    assert read.members["ROW"] == ("*",)
    assert recognise(Files(path)) == f"OECD ICIO {edition}"
    assert read.provenance["files"][0]["name"] == path.name


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    edition=st.sampled_from(list(EDITIONS)),
    regions=st.lists(st.sampled_from(["AUS", "CHN", "MEX", "USA", "ROW"]), min_size=1, unique=True),
    extended=st.booleans(),
    quoted=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_any_table(tmp_path_factory, seed, edition, regions, extended, quoted, newline):
    table = balanced(seed, regions, **EDITIONS[edition])
    cells = icio_cells(table, edition, extended=extended)
    path = tmp_path_factory.mktemp("icio") / f"ICIO{edition}_2010.csv"
    write_cells(cells, path, quoted)
    path.write_bytes(path.read_bytes().replace(b"\n", newline.encode()))
    same_table(read_oecd_icio(path), table)


def test_parts_kept_and_merged_say_the_same(tmp_path):
    table = world(2021, 3)
    path = write_icio(table, tmp_path, 2021, extended=True)
    kept = read_oecd_icio(path, split="keep")
    assert list(kept.regions) == ["AUS", "ROW", "CN1", "CN2", "MX1", "MX2"]
    assert np.allclose(kept.x["CN1"].to_numpy() + kept.x["CN2"].to_numpy(), table.x["CHN"])
    assert np.allclose(kept.Y["MX1"].sum().to_numpy(), table.Y["MEX"].sum().to_numpy())


def test_wiod_as_icio(shared, tmp_path):
    wiod = read_wiod2013(shared / "wiod2013", 2007)
    codes = {sector: f"{i:02}" for i, sector in enumerate(wiod.sectors)}
    names = dict(zip(wiod.categories, ("HFCE", "NPISH", "GGFC", "GFCF", "INVNT"), strict=True))
    table = renamed(wiod, sectors=codes, categories=names)
    same_table(read_oecd_icio(write_icio(table, tmp_path, 2021, extended=True)), table)


def test_a_zip_of_several_years(tmp_path):
    one, other = world(2023), world(2023, 1).replace(year=2011)
    archive = tmp_path / "2010-2011_SML.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for table in (one, other):
            zipped.write(write_icio(table, tmp_path, 2023), f"{table.year}_SML.csv")
            (tmp_path / f"{table.year}_SML.csv").unlink()
    same_table(read_oecd_icio(archive, 2011), other)
    same_table(read_oecd_icio(tmp_path, 2010), one)
    with pytest.raises(SourceError, match=r"holds the years 2010, 2011: say which one"):
        read_oecd_icio(archive)
    shutil.copy(archive, tmp_path / "2010-2012_SML.zip")
    with pytest.raises(SourceError, match=r"holds 2 tables of 2010 .*: give the path of one"):
        read_oecd_icio(tmp_path, 2010)


def tidy(table) -> pd.DataFrame:
    emissions = table.extensions["emissions"]
    lines = [(r, s, v) for (r, s), v in emissions.F.loc["CO2"].items()]
    lines += [(r, "HH", v) for (r, c), v in emissions.F_Y.loc["CO2"].items() if c == "HFCE"]
    frame = pd.DataFrame(lines, columns=["region", "industry", "value"])
    return frame.assign(unit="kt CO2")


def test_emissions_from_a_list(tmp_path):
    table = world(2023)
    path = write_icio(table, tmp_path, 2023, extended=True)
    frame = tidy(table)
    frame.to_csv(tmp_path / "co2.csv", index=False)
    for given_as in (frame, tmp_path / "co2.csv", str(tmp_path / "co2.csv")):
        read = read_oecd_icio(path, emissions=given_as).extensions["emissions"]
        assert np.array_equal(read.F, table.extensions["emissions"].F)
        assert np.array_equal(read.F_Y, table.extensions["emissions"].F_Y)
        assert read.unit.to_dict() == {"CO2": "kt CO2"}
    years = pd.concat([frame.assign(year=2010), frame.assign(year=2011, value=0.0)])
    read = read_oecd_icio(path, emissions=years).extensions["emissions"]
    assert np.array_equal(read.F, table.extensions["emissions"].F)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda f: f.iloc[1:], LabelError, "has no CO2 for AUS/A01_02: add lines"),
        (lambda f: pd.concat([f, f.iloc[:1]]), LabelError, "AUS/A01_02 occurs twice for CO2"),
        (lambda f: f.replace("A03", "A04"), LabelError, "line 2: the table has no AUS/A04"),
        (lambda f: f.replace("AUS", "AUT"), LabelError, "line 1: the table has no AUT/A01_02"),
        (lambda f: f.assign(value="x"), DataError, "line 1: the value is 'x', not a number"),
        (lambda f: f.assign(value=None), DataError, "line 1: the value is empty, not a number"),
        (lambda f: f.assign(unit="Mt"), UnitError, "'Mt' does not say of what"),
        (lambda f: f.assign(unit=""), UnitError, "a line has no unit"),
        (lambda f: f.drop(columns="unit"), SourceError, r"lacks the column\(s\) unit"),
        (lambda f: f.assign(year=2011), SourceError, "has no year 2010: there are 2011"),
        (lambda f: f.iloc[:0], SourceError, "has no lines below its header"),
        (
            lambda f: f.assign(unit=["Mt CO2"] + ["kt CO2"] * (len(f) - 1)),
            UnitError,
            "CO2 is in 'Mt CO2' and in 'kt CO2'",
        ),
    ],
)
def test_emissions_that_do_not_fit(tmp_path, change, error, message):
    table = world(2023)
    path = write_icio(table, tmp_path, 2023)
    with pytest.raises(error, match=message):
        read_oecd_icio(path, emissions=change(tidy(table)))


def altered(edition: int, change) -> list[list[str]]:
    cells = icio_cells(world(edition), edition)
    change(cells)
    return cells


def set_cell(row: int, column: int, value: str):
    def change(cells):
        cells[row][column] = value

    return change


def swap(one: int, other: int, axis: str):
    def change(cells):
        if axis == "rows":
            cells[one], cells[other] = cells[other], cells[one]
        elif axis == "row labels":
            cells[one][0], cells[other][0] = cells[other][0], cells[one][0]
        else:
            cells[0][one], cells[0][other] = cells[0][other], cells[0][one]

    return change


def times(row: int, column: int, factor: float):
    def change(cells):
        cells[row][column] = repr(float(cells[row][column]) * factor)

    return change


def drop_column(column: int):
    def change(cells):
        for row in cells:
            del row[column]

    return change


N = 8  # nodes of the small world
MUTATIONS = {
    "missing row": (lambda c: c.pop(3), LabelError, r"line 4 is 'CHN_.*', but the columns have"),
    "missing last rows": (lambda c: c.__delitem__(slice(N + 1, None)), SourceError, "cut off"),
    "cut in a node": (lambda c: c.__delitem__(slice(5, None)), SourceError, r"has 4 lines of nod"),
    "missing column": (drop_column(3), LabelError, "CHN does not list the same industries"),
    "missing final demand": (drop_column(N + 1), LabelError, "does not list the same categories"),
    "extra row": (lambda c: c.insert(N + 1, ["XXX_01", *c[2][1:]]), LabelError, "one too many"),
    "row twice": (lambda c: c.insert(3, c[2]), LabelError, "line 4 is .* rows are missing or sw"),
    "column label twice": (lambda c: c[0].__setitem__(2, c[0][1]), LabelError, "occurs twice"),
    "swapped rows": (swap(2, 3, "rows"), LabelError, "line 3 is .* rows are missing or swapped"),
    "swapped row labels": (swap(2, 3, "row labels"), LabelError, "line 3 is .*"),
    "swapped column labels": (swap(1, 2, "columns"), LabelError, "in another order"),
    "swapped categories": (swap(N + 1, N + 2, "columns"), LabelError, "in another order"),
    "unknown label": (set_cell(0, 4, "what"), LabelError, "line 1, column 5: 'what' is no label"),
    "text": (set_cell(2, 3, "n.a."), DataError, "line 3, column 4 is 'n.a.', not a number"),
    "empty": (set_cell(2, 3, ""), DataError, "line 3, column 4 is empty"),
    "nan": (set_cell(2, 3, "nan"), DataError, "line 3, column 4 is 'nan', not a number"),
    "text in value added": (set_cell(-2, 3, "?"), DataError, r"column 4 is '\?', not a number"),
    "empty output": (set_cell(-1, 2, ""), DataError, "column 3 is empty, not a number"),
    "lost decimal point": (times(2, 3, 1e4), DataError, r"row AUS/.*, column CHN/.* is off by"),
    "lost in value added": (times(-2, 3, 1e4), DataError, "column CHN/.* sums to"),
    "lost in output": (times(-1, 3, 1e3), DataError, "column CHN/.* sums to"),
    "zeroed": (times(2, 3, 0), DataError, "row AUS/.* is off by|column CHN/"),
    "short row": (lambda c: c[3].pop(), SourceError, "line 4"),
    "long row": (lambda c: c[3].append("1"), SourceError, "line 4 has"),
    "short tail": (lambda c: c[-1].pop(), SourceError, "was expected|were expected: it is cut off"),
    "output twice": (lambda c: c.append(c[-1]), LabelError, "occurs twice"),
}


@pytest.mark.parametrize("name", MUTATIONS)
@pytest.mark.parametrize("edition", [2018, 2023])
def test_a_damaged_file_is_refused(tmp_path, edition, name):
    change, error, message = MUTATIONS[name]
    path = tmp_path / f"ICIO{edition}_2010.csv"
    write_cells(altered(edition, change), path)
    with pytest.raises(error, match=message) as caught:
        read_oecd_icio(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("column", [3, N + 2])
def test_lost_decimal_points_in_2016_where_rows_have_no_totals(tmp_path, column):
    path = tmp_path / "ICIO2016_2010.csv"
    write_cells(altered(2016, times(2, column, 1e4)), path)
    with pytest.raises(DataError, match=r"ICIO2016_2010.csv: (AUS/C10T14MIN sells|column)"):
        read_oecd_icio(path)


def test_a_whole_file_without_decimal_points(tmp_path):
    cells = icio_cells(world(2023), 2023)
    for row in cells[1:]:
        row[1:] = [re.sub(r"^(\d+\.\d{3})\d*$", r"\1", x).replace(".", "") for x in row[1:]]
    write_cells(cells, tmp_path / "2010_SML.csv")
    with pytest.raises(DataError, match=r"2010_SML.csv: .* decimal points are lost"):
        read_oecd_icio(tmp_path)
    report = read_oecd_icio(tmp_path, totals="report").provenance["steps"][0]["totals"]
    assert report["rows off"] > 0


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_cut_gives_an_error_or_the_table(tmp_path_factory, data):
    """Wherever the file ends, no wrong table comes out."""
    table = world(2018)
    folder = tmp_path_factory.mktemp("cut")
    path = write_icio(table, folder, 2018)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with suppress(CarbonflowsError):
        same_table(read_oecd_icio(path), table)


def test_a_zip_with_emissions_beside_it_is_recognised(tmp_path):
    with zipfile.ZipFile(tmp_path / "2016-2022_SML.zip", "w") as archive:
        write_cells(icio_cells(world(2025), 2025), tmp_path / "t.csv")
        archive.write(tmp_path / "t.csv", "2019_SML.csv")
    (tmp_path / "t.csv").rename(tmp_path / "emissions.csv")
    assert recognise(Files(tmp_path)) == "OECD ICIO 2025"
    assert read_oecd_icio(tmp_path).year == 2019


def test_what_is_no_table(tmp_path):
    path = tmp_path / "2010_SML.csv"
    path.write_text("<!DOCTYPE html><html>moved</html>")
    with pytest.raises(SourceError, match=r"2010_SML.csv is a web page, not data"):
        read_oecd_icio(path)
    path.write_bytes(b"")
    with pytest.raises(SourceError, match=r"2010_SML.csv is empty"):
        read_oecd_icio(path)
    text = (tmp_path / "t").with_suffix(".csv")
    write_cells(icio_cells(world(2023), 2023), text)
    path.write_bytes(text.read_text().encode("utf-16"))
    with pytest.raises(SourceError, match=r"line 1 is not UTF-8 text"):
        read_oecd_icio(path)
    with pytest.raises(SourceError, match=r"t.csv holds no ICIO table: expected files like"):
        read_oecd_icio(text)
    archive = tmp_path / "ICIO_x.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("../2010_SML.csv", text.read_text())
    with pytest.raises(SourceError, match=r"has an entry outside itself"):
        read_oecd_icio(archive)
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(SourceError, match=r"is not a sound zip archive"):
        read_oecd_icio(archive)


def test_mixed_releases(tmp_path):
    path = tmp_path / "ICIO2018_2010.csv"
    write_cells(icio_cells(world(2023), 2023), path)
    with pytest.raises(SourceError, match="named like the 2018 edition but laid out like that of"):
        read_oecd_icio(path)


def test_policies(tmp_path):
    path = write_icio(world(2023), tmp_path)
    for wrong in ({"split": "no"}, {"discrepancy": "no"}, {"totals": "no"}):
        with pytest.raises(SourceError, match=r"='no' is not a policy: use"):
            read_oecd_icio(path, **wrong)
    assert read_oecd_icio(path, output="given").x.equals(read_oecd_icio(path).x_given.rename("x"))
    assert SOURCE.read is read_oecd_icio


def test_other_files_are_not_recognised(tmp_path):
    (tmp_path / "2010.csv").write_text("year,value\n2010,1\n")
    (tmp_path / "Z.csv").write_text(io.StringIO("a,b").read())
    assert recognise(Files(tmp_path)) is None
