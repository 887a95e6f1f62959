"""WIOD 2016 is read from R's own files; damaged ones are refused."""

import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import CarbonflowsError, DataError, LabelError, SourceError
from carbonflows.sources.archive import Files
from carbonflows.sources.wiod2013 import read_wiod2013
from carbonflows.sources.wiod2016 import CATEGORIES, read_wiod2016, recognise
from sources.balanced import balanced, renamed, same_table
from sources.layout_wiod2016 import SECTORS, write_wiod2016
from sources.layout_wiod2016_rdata import wiot, write_wiod2016_rdata, write_wiot

WRITTEN_BY_R = Path(__file__).parent / "rdata" / "WIOT2014_October16_ROW.RData"
NAME = "WIOT2010_October16_ROW.RData"


def world(seed=0, regions=("AUS", "CHN", "ROU", "ROW")):
    return balanced(seed, regions, SECTORS, CATEGORIES, stock="INVEN")


def test_a_file_written_by_r():
    """The numbers of make_wiot.R."""
    read = read_wiod2016(WRITTEN_BY_R)
    assert (read.label, read.unit) == ("WIOD 2016 2014", "M USD")
    assert list(read.regions) == ["AUS", "ROU", "ROW"]
    assert list(read.sectors) == ["A01", "C10-C12"]
    assert list(read.categories) == list(CATEGORIES)
    i = np.arange(1, 7)[:, None]
    assert np.array_equal(read.Z.to_numpy(), 10 * i + np.arange(1, 7))
    assert np.array_equal(read.Y.to_numpy(), 100 * i + np.arange(1, 16))
    assert np.array_equal(read.x_given.to_numpy(), read.x.to_numpy())
    assert np.array_equal(read.value_added.to_numpy(), read.x.to_numpy() - read.Z.sum().to_numpy())
    assert read.provenance["files"] == [Files(WRITTEN_BY_R).record(WRITTEN_BY_R.name)]
    assert recognise(Files(WRITTEN_BY_R)) == "WIOD 2016"


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    regions=st.lists(st.sampled_from(["AUS", "CHN", "USA", "ROW"]), min_size=1, unique=True),
)
def test_any_table(tmp_path_factory, seed, regions):
    table = world(seed, regions)
    same_table(read_wiod2016(write_wiod2016_rdata(table, tmp_path_factory.mktemp("r"))), table)


def test_wiod_2013_in_this_layout(shared, tmp_path):
    wiod = read_wiod2013(shared / "wiod2013", 2007)
    table = renamed(wiod, sectors={s: f"C{i + 10}" for i, s in enumerate(wiod.sectors)})
    same_table(read_wiod2016(write_wiod2016_rdata(table, tmp_path)), table)


def test_packed_with_other_years(tmp_path):
    with zipfile.ZipFile(tmp_path / "WIOTS_in_R.zip", "w") as archive:
        archive.write(write_wiod2016_rdata(world(), tmp_path), NAME)
        archive.write(WRITTEN_BY_R, WRITTEN_BY_R.name)
    assert recognise(Files(tmp_path / "WIOTS_in_R.zip")) == "WIOD 2016"
    same_table(read_wiod2016(tmp_path / "WIOTS_in_R.zip", 2010), world())
    write_wiod2016(world(), tmp_path)
    with pytest.raises(SourceError, match=r"RData for 2010: give the path of one"):
        read_wiod2016(tmp_path, 2010)


def put(column, row, value):
    def change(columns):
        columns[column] = list(columns[column])
        columns[column][row] = value

    return change


def swap_columns(one, other):
    def change(columns):
        labels = {one: other, other: one}
        found = [(labels.get(key, key), value) for key, value in columns.items()]
        columns.clear()
        columns.update(found)

    return change


def rows(keep):
    def change(columns):
        for key, values in columns.items():
            columns[key] = [values[i] for i in keep]

    return change


def renamed_column(one, other):
    def change(columns):
        found = [(other if key == one else key, value) for key, value in columns.items()]
        columns.clear()
        columns.update(found)

    return change


MUTATIONS = {
    "no industries": (lambda c: c.pop("IndustryCode"), SourceError, "has no column IndustryCode"),
    "other year": (put("Year", slice(None), [2011.0] * 28), SourceError, "is the table of 2011"),
    "two years": (put("Year", 3, 2011.0), SourceError, "is the table of 2010, 2011 under the name"),
    "cut off": (rows(range(9)), LabelError, "empty or missing"),
    "no output": (rows(range(27)), SourceError, "has no row GO below its nodes"),
    "missing row": (rows([0, *range(2, 28)]), LabelError, "row 2 is 'AUS/c3', but the columns"),
    "swapped rows": (rows([1, 0, *range(2, 28)]), LabelError, "row 1 is 'AUS/c2', but the columns"),
    "swapped columns": (swap_columns("AUS1", "AUS2"), LabelError, "missing or swapped"),
    "swapped uses": (swap_columns("AUS57", "AUS58"), LabelError, "missing or swapped"),
    "use without a name": (renamed_column("AUS61", "AUS62"), LabelError, "the column 'AUS62' is"),
    "column without a region": (renamed_column("AUS1", "V1"), LabelError, "the column 'V1' is no"),
    "unknown region": (renamed_column("AUS1", "XYZ1"), LabelError, "missing or swapped"),
    "text": (
        put("AUS1", slice(None), ["x"] * 28),
        DataError,
        "column AUS1 holds something else than numbers",
    ),
    "NA": (put("AUS1", 3, np.nan), DataError, r"cell F4 is blank"),
    "decimal point": (put("AUS1", 3, 1e7), DataError, "column AUS/A01 is off by"),
    "decimal point in use": (put("AUS57", 3, 1e7), DataError, "row AUS/R_S sums to"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_damaged_table_is_refused(tmp_path, name):
    change, error, message = MUTATIONS[name]
    columns = wiot(world())
    change(columns)
    path = write_wiot(columns, tmp_path / NAME)
    with pytest.raises(error, match=message) as caught:
        read_wiod2016(path)
    assert NAME in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_cut_file_is_refused(tmp_path_factory, data):
    whole = WRITTEN_BY_R.read_bytes()
    path = tmp_path_factory.mktemp("cut") / WRITTEN_BY_R.name
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 9))])
    with pytest.raises(CarbonflowsError, match=r"WIOT2014_October16_ROW[.]RData"):
        read_wiod2016(path)


def test_other_files(tmp_path, monkeypatch):
    path = write_wiot(wiot(world()), tmp_path / NAME, "niot")
    with pytest.raises(SourceError, match="holds niot, no table 'wiot'"):
        read_wiod2016(path)
    path.write_text("<html>not found</html>")
    with pytest.raises(SourceError, match="is a web page, not data"):
        read_wiod2016(path)
    path.write_text("year,region\n")
    assert recognise(Files(path)) is None
    with pytest.raises(SourceError, match="is no file of R: get it again"):
        read_wiod2016(path)
    for module in ("rdata", "rdata.conversion", "rdata.parser"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        SourceError, match=r"install rdata, as with pip install 'carbonflows\[rdata"
    ):
        read_wiod2016(WRITTEN_BY_R)
