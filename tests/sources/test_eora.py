"""The reader of the full Eora: exact round trips, supply and use tables, and damaged files."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonflows.accounts.flows import flows
from carbonflows.errors import CarbonflowsError, DataError, LabelError, SourceError, UnitError
from carbonflows.solve import Leontief
from carbonflows.sources.archive import Files
from carbonflows.sources.eora import SOURCE, read_eora
from carbonflows.sources.eora_flows import EoraFlows, _added
from carbonflows.table import IOTable
from sources.layout_eora import mixed, write_eora, write_index
from worlds import random_world

GIVEN = {"unit": "M USD"}
LOOSE = {"packed": False}


def small(seed: int = 1, regions: int = 4, sectors: int = 3, sut: int = 2) -> IOTable:
    """Regions with and without supply and use tables, in turn."""
    world = random_world(seed, regions, sectors, inventories=True, emission_unit="Gg CO2")
    return mixed(world, [f"r{i + 1}" for i in range(0, regions, 2)][:sut])


def same(found: IOTable, expected: IOTable) -> None:
    """The same labels and exactly the same numbers."""
    pd.testing.assert_frame_equal(found.Z, expected.Z, check_exact=True)
    pd.testing.assert_frame_equal(found.Y, expected.Y, check_exact=True)
    ours, theirs = found.extensions["emissions"], expected.extensions["emissions"]
    np.testing.assert_array_equal(ours.F.to_numpy(), theirs.F.to_numpy())
    np.testing.assert_array_equal(ours.F_Y.to_numpy(), theirs.F_Y.to_numpy())


def outside_of(table: IOTable) -> dict[str, np.ndarray | float]:
    """Discrepancies that are bought where they are sold."""
    rng = np.random.default_rng(0)
    n, q = len(table.nodes), len(table.demand)
    row, column, bought = rng.uniform(0, 2, n), rng.uniform(0, 2, n), rng.uniform(0, 1, n)
    sold = rng.uniform(-1, 1, q)
    return {
        "row": row, "column": column, "own": 3.0, "sold": sold, "bought": bought,
        "added": row.sum() + sold.sum() - column.sum(), "emitted": 5.0,
    }  # fmt: skip


# Round trips

LAYOUTS: dict[str, dict[str, object]] = {
    "as downloaded": {},
    "loose": LOOSE,
    "other names": {"names": "20170911_Mother_AllCountries_001_{kind}-Results_{year}_238_Mark"
                    "up{markup:03d}(full).csv"},
    "short names in folders": {"names": "Eora_{year}_basic/{kind}.csv", **LOOSE},
    "names of users": {"names": "{year}_eora_{kind}.csv", **LOOSE},
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("seed", range(4))
def test_round_trip(tmp_path: Path, seed: int, layout: str) -> None:
    rng = np.random.default_rng(seed)
    table = small(seed, int(rng.integers(1, 6)), int(rng.integers(1, 5)))
    path = write_eora(table, tmp_path / "e", **LAYOUTS[layout])  # type: ignore[arg-type]
    found = read_eora(path, **GIVEN)
    same(found, table)
    assert (found.year, found.price_basis) == (2013, "current basic prices")
    np.testing.assert_allclose(found.value_added, table.value_added, rtol=1e-12)
    assert len(found.provenance["files"]) == 8
    assert found.provenance["warnings"] == []
    assert found.provenance["steps"][0]["supply to others than commodities"] == 0
    assert SOURCE.recognise(Files(path)) == "Eora 2013"


def test_what_is_recorded(tmp_path: Path) -> None:
    table = small()
    found = read_eora(write_eora(table, tmp_path), **GIVEN)
    assert found.provenance["release"] == "Eora run 082 2013 basic"
    step = found.provenance["steps"][0]
    assert step["regions with supply and use tables"] == ["r1", "r3"]
    assert sum(step["primary inputs"].values()) == pytest.approx(table.value_added.sum())
    assert step["CO2 rows"] == ["I-CO2 | Total CO2 emissions (Gg) from EDGAR | Total"]
    sheets = {file["name"]: file for file in found.provenance["files"]}
    packed = Files(tmp_path / "T-Results_2013_082_Markup001(full).csv.zip")
    assert sheets[packed.names[0]] == packed.record(packed.names[0])


def test_wiod_round_trip(shared: Path, tmp_path: Path) -> None:
    from carbonflows.sources.wiod2013 import read_wiod2013

    table = mixed(read_wiod2013(shared / "wiod2013/wiod13_2007.npz"), ["DEU", "ROU", "CHN"])
    found = read_eora(write_eora(table, tmp_path, year=2007, packed=False))
    same(found, table)
    assert found.provenance["steps"][0]["unit"].startswith("M USD, as the value added")
    assert found.members["ROW"] == ("*",)
    assert found.members["ROU"] == ("ROU",)


def test_supply_and_use_tables_give_the_flows_of_the_table_they_were_made_of(
    tmp_path: Path,
) -> None:
    world = random_world(5, 4, 3, emission_unit="Gg CO2")
    found = read_eora(write_eora(mixed(world, ["r2", "r4"]), tmp_path), **GIVEN)
    assert len(found.nodes) == len(world.nodes) + 6
    np.testing.assert_allclose(flows(Leontief(found)), flows(Leontief(world)), rtol=1e-12)


# Blocks


def test_rows_pass_by_as_often_as_asked(tmp_path: Path) -> None:
    table = small(2, 30, 30)
    stream = SOURCE.blocks(write_eora(table, tmp_path), **GIVEN)
    assert len(stream.provenance()["files"]) == 7
    for _ in range(2):
        blocks = list(stream.rows())
        assert len(blocks) > 2
        np.testing.assert_array_equal(np.concatenate([rows for _, rows in blocks]), table.Z)
        starts = np.cumsum([0, *(len(rows) for _, rows in blocks)])[:-1]
        assert [start for start, _ in blocks] == starts.tolist()
        assert len(stream.provenance()["files"]) == 8
    assert stream.provenance()["steps"][0]["balance"]["gap"] < 1e-12


def test_discrepancies_in_the_middle(tmp_path: Path) -> None:
    """Rows and columns left out need not be the last ones."""
    rng = np.random.default_rng(0)
    T = rng.uniform(1, 9, (5, 5)).round(3)
    (tmp_path / "T.csv").write_text("\n".join(",".join(map(str, row)) for row in T.tolist()))
    inside = np.array([True, True, False, True, True])
    none = np.zeros(5, bool)
    passing = EoraFlows([(Files(tmp_path), "T.csv")], inside, none, none)
    ((start, block),) = passing.blocks()
    assert start == 0
    np.testing.assert_array_equal(block, T[np.ix_(inside, inside)])
    np.testing.assert_allclose(passing.sums.sold, T.sum(axis=1))
    np.testing.assert_allclose(passing.sums.cost, T.sum(axis=0))
    np.testing.assert_array_equal(passing.sums.own, np.diag(T))
    np.testing.assert_array_equal(passing.sums.to_it, T[:, 2])
    np.testing.assert_array_equal(passing.sums.bought, T[2])


@pytest.mark.parametrize("cuts", [([], []), ([2], [3]), ([1, 2], [4]), ([3], [1, 2, 4])])
def test_sheets_of_different_blocks_add_up(cuts: tuple[list[int], list[int]]) -> None:
    rng = np.random.default_rng(1)
    sheets = rng.uniform(-1, 1, (2, 5, 3))
    streams = [
        iter([(0, part) for part in np.split(sheet, cut)])
        for sheet, cut in zip(sheets, cuts, strict=True)
    ]
    blocks = list(_added(streams))
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in blocks]), sheets.sum(axis=0))
    ends = np.cumsum([len(rows) for _, rows in blocks]).tolist()
    assert [start for start, _ in blocks] == [0, *ends[:-1]]


# Valuation


def margins_of(table: IOTable) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(4)
    shapes = (table.Z.shape, table.Y.shape)
    return {m: tuple(rng.uniform(0, 1, shape) for shape in shapes) for m in range(2, 6)}  # type: ignore[misc]


def test_purchasers_prices_are_the_sum_of_five_sheets(tmp_path: Path) -> None:
    table = small()
    margins = margins_of(table)
    write_eora(table, tmp_path, margins=margins)
    same(read_eora(tmp_path, **GIVEN), table)
    found = read_eora(tmp_path, prices="purchasers", **GIVEN)
    for k, part in enumerate(("Z", "Y")):
        whole = getattr(table, part).to_numpy() + sum(margin[k] for margin in margins.values())
        np.testing.assert_allclose(getattr(found, part), whole, rtol=1e-13)
    assert found.price_basis == "current purchasers' prices"
    assert len(found.provenance["files"]) == 4 + 5 + 5 + 2
    (tmp_path / "T-Results_2013_082_Markup004(full).csv.zip").unlink()
    with pytest.raises(SourceError, match=r"no sheet T 004 of 2013 .*T 001, T 002, T 003, T 005"):
        read_eora(tmp_path, prices="purchasers", **GIVEN)


def test_sheets_named_in_words(tmp_path: Path) -> None:
    table = small()
    write_eora(table, tmp_path, names="basic price/Eora_{year}_{kind}.csv")
    (tmp_path / "taxes").mkdir()
    (tmp_path / "taxes/Eora_2013_T.csv").write_text("of another size")
    (tmp_path / "basic price/Eora_2013_T_stddev.csv").write_text("standard deviations")
    same(read_eora(tmp_path, **GIVEN), table)


# Discrepancies


@pytest.fixture
def with_outside(tmp_path: Path) -> tuple[IOTable, dict[str, np.ndarray | float], Path]:
    table = small(7)
    outside = outside_of(table)
    return table, outside, write_eora(table, tmp_path, outside=outside)


def test_dropped(with_outside: tuple[IOTable, dict, Path]) -> None:
    table, outside, path = with_outside
    found = read_eora(path, **GIVEN)
    same(found, table)
    lost = found.provenance["steps"][0]["sums of ROW"]
    assert lost == pytest.approx({
        "purchases from it": outside["row"].sum(),
        "sales to it": outside["column"].sum() + outside["bought"].sum(),
        "its sales to final demand": outside["sold"].sum(),
        "within it": 3.0,
        "its primary inputs": outside["added"],
        "its emissions": 5.0,
    })  # fmt: skip


def test_kept(with_outside: tuple[IOTable, dict, Path]) -> None:
    table, outside, path = with_outside
    found = read_eora(path, discrepancies="keep", **GIVEN)
    assert len(found.nodes) == len(table.nodes) + 1
    np.testing.assert_array_equal(found.Z.loc[("ROW", "TOTAL")].to_numpy()[:-1], outside["row"])
    assert found.extensions["emissions"].F.loc["CO2", ("ROW", "TOTAL")] == 5.0
    assert found.members["ROW"] == ("*",)
    assert "sums of ROW" not in found.provenance["steps"][0]


def test_to_final_keeps_outputs(with_outside: tuple[IOTable, dict, Path]) -> None:
    table, outside, path = with_outside
    found = read_eora(path, discrepancies="to_final", **GIVEN)
    whole = read_eora(path, discrepancies="keep", **GIVEN)
    np.testing.assert_allclose(found.x, whole.x.iloc[:-1], rtol=1e-13)
    extra = found.Y.loc[:, found.demand.get_level_values("category") == "discrepancy"].to_numpy()
    own = found.node_region[:, None] == np.arange(len(found.regions))
    np.testing.assert_allclose(extra[own], outside["column"] + outside["bought"], rtol=1e-13)
    np.testing.assert_allclose(found.value_added, table.value_added + outside["row"], rtol=1e-12)
    assert len(found.provenance["files"]) == 8


# Choices


def test_rows_are_chosen_by_name(tmp_path: Path) -> None:
    path = write_eora(small(), tmp_path)
    whole = read_eora(path, **GIVEN).extensions["emissions"]
    assert whole.unit.tolist() == ["Gg CO2"]
    primap = read_eora(path, co2="PRIMAP|KYOTOGHGAR4|TOTAL|GgCO2eq", **GIVEN)
    ext = primap.extensions["emissions"]
    assert ext.unit.to_dict() == {"PRIMAP | PRIMAP|KYOTOGHGAR4|TOTAL|GgCO2eq": "Gg CO2eq"}
    np.testing.assert_array_equal(ext.F, whole.F * 0.25)
    np.testing.assert_array_equal(ext.F_Y, whole.F_Y * 0.25)
    assert not read_eora(path, co2=False, **GIVEN).extensions
    with pytest.raises(LabelError, match=r"index_q\.csv has no row 'Total CO2'.*did you mean"):
        read_eora(path, co2="Total CO2", **GIVEN)


@pytest.mark.parametrize(("scale", "unit"), [(1e9, "thousand USD"), (1e6, "M USD")])
def test_unit_by_magnitude(tmp_path: Path, scale: float, unit: str) -> None:
    table = small(3)
    factor = 60 * scale / float(table.value_added.sum())
    found = read_eora(
        write_eora(
            table.replace(
                Z=table.Z * factor, Y=table.Y * factor, value_added=table.value_added * factor
            ),
            tmp_path,
        )
    )
    assert found.unit == unit


def test_unit_that_fits_nothing(tmp_path: Path) -> None:
    with pytest.raises(
        UnitError, match="plausible neither in thousand nor in million USD: st"
    ) as e:
        read_eora(write_eora(small(), tmp_path))
    assert str(tmp_path) in str(e.value)


def test_years(tmp_path: Path) -> None:
    write_eora(small(1), tmp_path)
    write_eora(small(2), tmp_path, year=2014)
    same(read_eora(tmp_path, 2013, **GIVEN), small(1))
    same(read_eora(tmp_path, 2014, **GIVEN), small(2))
    assert SOURCE.recognise(Files(tmp_path)) == "Eora 2013, 2014"
    with pytest.raises(SourceError, match="no year 2015: there are 2013, 2014"):
        read_eora(tmp_path, 2015)
    with pytest.raises(SourceError, match="holds the years 2013, 2014: say which one"):
        read_eora(tmp_path)


def test_year_that_no_name_says(tmp_path: Path) -> None:
    path = write_eora(small(), tmp_path / "here", names="{kind}.csv", **LOOSE)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match=r"T?\.csv does not say its year: give it as year="):
        read_eora(path, **GIVEN)
    assert read_eora(path, 2013, **GIVEN).year == 2013
    path = path.rename(tmp_path / "Eora 2013")
    assert read_eora(path, **GIVEN).year == 2013
    with pytest.raises(SourceError, match="has no year 2012: there are 2013"):
        read_eora(path, 2012, **GIVEN)
    (path / "T.csv").rename(path / "T_2013_in_2015.csv")
    with pytest.raises(SourceError, match=r"T_2013_in_2015\.csv names the years 2013, 2015"):
        read_eora(path, **GIVEN)


def test_one_archive_with_labels_beside(tmp_path: Path) -> None:
    write_eora(small(), tmp_path, names="s/{kind}.csv", **LOOSE)  # type: ignore[arg-type]
    shutil.make_archive(str(tmp_path / "Eora_2013_basic"), "zip", tmp_path / "s")
    shutil.rmtree(tmp_path / "s")
    with zipfile.ZipFile(tmp_path / "indices.zip", "w") as archive:
        for index in tmp_path.glob("index_*.csv"):
            archive.write(index, index.name)
            index.unlink()
    for path in (tmp_path / "Eora_2013_basic.zip", tmp_path):
        same(read_eora(path, **GIVEN), small())
        assert SOURCE.recognise(Files(path)) == "Eora 2013"


def test_what_is_not_recognised(tmp_path: Path, shared: Path) -> None:
    write_eora(small(), tmp_path)
    (tmp_path / "indices.zip").unlink()
    assert SOURCE.recognise(Files(tmp_path)) is None  # sheets alone may be of GLORIA
    for layout in ("gloria_mock", "eora26_mock", "exio3_mock"):
        assert SOURCE.recognise(Files(shared / "layouts" / layout)) is None


@pytest.mark.parametrize("policy", ["prices", "discrepancies", "unbalanced"])
def test_unknown_policy(tmp_path: Path, policy: str) -> None:
    with pytest.raises(SourceError, match=f"{policy}='guess' is not known"):
        read_eora(tmp_path, **{policy: "guess"})  # type: ignore[arg-type]


# Labels


def test_sectors_that_occur_twice_get_a_number(tmp_path: Path) -> None:
    table = small()
    path = write_eora(table, tmp_path, **LOOSE)  # type: ignore[arg-type]
    edit(path, "index_t.csv", lambda x: [a.replace("Commodities,s2", "Commodities,s1") for a in x])
    found = read_eora(path, **GIVEN)
    assert list(found.Z.loc["r1"].index) == [
        "Industry: s1", "Industry: s2", "Industry: s3",
        "Commodity: s1", "Commodity: s1 (2)", "Commodity: s3",
    ]  # fmt: skip
    np.testing.assert_array_equal(found.Z.to_numpy(), table.Z.to_numpy())
    step = found.provenance["steps"][0]
    assert step["repeated sectors"] == ["r1 Commodity: s1 (2)", "r3 Commodity: s1 (2)"]


def test_labels_with_commas(tmp_path: Path) -> None:
    table = small(sut=0)
    nodes = [(r, f"Ice, snow and {s}") for r, s in table.nodes]
    index = pd.MultiIndex.from_tuples(nodes, names=table.nodes.names)
    ext = table.extensions["emissions"]
    for quoted in (True, False):
        path = write_eora(table, tmp_path, **LOOSE)  # type: ignore[arg-type]
        lines = [(f"Land {r}", r, "Industries", s) for r, s in nodes]
        head = ["", "Country", "CountryA3", "Entity", "Sector"]
        write_index(path / "index_t.csv", head, lines, quoted)
        found = read_eora(path, **GIVEN)
        assert found.nodes.equals(index)
        np.testing.assert_array_equal(found.extensions["emissions"].F, ext.F)


def test_labels_with_blanks_and_trailing_commas(tmp_path: Path) -> None:
    path = write_eora(small(), tmp_path, **LOOSE)  # type: ignore[arg-type]
    for index in path.glob("index_*.csv"):
        rows = [line.split(",") for line in index.read_text().splitlines()]
        lines = [", ".join([row[0], *(f'"{cell}"' for cell in row[1:])]) for row in rows]
        index.write_text("".join(f"{line},\n" for line in lines))
    same(read_eora(path, **GIVEN), small())


def test_industries_and_commodities_mixed_up_are_warned_of(tmp_path: Path) -> None:
    path = write_eora(small(), tmp_path, **LOOSE)  # type: ignore[arg-type]

    def change(lines: list[str]) -> list[str]:
        swapped = {"Industries": "Commodities", "Commodities": "Industries"}
        rows = [line.split(",") for line in lines]
        return [",".join([*row[:3], swapped.get(row[3], row[3]), row[4]]) for row in rows]

    edit(path, "index_t.csv", lambda x: [x[0], *change(x[1:7]), *x[7:]])
    found = read_eora(path, **GIVEN)
    assert any("to others than commodities" in w for w in found.provenance["warnings"])


# Damaged files


def edit(folder: Path, name: str, change: Callable[[list[str]], list[str]]) -> None:
    file = folder / name
    lines = file.read_text().splitlines()
    file.write_text("\n".join(change(lines)) + "\n")


def cell(line: int, column: int, text: str) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        cells = lines[line].split(",")
        cells[column] = text
        return [*lines[:line], ",".join(cells), *lines[line + 1 :]]

    return change


def swap(a: int, b: int) -> Callable[[list[str]], list[str]]:
    """Exchange two lines, and give them the numbers of their places."""

    def change(lines: list[str]) -> list[str]:
        for one, other in ((a, b), (b, a)):
            _, _, rest = lines[one].partition(",")
            lines[one] = f"{other},{rest}"
        lines[a], lines[b] = lines[b], lines[a]
        return lines

    return change


T, Y, V, Q = (f"{kind}-Results_2013_082_Markup001(full).csv" for kind in "TYVQ")
DAMAGES: dict[str, tuple[str, Callable[[list[str]], list[str]], type[CarbonflowsError], str]] = {
    "line lost": (T, lambda x: x[:-1], SourceError, r"T-.* has 17 lines.*18 were expected"),
    "line too many": (T, lambda x: [*x, x[-1]], SourceError, r"T-.* has more than 18 lines"),
    "cut within a line": (T, lambda x: [*x[:-1], x[-1][:40]], SourceError, r"T-.* line 18 has"),
    "column too many": (T, lambda x: [f"{a},1" for a in x], SourceError, r"T-.* line 1 has 19"),
    "columns lost": (Y, lambda x: [a.rsplit(",", 2)[0] for a in x], SourceError, r"Y-.* line 1"),
    "empty": (T, lambda x: [], SourceError, r"T-.* (has 0 lines|line 1)"),
    "text": (T, cell(3, 5, "n.a."), DataError, r"T-.* line 4, column 6 is 'n\.a\.'"),
    "empty cell": (Y, cell(2, 1, ""), DataError, r"Y-.* line 3, column 2 is empty"),
    "decimal comma": (T, cell(0, 0, "1,5"), SourceError, r"T-.* line 1 has 19 cells"),
    "infinite": (V, cell(1, 4, "1e999"), DataError, r"V-.* line 2, column 5"),
    "NaN": (T, cell(1, 1, "nan"), DataError, r"T-.* line 2, column 2"),
    "text in CO2": (Q, cell(3, 2, "x"), DataError, r"Q-.* line 4, column 3 is 'x'"),
    "satellite cut off": (Q, lambda x: x[:3], SourceError, r"Q-.* has 3 lines, index_q.csv has 4"),
    "satellite without final demand": (
        Q, lambda x: [a.rsplit(",", 8)[0] for a in x], SourceError, "Q-.* line 4 has 18 cells",
    ),
    "inputs cut off": (V, lambda x: x[:-2], SourceError, r"V-.* has 6 lines.*8 were expected"),
    "lost point in T": (T, cell(6, 3, "98765"), DataError, "sells 9|costs 9"),
    "lost point in Y": (Y, cell(6, 2, "98765"), DataError, "sells 9.*e.04|98"),
    "lost point in V": (V, cell(0, 1, "98765"), DataError, "costs 98"),
    "label twice": ("index_t.csv", lambda x: [*x[:2], x[1], *x[3:]], SourceError, "line 3 has the"),
    "label lost": ("index_t.csv", lambda x: x[:-1], SourceError, r"-Results.* (line 1|more than)"),
    "label empty": ("index_t.csv", cell(2, 4, ""), LabelError, "index_t.csv line 3: .*no sector"),
    "cells missing": ("index_t.csv", lambda x: [*x[:3], "3,r1", *x[4:]], SourceError, "line 4 has"),
    "no code": ("index_y.csv", cell(2, 2, ""), SourceError, r"index_y.csv line 3 has no CountryA3"),
    "kind unknown": ("index_t.csv", cell(2, 3, "Totals"), LabelError, "line 3: 'Totals', 's2' is"),
    "lines not in order": (
        "index_t.csv", lambda x: [*x[:3], x[4], x[3], *x[5:]], SourceError, "number 4, 3 was exp",
    ),
    "regions mixed": ("index_t.csv", swap(6, 8), LabelError, r"index_t.csv line 9: r1 comes back"),
    "categories swapped": ("index_y.csv", swap(3, 4), LabelError, "index_y.csv: r2 does not"),
    "code of another": ("index_t.csv", cell(1, 2, "r9"), LabelError, "contradicts"),
    "indicator too many": ("index_q.csv", lambda x: [*x, "5,a,b,c"], SourceError, "csv has 5"),
    "no header": ("index_t.csv", lambda x: x[1:], SourceError, "no column countrya3.*it has"),
    "no labels": ("index_t.csv", lambda x: x[:1], SourceError, "index_t.csv has no labels"),
    "region missing": ("index_y.csv", lambda x: x[:-2], SourceError, "same regions.*r4"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged(tmp_path: Path, damage: str) -> None:
    name, change, error, match = DAMAGES[damage]
    path = write_eora(small(), tmp_path, **LOOSE)  # type: ignore[arg-type]
    edit(path, name, change)
    with pytest.raises(error, match=match) as caught:
        read_eora(path, **GIVEN)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [T, Y, V, Q, *(f"index_{k}.csv" for k in "tvyq")])
def test_file_missing(tmp_path: Path, name: str) -> None:
    path = write_eora(small(), tmp_path, **LOOSE)  # type: ignore[arg-type]
    (path / name).unlink()
    match = r"no sheet T of Eora" if name == T else rf"no (sheet {name[0]} 001 of|{name}: put)"
    with pytest.raises(SourceError, match=match):
        read_eora(path, **GIVEN)


def test_sheet_twice(tmp_path: Path) -> None:
    path = write_eora(small(), tmp_path)
    shutil.copy(path / f"{T}.zip", path / f"2_{T}.zip")
    with pytest.raises(SourceError, match=r"holds the same sheet 2 times .*: keep one"):
        read_eora(path, **GIVEN)


@pytest.mark.parametrize("kind", ["T", "Y", "V", "Q", "index"])
def test_mixed_releases(tmp_path: Path, kind: str) -> None:
    path = write_eora(small(), tmp_path / "e", **LOOSE)  # type: ignore[arg-type]
    other = write_eora(small(1, 5), tmp_path / "other", **LOOSE)  # type: ignore[arg-type]
    for file in other.glob("index_*" if kind == "index" else f"{kind}-*"):
        shutil.copy(file, path / file.name)
    with pytest.raises(SourceError, match=r"labels do not fit|were expected|more than"):
        read_eora(path, **GIVEN)


@pytest.mark.parametrize("name", [T, "index_t.csv"])
def test_web_page(tmp_path: Path, name: str) -> None:
    path = write_eora(small(), tmp_path, **LOOSE)  # type: ignore[arg-type]
    (path / name).write_text("<!DOCTYPE html><html><body>Please log in</body></html>")
    with pytest.raises(SourceError, match=r"is a web page"):
        read_eora(path, **GIVEN)


@pytest.mark.parametrize("name", [T, "index_t.csv"])
def test_wrong_encoding(tmp_path: Path, name: str) -> None:
    path = write_eora(small(), tmp_path, **LOOSE)  # type: ignore[arg-type]
    (path / name).write_bytes((path / name).read_text().encode("utf-16"))
    with pytest.raises(CarbonflowsError, match=name[:8]):
        read_eora(path, **GIVEN)


def test_damaged_archives(tmp_path: Path) -> None:
    path = write_eora(small(), tmp_path)
    packed = path / f"{T}.zip"
    whole = packed.read_bytes()
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("../evil.csv", "x")
    with pytest.raises(SourceError, match="outside itself"):
        read_eora(path, **GIVEN)
    packed.write_bytes(whole[:-20])
    with pytest.raises(SourceError, match="not a sound zip"):
        read_eora(path, **GIVEN)
    packed.write_bytes(whole[:200] + bytes([whole[200] ^ 255]) + whole[201:])
    with pytest.raises(CarbonflowsError, match="T-Results"):
        read_eora(path, **GIVEN)


@pytest.mark.parametrize("seed", range(60))
def test_any_number_times_a_hundred(tmp_path: Path, seed: int) -> None:
    """A lost decimal point is refused, or shows in the balance, which is otherwise perfect.

    On the diagonal of T it raises sales and costs alike: there only own use can give it away.
    """
    rng = np.random.default_rng(seed)
    path = write_eora(small(), tmp_path, **LOOSE)  # type: ignore[arg-type]
    name = rng.choice([T, Y, V])
    lines = (path / name).read_text().splitlines()
    filled = [i for i, line in enumerate(lines) if any(float(c) for c in line.split(","))]
    i = int(rng.choice(filled))
    cells = lines[i].split(",")
    j = int(rng.choice([k for k, c in enumerate(cells) if float(c) != 0.0]))
    edit(path, name, cell(i, j, repr(float(cells[j]) * 100)))
    try:
        found = read_eora(path, **GIVEN)
    except DataError:
        return
    if name == T and i == j:
        share = found.Z.to_numpy()[i, i] / found.x.iloc[i]
        assert share < 0.9 or any("themselves" in w for w in found.provenance["warnings"])
    else:
        assert found.provenance["steps"][0]["balance"]["gap"] > 1e-6
