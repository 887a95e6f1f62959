"""Any table comes in through the plain layout, or is refused with file, line and way out."""

import json
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import (
    CarbonflowsError,
    DataError,
    LabelError,
    ShapeError,
    SourceError,
    StoreError,
)
from carbonflows.sources import read
from carbonflows.sources.plain import read_plain, write_plain
from carbonflows.store import table_hash
from carbonflows.table import Extension, IOTable, two_regions

FILES = {
    "table.toml": 'unit = "M USD"\nyear = 2012\n[members]\nCHN = ["CHN"]\nIND = ["*"]\n',
    "Z.csv": ",,CHN,CHN,IND\nregion,sector,farm,steel,farm\n"
    "CHN,farm,1,2,0\nCHN,steel,3,4,0.5\nIND,farm,0,0,6\n",
    "Y.csv": ",,CHN,IND\nregion,sector,final,final\nCHN,farm,7,1\nCHN,steel,8,1\nIND,farm,0,9\n",
    "F.csv": ",,CHN,CHN,IND\nstressor,unit,farm,steel,farm\nCO2,kt CO2,5,6,7\n",
    "F_Y.csv": ",CHN,IND\nstressor,final,final\nCO2,1,2\n",
}


@pytest.fixture
def folder(tmp_path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)


def change(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))


def test_the_layout_of_the_documentation(folder):
    table = read("plain", folder, year=2012)
    assert table.nodes.tolist() == [("CHN", "farm"), ("CHN", "steel"), ("IND", "farm")]
    assert table.Z.to_numpy().tolist() == [[1, 2, 0], [3, 4, 0.5], [0, 0, 6]]
    assert table.x.tolist() == [11, 16.5, 15]
    assert (table.unit, table.year, dict(table.members)) == (
        "M USD",
        2012,
        {"CHN": ("CHN",), "IND": ("*",)},
    )
    co2 = table.extensions["emissions"]
    assert co2.F.loc["CO2"].tolist() == [5, 6, 7]
    assert co2.F_Y.loc["CO2"].tolist() == [1, 2]
    assert co2.unit.to_dict() == {"CO2": "kt CO2"}
    names = [file["name"] for file in table.provenance["files"]]
    assert names == ["table.toml", "Z.csv", "Y.csv", "F.csv", "F_Y.csv"]


labels = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp"), exclude_characters="|\ufeff"),
    min_size=1,
    max_size=5,
)
values = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)


@st.composite
def tables(draw: st.DrawFn) -> IOTable:
    regions = draw(st.lists(labels, min_size=1, max_size=3, unique=True))
    sectors = {r: draw(st.lists(labels, min_size=1, max_size=2, unique=True)) for r in regions}
    nodes = pd.MultiIndex.from_tuples([(r, s) for r in regions for s in sectors[r]])
    demand = pd.MultiIndex.from_product([regions, draw(st.lists(labels, min_size=1, max_size=1))])
    stressors = draw(st.lists(labels, min_size=1, max_size=2, unique=True))

    def frame(index, columns) -> pd.DataFrame:
        size = len(index) * len(columns)
        cells = draw(st.lists(values, min_size=size, max_size=size))
        return pd.DataFrame(np.reshape(cells, (len(index), len(columns))), index, columns)

    output = frame(["x"], nodes).iloc[0] if draw(st.booleans()) else None
    return IOTable(
        frame(nodes, nodes) / 1e3,
        frame(nodes, demand) / 1e3,
        extensions=Extension(
            frame(stressors, nodes),
            frame(stressors, demand) if draw(st.booleans()) else None,
            unit={s: draw(st.sampled_from(["kt CO2", "TJ"])) for s in stressors},
            name=draw(labels),
            source=draw(labels),
        ),
        x=output,
        value_added=frame(["v"], nodes).iloc[0] if draw(st.booleans()) else None,
        output="given" if output is not None and draw(st.booleans()) else "rows",
        unit="10^4 CNY",
        year=draw(st.none() | st.integers(1900, 2100)),
        price_basis=draw(labels),
        name=draw(labels),
        source=draw(labels),
        members={r: draw(st.lists(labels, max_size=2)) for r in regions},
    )


@settings(max_examples=40, deadline=None)
@given(table=tables(), format=st.sampled_from(["csv", "parquet"]))
def test_round_trip_is_exact(table, format):
    with tempfile.TemporaryDirectory() as parent:
        again = read_plain(write_plain(table, Path(parent) / "table", format))
    assert table_hash(again) == table_hash(table)
    for part in ("year", "name", "source", "price_basis", "currency", "output"):
        assert getattr(again, part) == getattr(table, part), part
    assert dict(again.members) == dict(table.members)
    one, other = *table.extensions.values(), *again.extensions.values()
    assert (one.name, one.source, one.has_final) == (other.name, other.source, other.has_final)


@pytest.mark.parametrize("named", [True, False])
def test_what_pandas_writes(folder, named):
    table = read_plain(folder)
    co2 = table.extensions["emissions"]
    frames = {"Z": table.Z, "Y": table.Y, "F": co2.F, "F_Y": co2.F_Y}
    for name, frame in frames.items():
        if not named:
            frame = frame.rename_axis(index=[None] * frame.index.nlevels)
        frame.to_csv(folder / f"{name}.csv")
    change(folder, "table.toml", "[members]", '[stressors]\nCO2 = "kt CO2"\n[members]')
    assert table_hash(read_plain(folder)) == table_hash(table)


def test_what_pandas_writes_as_parquet(folder):
    table = read_plain(folder)
    for name in ("Z", "Y"):
        getattr(table, name).reset_index().pipe(
            lambda f: f.set_axis([str(c) if c[1] else c[0] for c in f.columns], axis=1)
        ).to_parquet(folder / f"{name}.parquet")
        (folder / f"{name}.csv").unlink()
    assert "('CHN', 'farm')" in pd.read_parquet(folder / "Z.parquet").columns
    assert table_hash(read_plain(folder)) == table_hash(table)


def test_written_elsewhere(folder):
    """A byte order mark, Windows line ends, spaces, quotes and another order change nothing."""
    table = read_plain(folder)
    change(folder, "Z.csv", "CHN,steel,3,4,0.5\nIND,farm,0,0,6\n", "IND,farm, 0,0,6 \n")
    with open(folder / "Z.csv", "a") as file:
        file.write('"CHN","steel",3.0,"4",5e-1\n')
    text = (folder / "Z.csv").read_text().replace("\n", "\r\n")
    (folder / "Z.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    again = read_plain(folder)
    assert again.nodes.tolist() == [("CHN", "farm"), ("IND", "farm"), ("CHN", "steel")]
    assert again.Z.loc[table.nodes, table.nodes].equals(table.Z)


def test_json_metadata(folder):
    (folder / "table.toml").unlink()
    write(folder, "table.json", json.dumps({"unit": "M EUR", "year": 2012}))
    assert read_plain(folder).currency == "EUR"


def test_a_folder_per_year(folder, tmp_path_factory):
    years = tmp_path_factory.mktemp("years")
    for year in (2011, 2012):
        shutil.copytree(folder, years / str(year))
        change(years / str(year), "table.toml", "2012", str(year))
    assert read_plain(years, 2011).year == 2011
    with pytest.raises(SourceError, match="has no year 2010: there are 2011, 2012"):
        read_plain(years, 2010)
    with pytest.raises(SourceError, match="holds the years 2011, 2012: say which one"):
        read_plain(years)


def test_the_name_of_a_folder_is_the_year(folder, tmp_path_factory):
    years = tmp_path_factory.mktemp("years")
    change(folder, "table.toml", "year = 2012\n", "")
    shutil.copytree(folder, years / "2011")
    assert read_plain(years).year == 2011
    change(years / "2011", "table.toml", "[members]", "year = 2012\n[members]")
    with pytest.raises(SourceError, match="2011 holds the year 2012, not 2011: ask for 2012"):
        read_plain(years)


def test_members_must_be_lists(folder):
    change(folder, "table.toml", '["CHN"]', '"CHN"')
    with pytest.raises(SourceError, match=r"members is .*; expected a table of lists of ISO3"):
        read_plain(folder)


def test_empty_lines_at_the_end(folder):
    table = read_plain(folder)
    with open(folder / "Z.csv", "a") as file:
        file.write("\n\n")
        file.write(",,,,\n")
    assert table_hash(read_plain(folder)) == table_hash(table)


def test_semicolons(folder):
    write(folder, "Z.csv", FILES["Z.csv"].replace(",", ";"))
    with pytest.raises(SourceError, match=r"Z.csv: the second line begins 'region;sector;farm"):
        read_plain(folder)


def test_year_that_is_not_there(folder):
    with pytest.raises(SourceError, match="holds the year 2012, not 2013: ask for 2012"):
        read_plain(folder, 2013)


@pytest.mark.parametrize("name", ["Z", "Y", "F"])
def test_missing_file(folder, name):
    (folder / f"{name}.csv").unlink()
    with pytest.raises(SourceError, match=rf"has no {name}.csv or {name}.parquet: add it"):
        read_plain(folder)


def test_missing_folder_and_metadata(folder):
    with pytest.raises(SourceError, match="is not a folder with Z, Y and F; check the path"):
        read_plain(folder / "Z.csv")
    (folder / "table.toml").unlink()
    with pytest.raises(SourceError, match=r'has no table.toml: add one with .*unit = "M USD"'):
        read_plain(folder)


def test_two_files_for_one(folder):
    (folder / "F.parquet").touch()
    with pytest.raises(SourceError, match=r"has both F.csv and F.parquet: keep one"):
        read_plain(folder)


@pytest.mark.parametrize(
    ("name", "old", "new", "error", "message"),
    [
        # cells
        (
            "Z.csv",
            "3,4,0.5",
            "3,,0.5",
            DataError,
            r"line 4 \(CHN/steel\), column CHN/steel is empty",
        ),
        ("Z.csv", "3,4,0.5", "3,4", DataError, r"line 4 \(CHN/steel\), column IND/farm is empty"),
        (
            "Z.csv",
            "3,4,0.5",
            "3,NaN,0.5",
            DataError,
            r"line 4 .* is NaN or infinite: write a number",
        ),
        (
            "Z.csv",
            "3,4,0.5",
            "3,inf,0.5",
            DataError,
            r"line 4 \(CHN/steel\), column CHN/steel is NaN",
        ),
        ("Z.csv", "3,4,0.5", "3,n.a.,0.5", DataError, r"line 4 .* is 'n.a.', not a number: write"),
        (
            "Z.csv",
            "3,4,0.5",
            "3,4,0.5,1",
            SourceError,
            r"line 4 has 6 cells, the header has 5: add or remove",
        ),
        ("F.csv", "5,6,7", "5,,7", DataError, r"F.csv: line 3 \(CO2\), column CHN/steel is empty"),
        ("F_Y.csv", "1,2", "1,x", DataError, r"F_Y.csv: line 3 \(CO2\), column IND/final is 'x'"),
        # labels
        (
            "Z.csv",
            "CHN,steel,3",
            "CHN,farm,3",
            LabelError,
            "the row CHN/farm occurs twice: keep one",
        ),
        (
            "Z.csv",
            "farm,steel,farm",
            "farm,farm,farm",
            LabelError,
            "the column CHN/farm occurs twice",
        ),
        (
            "Z.csv",
            "CHN,steel,3",
            "CHN,stele,3",
            LabelError,
            "they lack CHN/stele and have CHN/steel",
        ),
        (
            "Z.csv",
            "CHN,steel,3",
            ",steel,3",
            LabelError,
            r"Z.csv: line 4 has no region: fill it in",
        ),
        ("Z.csv", "CHN,CHN,IND", "CHN,,IND", LabelError, "column 4 has no region in the header"),
        ("Z.csv", "steel,farm", "steel,", LabelError, "column 5 has no sector or category in"),
        (
            "Y.csv",
            "IND,farm,0,9\n",
            "",
            LabelError,
            "labels of Y rows do not match .* lack IND/farm",
        ),
        ("Y.csv", ",,CHN,IND", ",,CHN,INX", LabelError, "regions of Y's columns do not match"),
        ("F.csv", "CHN,CHN,IND", "CHN,CHN,INX", LabelError, "emissions: F columns do not match"),
        (
            "F_Y.csv",
            "CO2",
            "CO3",
            LabelError,
            "emissions: F_Y do not match those of F: they lack CO2",
        ),
        # shapes and headers
        ("Z.csv", "CHN,CHN,IND\n", "CHN,CHN\n", SourceError, "header lines have 4 and 5 cells"),
        ("Z.csv", "IND,farm,0,0,6\n", "", ShapeError, "Z has 2 rows and 3 columns: it must be"),
        (
            "Z.csv",
            "region,sector",
            "country,industry",
            SourceError,
            "begins 'country,industry,farm', ex",
        ),
        ("F.csv", "stressor,unit", "name,unit", SourceError, "expected the index columns stressor"),
        # metadata
        (
            "table.toml",
            'unit = "M USD"',
            "",
            LabelError,
            "states no unit of money: add a line like",
        ),
        (
            "table.toml",
            "unit =",
            "units =",
            SourceError,
            "unknown key 'units'; did you mean 'unit'",
        ),
        ("table.toml", "2012", "'2012'", SourceError, "year is '2012'; expected a whole number"),
        (
            "table.toml",
            "2012",
            "= 2012",
            SourceError,
            r"table.toml cannot be read .*line 2.*: correct it",
        ),
        ("table.toml", 'CHN = ["CHN"]', "", LabelError, "labels of members .* they lack CHN"),
        ("table.toml", "year", 'currency = "CNY"\nyear', LabelError, "currency 'CNY' contradicts"),
        (
            "table.toml",
            "[members]",
            '[stressors]\nCH4 = "kt"\n[members]',
            LabelError,
            "has 'CH4', wh",
        ),
        (
            "table.toml",
            "[members]",
            '[stressors]\nCO2 = "t"\n[members]',
            LabelError,
            "in 't', but in",
        ),
        (
            "table.toml",
            "[members]",
            "[extension]\nunit = 't'\n[members]",
            SourceError,
            "key 'unit' in",
        ),
    ],
)
def test_bad_input_names_the_culprit(folder, name, old, new, error, message):
    change(folder, name, old, new)
    with pytest.raises(error, match=message) as caught:
        read_plain(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_units_that_differ(folder):
    write(folder, "F_Y.csv", ",,CHN,IND\nstressor,unit,final,final\nCO2,Mt CO2,1,2\n")
    with pytest.raises(LabelError, match=r"CO2 is in 'Mt CO2', but in 'kt CO2' in F.csv: use one"):
        read_plain(folder)


def test_no_unit(folder):
    write(folder, "F.csv", ",CHN,CHN,IND\nstressor,farm,steel,farm\nCO2,5,6,7\n")
    with pytest.raises(LabelError, match=r"F.csv: no unit for CO2; add a column 'unit', or"):
        read_plain(folder)


def test_empty_unit(folder):
    change(folder, "F.csv", "kt CO2", "")
    with pytest.raises(LabelError, match=r"F.csv: line 3 has no unit: fill it in"):
        read_plain(folder)


@pytest.mark.parametrize("content", [b"", b"region,sector\n", b"\xff\xfe\x00,\n\xff,\n\xff\n"])
def test_files_that_are_no_table(folder, content):
    (folder / "Z.csv").write_bytes(content)
    with pytest.raises(SourceError, match=r"Z.csv (has \d line|is not UTF-8)"):
        read_plain(folder)


def parquet(folder: Path, **columns: object) -> None:
    (folder / "Z.csv").unlink(missing_ok=True)
    base = {
        "region": ["CHN", "CHN", "IND"],
        "sector": ["farm", "steel", "farm"],
        "CHN|farm": [1.0, 3.0, 0.0],
        "CHN|steel": [2, 4, 0],
        "IND|farm": [0.0, 0.5, 6.0],
    }
    kept = {key: value for key, value in (base | columns).items() if value is not None}
    pd.DataFrame(kept).to_parquet(folder / "Z.parquet")


def test_parquet_among_csv(folder):
    table = read_plain(folder)
    parquet(folder)
    assert table_hash(read_plain(folder)) == table_hash(table)


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"sector": None}, SourceError, "lacks the columns region,sector: add them"),
        ({"CHN|farm": None, "farm": [1.0, 3, 0]}, LabelError, "'farm' is not of the form"),
        ({"CHN|farm": ["1", "3", "0"]}, DataError, "is of the kind String, not a number"),
        ({"CHN|steel": [2.0, np.nan, 0]}, DataError, r"row 2 \(CHN/steel\), column CHN.steel is"),
        ({"region": ["CHN", "CHN", None]}, LabelError, "row 3 has no region: fill it in"),
    ],
)
def test_bad_parquet(folder, columns, error, message):
    parquet(folder, **columns)
    with pytest.raises(error, match=message) as caught:
        read_plain(folder)
    assert "Z.parquet" in str(caught.value)


def test_truncated_parquet(folder):
    parquet(folder)
    whole = (folder / "Z.parquet").read_bytes()
    (folder / "Z.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"Z.parquet is not a complete Parquet file"):
        read_plain(folder)


def test_writing_refuses_what_it_cannot_hold(tmp_path):
    table = two_regions()
    (tmp_path / "there").mkdir()
    with pytest.raises(StoreError, match="there exists: choose another name"):
        write_plain(table, tmp_path / "there")
    with pytest.raises(StoreError, match="has 0 extensions, the plain layout holds one"):
        write_plain(table.replace(extensions=[]), tmp_path / "new")
    with pytest.raises(StoreError, match="format 'xlsx' is not known: use 'csv' or 'parquet'"):
        write_plain(table, tmp_path / "new", "xlsx")
    with pytest.raises(CarbonflowsError, match="nowhere is not a folder"):
        write_plain(table, tmp_path / "nowhere" / "new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["there"]


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_written_folder_is_a_data_package(folder, tmp_path_factory, format):
    """Each file as its resource says: path, joined header lines, one field per column, one key."""
    path = write_plain(read_plain(folder), tmp_path_factory.mktemp("p") / "t", format)
    package = json.loads((path / "datapackage.json").read_text(encoding="utf-8"))
    assert package["name"] == "table-2012"
    resources = {resource["path"]: resource for resource in package["resources"]}
    assert {*resources, "datapackage.json"} == {p.name for p in path.iterdir()}
    assert len({r["name"] for r in package["resources"]}) == len(resources)
    for name, resource in resources.items():
        assert re.fullmatch(r"[a-z0-9._-]+", resource["name"])
        if name == "table.toml":
            continue
        fields = resource["schema"]["fields"]
        names = [field["name"] for field in fields]
        kinds = [field["type"] for field in fields]
        if format == "parquet":
            frame = pd.read_parquet(path / name)
            found = list(frame.columns)
            keys = frame[resource["schema"]["primaryKey"]]
        else:
            lines = [line.split(",") for line in (path / name).read_text().splitlines()]
            head = resource["dialect"]["headerRows"]
            found = [
                resource["dialect"]["headerJoin"].join(c)
                for c in zip(*lines[: len(head)], strict=True)
            ]
            keys = pd.DataFrame(lines[len(head) :], columns=names)[resource["schema"]["primaryKey"]]
        assert found == names
        assert not keys.duplicated().any()
        texts = 2
        assert kinds == ["string"] * texts + ["number"] * (len(names) - texts)


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_read_and_written_again_gives_the_same_files(folder, tmp_path, format):
    once = write_plain(read_plain(folder), tmp_path / "once", format)
    again = write_plain(read_plain(once), tmp_path / "again", format)
    assert {p.name: p.read_bytes() for p in once.iterdir()} == {
        p.name: p.read_bytes() for p in again.iterdir()
    }


def test_the_description_is_not_read(folder, tmp_path):
    path = write_plain(read_plain(folder), tmp_path / "t")
    (path / "datapackage.json").write_text("not even JSON")
    assert table_hash(read_plain(path)) == table_hash(read_plain(folder))
