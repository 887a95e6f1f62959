"""GLORIA's supply and use tables as one square system; files that do not fit are refused."""

import shutil
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows import memory
from carbonflows.accounts.footprint import footprint
from carbonflows.cli import main
from carbonflows.errors import CarbonflowsError, DataError, LabelError, SourceError, UnitError
from carbonflows.figures.shapes import region_shapes
from carbonflows.solve import Leontief
from carbonflows.sources.archive import Files
from carbonflows.sources.gloria import (
    SOURCE,
    flow_rows,
    read_gloria,
    recognise,
    stream_gloria,
)
from carbonflows.sources.gloria_files import gloria_release, members
from carbonflows.sources.wiod2013 import read_wiod2013
from carbonflows.store import open_table, save_stream, save_table
from sources.layout_gloria import CO2, SATELLITES, readme, supply_and_use, write_gloria
from worlds import random_world

WORLD = random_world(3, 3, 4, inventories=True)
TABLE = supply_and_use(WORLD)
C2F6 = "c2f6_1B1_EDGAR_consistent"


@pytest.fixture(scope="module")
def mock(shared):
    return shared / "layouts" / "gloria_mock"


def same(found, table):
    for part in ("Z", "Y", "x", "value_added"):
        assert np.array_equal(getattr(found, part), getattr(table, part)), part
    one, other = found.extensions["emissions"], table.extensions["emissions"]
    assert one.F.equals(other.F)
    assert one.F_Y.equals(other.F_Y)
    assert one.stressors == (CO2.strip("'"),)


@pytest.mark.parametrize("prices", ["basic", "purchasers"])
def test_toy_files(mock, prices):
    """Numbers as they stand in the csv files."""
    table = read_gloria(mock, prices=prices, emissions=C2F6)
    assert table.label == "GLORIA 059 2022"
    assert table.unit == "thousand USD"
    assert table.price_basis.startswith(f"current {prices}")
    assert list(table.regions) == ["AUS", "AUT", "AZE"]
    sectors = ["Forestry and logging", "Fishing", "Crustaceans and molluscs"]
    assert list(table.sectors) == [
        *(f"Industry: {s}" for s in sectors), *(f"Product: {s}" for s in sectors),
    ]  # fmt: skip
    assert list(table.categories) == [
        "Household final consumption P.3h", "Non-profit institutions serving households P.3n",
    ]  # fmt: skip
    logging, logs = ("AUS", "Industry: " + sectors[0]), ("AUS", "Product: " + sectors[0])
    assert table.Z.loc[logging, logs] == 5295100.0
    assert table.Z.loc[logs, logging] == 1386400.0
    assert table.Z.loc[logs, ("AUT", "Industry: " + sectors[1])] == 3.2977e-06
    assert table.Y.loc[logs].tolist() == [
        100000.0, 45.861, 0.0078036, 0.0056421, 8.8991e-06, 0.10009,
    ]  # fmt: skip
    assert table.value_added[logging] == 1138700.0 + 41387.0
    assert table.value_added[("AZE", "Industry: " + sectors[2])] == 1.7413e-06 + 937.52
    assert table.extensions["emissions"].unit.to_dict() == {C2F6: "kt"}
    assert len(table.provenance["files"]) == 6
    names = [file["name"] for file in table.provenance["files"]]
    assert sum("Markup005" in name for name in names) == (2 if prices == "purchasers" else 0)


def test_toy_files_lack_the_default_row(mock):
    with pytest.raises(SourceError, match=r"has no satellite account 'co2_excl.*: pass emissions="):
        read_gloria(mock)
    assert dict(read_gloria(mock, emissions=False).extensions) == {}


@pytest.mark.parametrize("packed", [False, True])
def test_round_trip(tmp_path, packed):
    write_gloria(tmp_path, TABLE, packed=packed, markups=("001", "005"))
    for prices in ("basic", "purchasers"):
        found = read_gloria(tmp_path, prices=prices)
        same(found, TABLE)
        assert found.nodes.equals(TABLE.nodes)
        assert found.demand.equals(TABLE.demand)
    end = ".zip" if packed else ""
    same(read_gloria(tmp_path / f"GLORIA_MRIOs_59_2022{end}"), TABLE)
    assert found.extensions["emissions"].unit.iloc[0] == "kt CO2"
    read = found.provenance["steps"][0]
    assert read["products made and sold, sum of gaps"] == pytest.approx(0, abs=1e-9)
    assert sum(read["value added"].values()) == pytest.approx(TABLE.value_added.sum())


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 999), m=st.integers(1, 4), g=st.integers(1, 5))
def test_random_tables(tmp_path_factory, seed, m, g):
    table = supply_and_use(random_world(seed, m, g, inventories=bool(seed % 2)))
    same(read_gloria(write_gloria(tmp_path_factory.mktemp("any"), table)), table)


def test_real_table(shared, tmp_path):
    table = supply_and_use(read_wiod2013(shared / "wiod2013", 2007))
    same(read_gloria(write_gloria(tmp_path, table)), table)


def test_the_system_gives_the_footprints_of_the_table_it_was_made_of():
    """Industries and products as nodes: the same accounts as industries alone."""
    one, other = (footprint(Leontief(t))["consumption"] for t in (WORLD, TABLE))
    assert np.abs(one.to_numpy() - 1000 * other.to_numpy()).max() < 1e-6 * one.max()


def test_row_blocks(tmp_path):
    write_gloria(tmp_path, TABLE)
    release = gloria_release(tmp_path, 2022, "basic")
    records = []
    blocks = list(flow_rows(release, records, piece=700))
    assert len(blocks) > 5
    assert [start for start, _ in blocks][:1] == [0]
    ends = np.cumsum([len(rows) for _, rows in blocks]).tolist()
    assert [start for start, _ in blocks][1:] == ends[:-1]
    assert np.array_equal(np.concatenate([rows for _, rows in blocks]), TABLE.Z)
    files, name, _ = release.place("T")
    assert records == [files.record(name)]


def saved_bytes(path):
    return {str(f.relative_to(path)): f.read_bytes() for f in path.rglob("*") if f.is_file()}


@pytest.mark.parametrize("packed", [False, True])
def test_passing_by_gives_the_same_bytes(tmp_path, packed):
    folder = write_gloria(tmp_path / "gloria", TABLE, packed=packed)
    whole = saved_bytes(save_table(SOURCE.table(folder), tmp_path / "whole.zarr"))
    stream = SOURCE.blocks(folder)
    assert saved_bytes(save_stream(stream, tmp_path / "one.zarr")) == whole
    assert saved_bytes(save_stream(stream, tmp_path / "again.zarr")) == whole
    for source in ("gloria", "auto"):
        out = tmp_path / f"{source}.zarr"
        with pytest.raises(SystemExit) as ended:
            main(["import", source, str(folder), str(out), "--year", "2022"])
        assert ended.value.code == 0
        assert saved_bytes(out) == whole
    table = open_table(tmp_path / "auto.zarr")
    same(table, TABLE)
    assert len(table.provenance["files"]) == 6


def test_import_never_holds_the_whole(tmp_path, monkeypatch):
    """Where the flows do not fit, reading says so before it reads, and importing works."""
    folder = write_gloria(tmp_path / "gloria", TABLE)
    monkeypatch.setattr(memory, "available_memory", lambda: 8 * 24 * 24 - 1)
    small = csv(folder, "V").read_text()
    csv(folder, "V").write_text("not looked at")
    with pytest.raises(
        SourceError,
        match=r"^GLORIA 059 with its 24 × 24 flows needs .* GB: save it with 'carbonflows import "
        r"gloria .*gloria OUT', which needs less than 1 GB$",
    ):
        read_gloria(folder)
    csv(folder, "V").write_text(small)
    out = tmp_path / "out.zarr"
    with pytest.raises(SystemExit) as ended:
        main(["import", "gloria", str(folder), str(out)])
    assert ended.value.code == 0
    monkeypatch.undo()
    same(open_table(out), TABLE)


def test_transactions_are_checked_while_they_pass(tmp_path):
    folder = write_gloria(tmp_path / "gloria", TABLE)
    spoil(folder, "T", put(9, 3, "5"))
    stream = stream_gloria(folder)
    with pytest.raises(DataError, match="line 10: industries buy from industries"):
        save_stream(stream, tmp_path / "out.zarr")
    assert [p.name for p in tmp_path.iterdir()] == ["gloria"]
    spoil(folder, "Y", put(2, 1, "7"))
    with pytest.raises(DataError, match="line 3: final demand buys from an industry"):
        stream_gloria(folder)


def test_emission_rows_by_name(tmp_path):
    write_gloria(tmp_path, TABLE)
    found = read_gloria(tmp_path, emissions="Emissions (EDGAR) | GHG_total_EDGAR_consistent")
    own = found.extensions["emissions"]
    assert own.unit.to_dict() == {"GHG_total_EDGAR_consistent": "kt CO2eq"}
    assert own.F_Y.to_numpy().tolist() == [[4.0] * len(TABLE.demand)]
    with pytest.raises(SourceError, match=r"'co2_total': pass emissions= one of its 5 indicators"):
        read_gloria(tmp_path, emissions="co2_total")
    twice = (*SATELLITES[:4], ("Emissions (OECD)", CO2, "kilotonnes"))
    readme(tmp_path / "GLORIA_ReadMe_059.xlsx", TABLE, satellites=twice)
    with pytest.raises(
        SourceError, match=r"has 2 rows 'co2_excl.*: say Emissions \(EDGAR\) \| co2"
    ):
        read_gloria(tmp_path)
    same(read_gloria(tmp_path, emissions=f"Emissions (EDGAR) | {CO2}"), TABLE)
    no_mass = (*SATELLITES[:2], ("Energy", CO2, "TJ"), *SATELLITES[3:])
    readme(tmp_path / "GLORIA_ReadMe_059.xlsx", TABLE, satellites=no_mass)
    with pytest.raises(UnitError, match="in 'TJ', which is no mass: choose another row"):
        read_gloria(tmp_path)


def test_recognised(tmp_path, mock):
    assert recognise(Files(mock)) == "GLORIA 059"
    write_gloria(tmp_path, TABLE, release="057", year=2010, packed=True)
    assert recognise(Files(tmp_path)) == "GLORIA 057"
    assert recognise(Files(tmp_path / "GLORIA_MRIOs_57_2010.zip")) == "GLORIA 057"
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "T.csv").touch()
    assert recognise(Files(tmp_path / "own")) is None
    assert SOURCE.read is read_gloria
    assert SOURCE.stream is stream_gloria


def test_years_and_releases(tmp_path):
    write_gloria(tmp_path, TABLE, year=2010)
    write_gloria(tmp_path, TABLE, year=2011)
    assert read_gloria(tmp_path, 2010).year == 2010
    assert read_gloria(tmp_path / "GLORIA_MRIOs_59_2011").year == 2011
    with pytest.raises(SourceError, match="has no year 2012: there are 2010, 2011"):
        read_gloria(tmp_path, 2012)
    with pytest.raises(SourceError, match="holds the years 2010, 2011: say which one"):
        read_gloria(tmp_path)
    write_gloria(tmp_path, TABLE, year=2011, release="057")
    with pytest.raises(SourceError, match="holds the releases 057, 059 for 2011: keep one in one"):
        read_gloria(tmp_path, 2011)
    assert read_gloria(tmp_path, 2010).name == "GLORIA 059"
    write_gloria(tmp_path, TABLE, year=2010, date="20240110")
    with pytest.raises(SourceError, match=r"holds 2 files for the .*: keep one"):
        read_gloria(tmp_path, 2010)


def test_release_with_a_letter(tmp_path):
    write_gloria(tmp_path, TABLE)
    plain = tmp_path / "GLORIA_ReadMe_059.xlsx"
    shutil.copyfile(plain, tmp_path / "GLORIA_ReadMe_059a.xlsx")
    with pytest.raises(SourceError, match=r"expected GLORIA_ReadMe_059\.xlsx alone"):
        read_gloria(tmp_path)
    plain.unlink()
    assert read_gloria(tmp_path).name == "GLORIA 059a"


def csv(folder, kind, markup="001"):
    (found,) = folder.rglob(f"*_{kind}-Results_2022_059_Markup{markup}*")
    return found


def test_missing_files(tmp_path):
    write_gloria(tmp_path, TABLE)
    with pytest.raises(SourceError, match=r"no transactions in purchasers prices .*Markup005"):
        read_gloria(tmp_path, prices="purchasers")
    with pytest.raises(SourceError, match="prices='producers' is unknown: use 'basic' or"):
        read_gloria(tmp_path, prices="producers")
    for kind, way_out in (("YQ", "or pass emissions=False"), ("TQ", "or pass"), ("V", "add it")):
        csv(tmp_path, kind).unlink()
        with pytest.raises(SourceError, match=rf"lacks the .* {kind} .*: .*{way_out}"):
            read_gloria(tmp_path)
    (tmp_path / "GLORIA_ReadMe_059.xlsx").rename(tmp_path / "GLORIA_ReadMe_058.xlsx")
    with pytest.raises(
        SourceError, match=r"has GLORIA_ReadMe_058\.xlsx, expected GLORIA_ReadMe_059"
    ):
        read_gloria(tmp_path)
    with pytest.raises(SourceError, match="nowhere does not exist: check the path"):
        read_gloria(tmp_path / "nowhere")


def spoil(folder, kind, change):
    path = csv(folder, kind)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(change(lines)) + "\n")


def put(line, column, text):
    def change(lines):
        cells = lines[line].split(",")
        cells[column] = text
        lines[line] = ",".join(cells)
        return lines

    return change


@pytest.mark.parametrize(
    ("kind", "change", "error", "message"),
    [
        ("T", lambda x: x[:-3], SourceError, "has 21 lines, its labels say 24: it is cut off"),
        ("T", lambda x: [*x, x[-1]], SourceError, "has more than 24 lines: its labels do not"),
        ("T", lambda x: [r.rsplit(",", 1)[0] for r in x], SourceError, "line 1 has 23 cells, 24"),
        ("T", lambda x: [r + ",0" for r in x], SourceError, "line 1 has 25 cells, 24 were"),
        ("T", lambda x: [*x[:5], x[5][:9]], SourceError, "line 6 has .* cells"),
        ("T", put(6, 2, "n/a"), DataError, "line 7, column 3 is 'n/a', not a number"),
        ("T", put(6, 2, ""), DataError, "line 7, column 3 is empty"),
        ("T", put(6, 2, "nan"), DataError, "line 7, column 3 is 'nan', not a number"),
        ("T", put(0, 1, "5"), DataError, "line 1: industries buy from industries"),
        ("T", put(9, 3, "5"), DataError, "line 10: industries buy from industries"),
        ("T", put(5, 7, "5"), DataError, "line 6: products from products"),
        ("T", lambda x: x[4:] + x[:4], DataError, "line 1: products from|line .*: industries buy"),
        ("Y", put(2, 1, "7"), DataError, "line 3: final demand buys from an industry"),
        ("Y", lambda x: x[:-1], SourceError, "has 23 lines, its labels say 24"),
        ("Y", put(5, 0, "1,5"), SourceError, "line 6 has 7 cells, 6 were expected"),
        ("V", lambda x: x[:-1], SourceError, "has 5 lines, its labels say 6"),
        ("V", put(0, 5, "3"), DataError, r"products have value added \(from column 5 on\)"),
        ("V", put(1, 2, "x"), DataError, "line 2, column 3 is 'x'"),
        ("TQ", lambda x: x[:-1], SourceError, "has 4 lines, its labels say 5"),
        ("TQ", lambda x: [*x, x[0]], SourceError, "has 6 lines, its labels say 5"),
        ("TQ", put(2, 1, "x"), DataError, "line 3, column 2 is 'x', not a number"),
        ("TQ", put(2, 6, "3"), DataError, "products have co2_excl"),
        ("YQ", lambda x: [r.rsplit(",", 1)[0] for r in x], SourceError, "line 3 has 5 cells"),
        ("YQ", lambda x: ["<html>", *x], SourceError, "is a web page, not data: download"),
        ("T", lambda x: ["<!DOCTYPE html>", *x], SourceError, "is a web page, not data: download"),
        ("T", lambda x: [], SourceError, "line 1|has 0 lines"),
    ],
)  # fmt: skip
def test_refused(tmp_path, kind, change, error, message):
    write_gloria(tmp_path, TABLE)
    spoil(tmp_path, kind, change)
    with pytest.raises(error, match=message) as caught:
        read_gloria(tmp_path)
    assert csv(tmp_path, kind).name in str(caught.value)


def test_other_encoding(tmp_path):
    write_gloria(tmp_path, TABLE)
    path = csv(tmp_path, "T")
    path.write_bytes(path.read_text().encode("utf-16"))
    with pytest.raises(CarbonflowsError, match=r"T-Results.* line 1 (is not UTF-8|has .* cells)"):
        read_gloria(tmp_path)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"Regions": None}, SourceError, "has no sheet 'Regions' .it has Sectors, Value added"),
        ({"Sectors": [["Name"], ["a"]]}, SourceError, "'Sectors' has no columns Sector_names"),
        (
            {"Regions": [["Region_acronyms"], ["r1"], ["r2"], ["r1"]]}, LabelError,
            "sheet 'Regions', column 'Region_acronyms' has r1 twice or empty",
        ),
        (
            {"Regions": [["Region_acronyms"], ["r1"], ["r2"]]}, SourceError,
            "Y-Results.* line 1 has 6 cells, 4 were expected",
        ),
        (
            {"Regions": [["Region_acronyms"], ["r1"], ["r2"], ["r3"], ["r4"]]}, SourceError,
            "Y-Results.* line 1 has 6 cells, 8 were expected",
        ),
        (
            {"Sectors": [["Sector_names"], ["a"], ["b"], ["c"]]}, SourceError,
            "Y-Results.* has more than 18 lines",
        ),
        ({"Sectors": [["Sector_names"]]}, LabelError, "column 'Sector_names' has nothing"),
    ],
)  # fmt: skip
def test_labels_refused(tmp_path, changes, error, message):
    write_gloria(tmp_path, TABLE)
    readme(tmp_path / "GLORIA_ReadMe_059.xlsx", TABLE, **changes)
    with pytest.raises(error, match=message):
        read_gloria(tmp_path)


def test_labels_that_are_no_workbook(tmp_path):
    write_gloria(tmp_path, TABLE)
    (tmp_path / "GLORIA_ReadMe_059.xlsx").write_bytes(b"PK")
    with pytest.raises(SourceError, match=r"GLORIA_ReadMe_059\.xlsx is not a complete Excel"):
        read_gloria(tmp_path)


def test_archive_with_an_entry_outside_itself(tmp_path):
    write_gloria(tmp_path, TABLE)
    with zipfile.ZipFile(tmp_path / "GLORIA_MRIOs_59_2021.zip", "w") as archive:
        archive.writestr("../T.csv", b"1")
    with pytest.raises(SourceError, match=r"has an entry outside itself \(\.\./T\.csv\)"):
        read_gloria(tmp_path, 2022)


def test_damaged_archive(tmp_path):
    write_gloria(tmp_path, TABLE, packed=True)
    path = tmp_path / "GLORIA_MRIOs_59_2022.zip"
    data = bytearray(path.read_bytes())
    data[200] ^= 255
    path.write_bytes(bytes(data))
    with pytest.raises(CarbonflowsError, match=r"GLORIA_MRIOs_59_2022\.zip"):
        read_gloria(tmp_path)
    path.write_bytes(bytes(data[:-50]))
    with pytest.raises(SourceError, match="is not a sound zip archive"):
        read_gloria(tmp_path)


def test_rests_hold_the_other_countries_of_their_continent():
    found = members(("DEU", "CHN", "AUS", "EGY", "USA", "XAF", "XAM", "XAS", "XEU"))
    assert {"FJI", "JPN"} < set(found["XAS"])
    assert "CHN" not in found["XAS"]
    assert {"CAN", "BRA"} < set(found["XAM"])
    shapes = region_shapes(
        {r: [*codes, *(["*"] if r == "XAF" else [])] for r, codes in found.items()}
    )
    assert len(shapes) == 9
    assert members(("AUS", "AUT")) == {"AUS": ("AUS",), "AUT": ("AUT",)}
