"""The long-run WIOD is read year by year; a damaged file is refused."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import CarbonflowsError, DataError, LabelError, SourceError
from carbonflows.sources.archive import Files
from carbonflows.sources.lr_wiod import SOURCE, read_lr_wiod, recognise
from carbonflows.sources.wiod2013 import read_wiod2013
from sources.balanced import balanced, renamed, same_table
from sources.layout_lr_wiod import CATEGORIES, NAME, lr_lines, write_lines, write_lr_wiod

SECTORS = ("AtB", "D15t16", "E")


def world(seed=0, regions=("AUS", "CHN", "ROW"), year=1990):
    return balanced(seed, regions, SECTORS, CATEGORIES, stock="INV").replace(year=year)


def test_round_trip(tmp_path):
    tables = [world(0), world(1, year=1991)]
    path = write_lr_wiod(tables, tmp_path)
    for table in tables:
        read = read_lr_wiod(path, table.year)
        same_table(read, table)
    assert read.unit == "M USD"
    assert read.members["ROW"] == ("*",)
    assert recognise(Files(tmp_path)) == "Long-run WIOD"
    assert read.provenance["steps"][0]["value added"][:2] == ["xVA", "xTXSP"]
    with pytest.raises(SourceError, match="holds the years 1990, 1991: say which one"):
        read_lr_wiod(path)
    with pytest.raises(SourceError, match="has no year 1964: there are 1990, 1991"):
        read_lr_wiod(path, 1964)


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    regions=st.lists(st.sampled_from(["AUS", "CHN", "USA", "ROW"]), min_size=1, unique=True),
)
def test_any_table(tmp_path_factory, seed, regions):
    table = world(seed, regions)
    same_table(read_lr_wiod(write_lr_wiod([table], tmp_path_factory.mktemp("lr"))), table)


def test_wiod_2013_in_this_layout(shared, tmp_path):
    from carbonflows.regions import Grouping, aggregate

    wiod = read_wiod2013(shared / "wiod2013", 2007)
    few = {s: "goods" if i < 17 else "services" for i, s in enumerate(wiod.sectors)}
    small = aggregate(wiod, sectors=Grouping(few))
    names = {"CONS_np": "CONS_g", "CONS_g": "GFCF", "GFCF": "INV"}
    table = renamed(small, categories=names)
    with pytest.raises(LabelError, match=r"AUS_xINVEN, .* is only among its rows or only among"):
        read_lr_wiod(write_lr_wiod([table], tmp_path))
    four = table.replace(Y=table.Y.drop(columns="INVEN", level=1), extensions=[])
    read = read_lr_wiod(write_lr_wiod([four], tmp_path))
    assert read.nodes.equals(four.nodes)
    assert np.array_equal(read.Z, four.Z)
    assert np.array_equal(read.Y, four.Y)


def set_cell(row, column, value):
    def change(lines):
        lines[row][column] = value

    return change


def times(row, factor):
    def change(lines):
        lines[row][-1] = repr(float(lines[row][-1]) * factor)

    return change


MUTATIONS = {
    "missing cell": (lambda c: c.pop(4), SourceError, r"has no cell AUS_AtB, AUS_xCONS_g \(1 are"),
    "cell twice": (lambda c: c.append(c[4]), LabelError, "a cell occurs twice"),
    "no output": (lambda c: c.__delitem__(slice(-21, None)), LabelError, "xTOT_xGO are missing"),
    "text": (set_cell(5, 7, "x"), DataError, "line 7: the value is 'x'"),
    "empty": (set_cell(5, 7, ""), DataError, "line 7: the value is ''"),
    "no label": (set_cell(5, 3, ""), DataError, "line 7: the row_isic3 is ''"),
    "label": (set_cell(5, 3, "Q"), LabelError, "AUS_Q is only among its rows"),
    "column label": (set_cell(5, 6, "Q"), LabelError, "AUS_Q is only among"),
    "year": (set_cell(5, 0, "19xx"), DataError, "line 7: the year is '19xx'"),
    "short": (lambda c: c[5].pop(), (SourceError, DataError), "line 7"),
    "decimal point": (times(1, 1e5), DataError, "row AUS/AtB, column AUS/D15t16 is off by"),
    "other row": (lambda c: c.append([*c[-1][:3], "xNEW", *c[-1][4:]]), LabelError, "xTOT_xNEW"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_damaged_file_is_refused(tmp_path, name):
    change, error, message = MUTATIONS[name]
    lines = lr_lines(world())
    change(lines)
    with pytest.raises(error, match=message) as caught:
        read_lr_wiod(write_lines(lines, tmp_path))
    assert NAME in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_cut_gives_an_error_or_the_table(tmp_path_factory, data):
    table = world()
    path = write_lr_wiod([table], tmp_path_factory.mktemp("cut"))
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with suppress(CarbonflowsError):
        read = read_lr_wiod(path)
        assert np.array_equal(read.Z, table.Z)
        assert np.array_equal(read.Y, table.Y)


def test_what_is_no_table(tmp_path):
    path = tmp_path / NAME
    path.write_text("<html>")
    with pytest.raises(SourceError, match="is a web page"):
        read_lr_wiod(path)
    path.write_text("year,value\n1990,2\n")
    with pytest.raises(SourceError, match=r"lacks the column\(s\) row_country"):
        read_lr_wiod(path)
    assert recognise(Files(path)) is None
    path.write_bytes("year".encode("utf-16"))
    with pytest.raises(SourceError, match="is not UTF-8 text"):
        read_lr_wiod(path)
    with pytest.raises(SourceError, match="totals='no' is not a policy"):
        read_lr_wiod(path, totals="no")
    assert SOURCE.read is read_lr_wiod
