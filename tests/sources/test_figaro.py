"""FIGARO's two layouts and Eurostat's emissions are read; damaged files are refused."""

import gzip
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import CarbonflowsError, DataError, LabelError, SourceError, UnitError
from carbonflows.sources.archive import Files
from carbonflows.sources.figaro import SOURCE, read_figaro, recognise
from carbonflows.sources.wiod2013 import read_wiod2013
from sources.balanced import balanced, renamed, same_table
from sources.layout_figaro import (
    codes_of,
    figaro_cells,
    flat_cells,
    write_emissions,
    write_figaro,
    write_lines,
)

SECTORS = ("A01", "C10T12", "C31_32", "D35")
CATEGORIES = ("P3_S13", "P3_S14", "P51G", "P5M")
NAME = "matrix_eu-ic-io_ind-by-ind_25ed_2010.csv"
FLAT = NAME.replace("matrix", "flatfile")


def world(seed=0, regions=("AUS", "GRC", "GBR", "ROW"), sectors=SECTORS):
    table = balanced(seed, regions, sectors, CATEGORIES, stock="P5M", unit="M EUR")
    emissions = table.extensions["emissions"]
    F_Y = emissions.F_Y.copy() * 0
    F_Y.loc["CO2", [(r, "P3_S14") for r in regions]] = np.arange(1.0, len(regions) + 1)
    new = type(emissions)(emissions.F, F_Y, unit="kt CO2")
    return table.replace(extensions=new)


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("kind", ["ind-by-ind", "prod-by-prod"])
def test_round_trip(tmp_path, flat, kind):
    sectors = SECTORS if kind == "ind-by-ind" else tuple(f"CPA_{s}" for s in SECTORS)
    table = world(sectors=sectors)
    path = write_figaro(table, tmp_path, flat=flat, kind=kind)
    read = read_figaro(path)
    same_table(read, table)
    assert (read.unit, read.currency, read.year) == ("M EUR", "EUR", 2010)
    assert read.provenance["release"] == f"FIGARO 25 edition, {kind}"
    assert read.members["ROW"] == ("*",)
    assert read.members["GRC"] == ("GRC",)
    assert read.x_given is None
    assert dict(read.extensions) == {}
    assert recognise(Files(path)) == f"FIGARO 25ed {kind}"
    step = read.provenance["steps"][0]
    assert step["value added"][0] == "W2_D21X31"
    assert step["left out"] == {"value added rows of final demand, sum": 6 * 16 * 0.5}


def test_a_cell_stands_where_its_labels_say(tmp_path):
    cells = [
        ["rowLabels", "EL_A01", "FIGW1_A01", "EL_P3_S14", "FIGW1_P3_S14"],
        ["EL_A01", "1", "2", "3", "4"],
        ["FIGW1_A01", "5", "6", "7", "8"],
        ["W2_D1", "4", "18", "0", "0"],
    ]
    for name, rows in ((NAME, cells), (FLAT, flat_cells(cells))):
        read = read_figaro(write_lines(rows, tmp_path / name))
        assert read.nodes.tolist() == [("GRC", "A01"), ("ROW", "A01")]
        assert read.Z.to_numpy().tolist() == [[1, 2], [5, 6]]
        assert read.Y.to_numpy().tolist() == [[3, 4], [7, 8]]
        assert read.value_added.tolist() == [4, 18]


def test_final_demand_beside_the_nodes_of_its_region(tmp_path):
    table = world()
    read = read_figaro(write_lines(figaro_cells(table, interleaved=True), tmp_path / NAME))
    assert np.array_equal(read.Z.loc[table.nodes, table.nodes], table.Z)
    assert np.array_equal(read.Y.loc[table.nodes, table.demand], table.Y)


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    regions=st.lists(st.sampled_from(["AUS", "DEU", "GRC", "USA", "ROW"]), min_size=1, unique=True),
    flat=st.booleans(),
)
def test_any_table(tmp_path_factory, seed, regions, flat):
    table = world(seed, regions)
    same_table(read_figaro(write_figaro(table, tmp_path_factory.mktemp("f"), flat=flat)), table)


def test_wiod_as_figaro(shared, tmp_path):
    wiod = read_wiod2013(shared / "wiod2013", 2007)
    codes = {sector: f"X{i:02}" for i, sector in enumerate(wiod.sectors)}
    names = dict(zip(wiod.categories, ("P3_S14", "P3_S15", "P3_S13", "P51G", "P5M"), strict=True))
    table = renamed(wiod, sectors=codes, categories=names)
    assert set(codes_of(table).values()) >= {"GR", "GB", "FIGW1"}
    same_table(read_figaro(write_figaro(table, tmp_path)), table)


@pytest.mark.parametrize("layout", ["tsv", "csv", "flat"])
@pytest.mark.parametrize("packed", [False, True])
def test_emissions(tmp_path, layout, packed):
    table = world()
    path = write_figaro(table, tmp_path)
    co2 = write_emissions(table, tmp_path / "estat_env_ac_co2fp.tsv", layout)
    if packed:
        co2 = tmp_path / "estat_env_ac_co2fp.tsv.gz"
        co2.write_bytes(gzip.compress((tmp_path / "estat_env_ac_co2fp.tsv").read_bytes()))
    read = read_figaro(path, emissions=co2)
    emissions, expected = read.extensions["emissions"], table.extensions["emissions"]
    assert np.array_equal(emissions.F, expected.F)
    assert np.array_equal(emissions.F_Y, expected.F_Y)
    assert emissions.unit.to_dict() == {"CO2": "kt CO2"}
    assert [f["name"] for f in read.provenance["files"]] == [path.name, co2.name]
    assert read.provenance["steps"][1]["aggregates left out"] == ["WORLD", "EU27_2020"]


def test_two_stressors_stay_apart(tmp_path):
    table = world()
    path = write_figaro(table, tmp_path)
    co2 = write_emissions(table, tmp_path / "estat_env_ac_co2fp.tsv")
    ghg = write_emissions(table, tmp_path / "estat_env_ac_ghgfp.tsv")
    emissions = read_figaro(path, emissions=[co2, ghg]).extensions["emissions"]
    assert emissions.unit.to_dict() == {"CO2": "kt CO2", "GHG": "kt CO2eq"}
    with pytest.raises(SourceError, match="CO2 was given before"):
        read_figaro(path, emissions=[co2, co2])


def test_regions_without_emissions(tmp_path):
    table = world(regions=("AUS", "ALB", "GBR", "ROW"))
    path = write_figaro(table, tmp_path)
    without = world(regions=("AUS", "GBR", "ROW"))
    co2 = write_emissions(without, tmp_path / "estat_env_ac_co2fp.tsv")
    with pytest.raises(LabelError, match=r"nothing for ALB/A01.*pass unmatched='merge'"):
        read_figaro(path, emissions=co2)
    read = read_figaro(path, emissions=co2, unmatched="merge")
    assert list(read.regions) == ["AUS", "ROW", "GBR"]
    assert set(read.members) == {"AUS", "GBR", "ROW"}
    Z = table.Z.to_numpy().reshape(4, 4, 4, 4)
    assert np.allclose(read.Z.loc["ROW", "ROW"], Z[[1, 3]][:, :, [1, 3]].sum(axis=(0, 2)))
    assert np.allclose(
        read.Y.loc["AUS", "ROW"], table.Y.loc["AUS", "ALB"] + table.Y.loc["AUS", "ROW"]
    )
    assert np.array_equal(
        read.extensions["emissions"].F["ROW"], without.extensions["emissions"].F["ROW"]
    )


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("A,THS_T,A01,AU,WORLD,TOTAL\t", "A,THS_T,A09,AU,WORLD,TOTAL\t", LabelError, "AUS/A01"),
        (
            "A,THS_T,C10-C12,AU,WORLD,TOTAL\t",
            "A,THS_T,A01,AU,WORLD,TOTAL\t",
            LabelError,
            "AU/A01 occurs twice",
        ),
        (",WORLD,TOTAL", ",WRLD,TOTAL", SourceError, "has no lines with unit=THS_T, c_dest=WORLD"),
        ("THS_T", "T", UnitError, "is in T: get the data set in thousand tonnes"),
        (" e\n", " e3\n", DataError, "line 2: the value is '.*e3', not a number"),
        ("2010 ", "2012 ", SourceError, "has no year 2010: there are 2009, 2012"),
        ("c_orig", "geo", SourceError, r"lacks the dimension\(s\) c_orig"),
        ("A,THS_T,D,AU,WORLD,TOTAL\t: \t", "A,THS_T,D,AU,WORLD,TOTAL\t: \t9", DataError, "sum to"),
        (",UK,", ",XX,", LabelError, "XX is no country code of this database"),
    ],
)
def test_emissions_that_do_not_fit(tmp_path, old, new, error, message):
    table = world()
    path = write_figaro(table, tmp_path)
    co2 = write_emissions(table, tmp_path / "estat_env_ac_co2fp.tsv")
    text = co2.read_text()
    assert old in text
    co2.write_text(text.replace(old, new))
    with pytest.raises(error, match=message):
        read_figaro(path, emissions=co2)


def test_households_without_a_column(tmp_path):
    table = world()
    path = write_figaro(table, tmp_path)
    path.write_text(path.read_text().replace("_P3_S14", "_P3_S15"))
    co2 = write_emissions(table, tmp_path / "estat_env_ac_co2fp.tsv")
    with pytest.raises(LabelError, match="the table has no P3_S14 of AUS, GRC, GBR, ROW to take"):
        read_figaro(path, emissions=co2)


def test_emission_files_that_are_none(tmp_path):
    table = world()
    path = write_figaro(table, tmp_path)
    for name, text, message in (
        ("co2.tsv", "x", "its name does not say which data set it is"),
        ("env_ac_co2fp.tsv", "<html><body>", "is a web page, not data"),
        ("env_ac_co2fp.csv", "a,b\n1,2\n", r"lacks the dimension\(s\) unit"),
        ("env_ac_co2fp.tsv.gz", "no", "is not a complete gzip file"),
        ("env_ac_co2fp.tsv", "unit,nace_r2\udcff", "is not UTF-8 text"),
    ):
        (tmp_path / name).write_text(text, errors="surrogateescape")
        with pytest.raises(SourceError, match=message):
            read_figaro(path, emissions=tmp_path / name)
    with pytest.raises(SourceError, match="nowhere: no such file"):
        read_figaro(path, emissions=tmp_path / "co2fp_nowhere")
    products = write_figaro(table, tmp_path, kind="prod-by-prod")
    with pytest.raises(SourceError, match="is by product but emissions are by industry"):
        read_figaro(products, emissions=tmp_path / "x")


def set_cell(row, column, value):
    def change(cells):
        cells[row][column] = value

    return change


def swap(axis, one, other):
    def change(cells):
        if axis == "rows":
            cells[one], cells[other] = cells[other], cells[one]
        else:
            cells[0][one], cells[0][other] = cells[0][other], cells[0][one]

    return change


def times(row, column, factor):
    def change(cells):
        cells[row][column] = repr(float(cells[row][column]) * factor)

    return change


def no_country(cells):
    cells[0] = [label.replace("AU_", "QQ_") for label in cells[0]]
    for row in cells:
        row[0] = row[0].replace("AU_", "QQ_")


MUTATIONS = {
    "missing row": (lambda c: c.pop(3), LabelError, "line 4 is 'AU_D35', but the columns have"),
    "cut off": (lambda c: c.__delitem__(slice(5, None)), SourceError, "has 4 lines of nodes"),
    "no value added": (lambda c: c.__delitem__(slice(17, None)), SourceError, "no W2_ rows"),
    "extra row": (lambda c: c.insert(17, ["XX_A01", *c[1][1:]]), LabelError, "one too many"),
    "added twice": (lambda c: c.append(c[-1]), SourceError, "W2_B2A3G occurs twice"),
    "missing column": (lambda c: [r.pop(3) for r in c], LabelError, "does not list the same"),
    "column twice": (lambda c: c[0].__setitem__(2, "AU_A01"), LabelError, "'AU_A01' occurs twice"),
    "swapped rows": (swap("rows", 2, 3), LabelError, "line 3 is 'AU_C31_32'"),
    "swapped columns": (swap("columns", 2, 3), LabelError, "missing or swapped"),
    "swapped uses": (swap("columns", 18, 19), LabelError, "missing or swapped"),
    "text": (set_cell(2, 3, "x"), DataError, "line 3, column 4 is 'x', not a number"),
    "empty": (set_cell(2, 3, ""), DataError, "line 3, column 4 is empty"),
    "decimal point": (times(2, 3, 1e5), DataError, r"AUS/C10T12 sells|AUS/C31_32 sells"),
    "decimal point in use": (times(2, 20, 1e4), DataError, "AUS/C10T12 sells"),
    "decimal point in value added": (times(-1, 3, 1e4), DataError, "AUS/C31_32 sells"),
    "region": (no_country, LabelError, "QQ is no country code"),
    "short row": (lambda c: c[3].pop(), SourceError, "line 4"),
    "header": (set_cell(0, 0, "labels"), SourceError, "expected 'rowLabels'"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_damaged_matrix_is_refused(tmp_path, name):
    change, error, message = MUTATIONS[name]
    cells = figaro_cells(world())
    change(cells)
    path = write_lines(cells, tmp_path / NAME)
    with pytest.raises(error, match=message) as caught:
        read_figaro(path)
    assert NAME in str(caught.value)
    assert "\n" not in str(caught.value)


FLAT_MUTATIONS = {
    "missing cell": (lambda c: c.pop(7), SourceError, "it is cut off, or a cell occurs twice"),
    "cell twice": (lambda c: c.append(c[7]), SourceError, "it is cut off, or a cell occurs twice"),
    "one for another": (lambda c: c.__setitem__(8, c[7]), SourceError, "no cell AU_A01, GR_D35"),
    "text": (set_cell(5, 6, "?"), DataError, r"line 6: the value is '\?', not a number"),
    "empty": (set_cell(5, 6, ""), DataError, "line 6: the value is '', not a number"),
    "no label": (set_cell(5, 2, ""), SourceError, "line 6 has 6 filled cells"),
    "label": (set_cell(5, 3, "A99"), LabelError, "AU_A99 is only among its rows"),
    "column label": (set_cell(5, 5, "A99"), LabelError, "is only among its rows"),
    "header": (set_cell(0, 6, "value"), SourceError, "is no FIGARO flat file"),
    "decimal point": (times(7, 6, 1e5), DataError, "sells"),
}


@pytest.mark.parametrize("name", FLAT_MUTATIONS)
def test_a_damaged_flat_file_is_refused(tmp_path, name):
    change, error, message = FLAT_MUTATIONS[name]
    cells = flat_cells(figaro_cells(world()))
    change(cells)
    path = write_lines(cells, tmp_path / FLAT)
    with pytest.raises(error, match=message) as caught:
        read_figaro(path)
    assert FLAT in str(caught.value)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), flat=st.booleans())
def test_any_cut_gives_an_error_or_the_table(tmp_path_factory, data, flat):
    table = world()
    path = write_figaro(table, tmp_path_factory.mktemp("cut"), flat=flat)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with suppress(CarbonflowsError):
        read = read_figaro(path)
        assert np.array_equal(read.Z, table.Z)
        assert np.array_equal(read.Y, table.Y)
        assert np.allclose(read.value_added, table.value_added, rtol=1e-2)


def test_choosing(tmp_path):
    table = world()
    write_figaro(table, tmp_path)
    write_figaro(table, tmp_path, flat=True)
    same_table(read_figaro(tmp_path), table)
    assert read_figaro(tmp_path).provenance["steps"][0]["layout"] == "matrix"
    write_figaro(table, tmp_path, edition=26)
    with pytest.raises(SourceError, match=r"holds the editions 25, 26 of 2010: pass edition=25"):
        read_figaro(tmp_path)
    assert read_figaro(tmp_path, edition=26).provenance["release"].startswith("FIGARO 26")
    with pytest.raises(SourceError, match=r"holds no edition 24 of 2010"):
        read_figaro(tmp_path, edition=24)
    write_figaro(table, tmp_path, kind="prod-by-prod")
    with pytest.raises(SourceError, match="pass kind='ind-by-ind' or 'prod-by-prod'"):
        read_figaro(tmp_path, edition=25)
    same_table(read_figaro(tmp_path, kind="prod-by-prod"), table)
    with pytest.raises(SourceError, match=r"has no year 2011: there are 2010"):
        read_figaro(tmp_path, 2011, kind="ind-by-ind")
    with pytest.raises(SourceError, match="holds no FIGARO table: expected files like"):
        read_figaro(write_lines([["a"]], tmp_path / "x.csv"))


def test_packed(tmp_path):
    table = world()
    path = write_figaro(table, tmp_path, flat=True)
    packed = path.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, path.name)
    path.unlink()
    same_table(read_figaro(packed), table)
    same_table(read_figaro(tmp_path), table)
    packed.write_bytes(packed.read_bytes()[:-40])
    with pytest.raises(SourceError, match="is not a sound zip archive"):
        read_figaro(packed)


def test_what_is_no_table(tmp_path):
    path = tmp_path / NAME
    path.write_text("<!doctype html>")
    with pytest.raises(SourceError, match="is a web page, not data"):
        read_figaro(path)
    path.write_bytes("rowLabels,AU_A01\n".encode("utf-16"))
    with pytest.raises(SourceError, match="is not UTF-8 text"):
        read_figaro(path)
    assert recognise(Files(path)) is None
    for wrong in ({"unmatched": "no"}, {"totals": "no"}):
        with pytest.raises(SourceError, match="='no' is not a policy"):
            read_figaro(path, **wrong)
    with pytest.raises(DataError, match="output='given' needs x"):
        read_figaro(write_figaro(world(), tmp_path), output="given")
    assert SOURCE.read is read_figaro
